"""What administrators look at, and change."""

from datetime import datetime

from pydantic import BaseModel, Field

from backend.api.schemas.containers import Name, RowId, Sent, Shown
from backend.services.config import ConfigView

_Number = Field(ge=0, lt=2**31)
_Perhaps = Field(default=None, ge=0, lt=2**31)


class FullTypeOut(Shown):
    """A type of container. `idle_stop_min` and `lifetime_h`: 0 is never. `pool_target` are kept warm on each node."""

    id: int
    container_type_name: str
    memory_mb: int
    vcpus: int
    disk_gib: int
    credits_cost: int
    private: bool
    idle_stop_min: int
    lifetime_h: int
    poolable: bool
    pool_target: int


class TypeIn(Sent):
    """A new type."""

    container_type_name: Name
    memory_mb: int = _Number
    vcpus: int = _Number
    disk_gib: int = _Number
    credits_cost: int = _Number
    private: bool = False
    idle_stop_min: int = Field(default=0, ge=0, lt=2**31)
    lifetime_h: int = Field(default=0, ge=0, lt=2**31)
    poolable: bool = False
    pool_target: int = Field(default=0, ge=0, lt=2**31)


class TypeChange(Sent):
    """What to change; what is null stays."""

    container_type_name: Name | None = None
    memory_mb: int | None = _Perhaps
    vcpus: int | None = _Perhaps
    disk_gib: int | None = _Perhaps
    credits_cost: int | None = _Perhaps
    private: bool | None = None
    idle_stop_min: int | None = _Perhaps
    lifetime_h: int | None = _Perhaps
    poolable: bool | None = None
    pool_target: int | None = _Perhaps


class QuotaOut(Shown):
    """Somebody's quota. `types` says of each type why it can't be created now; empty: it can."""

    id: int
    user_id: int
    username: str
    credits: int
    used: int
    ai_use_per_day: int
    max_containers: int
    active: bool
    allowed_type_ids: list[int]
    types: dict[str, str]


class QuotaChange(Sent):
    """What to change; what is null stays. `allowed_type_ids` are all that are allowed from then on."""

    credits: int | None = _Perhaps
    ai_use_per_day: int | None = _Perhaps
    max_containers: int | None = _Perhaps
    active: bool | None = None
    allowed_type_ids: list[RowId] | None = Field(default=None, max_length=1000)


class GrantedOut(Shown):
    """How many times a type was missing in a quota, and is not any more."""

    granted: int


class ResourcesOut(Shown):
    """MiB, cores, and how many containers."""

    memory_mb: int
    vcpus: int
    containers: int


class ScoreOut(Shown):
    """What placement thinks of a node: the sum, and its terms."""

    memory: float
    vcpus: float
    containers: float
    total: float


class NodeOut(Shown):
    """A host."""

    id: int
    name: str
    uri: str
    arch: str
    acceleration: str
    kvm_available: bool
    healthy: bool
    prepared: bool
    draining: bool
    reason: str = Field(description="Why it is not healthy or not prepared; empty when all is well")
    heartbeat_at: datetime | None
    capacity: ResourcesOut
    used: ResourcesOut
    free: ResourcesOut
    score: ScoreOut
    containers: int
    moving: int
    blocked_cidrs: list[str]
    orphans: list[str]


class NodeIn(Sent):
    """A host, by its libvirt URI."""

    name: Name
    uri: str = Field(max_length=1000, examples=["qemu+tls://host.example/system"])
    blocked_cidrs: list[str] = Field(default_factory=list[str], max_length=100)


class NodeChange(Sent):
    """What to change; what is null stays."""

    name: Name | None = None
    uri: str | None = Field(default=None, max_length=1000)
    blocked_cidrs: list[str] | None = Field(default=None, max_length=100)


class NodeTry(Sent):
    """A libvirt URI to try."""

    uri: str = Field(max_length=1000, examples=["qemu+tls://host.example/system"])
    node_id: RowId | None = Field(default=None, description="The node whose URI it is or is to be, if there is one")


class NodeTried(Shown):
    """What was found there."""

    trouble: str = Field(description="Why no container could run there; empty when some could")
    arch: str
    cpus: int
    mem_mb: int
    kvm_advertised: bool
    libvirt_version: str


class ProviderTried(Shown):
    """What came of asking it."""

    works: bool
    message: str = Field(description="Which model answered, and what; or what stands in the way")


class ReconcilingOut(Shown):
    """What the reconciler makes of a container."""

    container_id: int
    name: str
    owner: str
    node_id: int
    node_name: str
    desired: str = Field(description="running, stopped, restarted, deleted, or on which node")
    observed: str
    phase: str
    last_step: str
    last_step_at: datetime | None
    reason: str
    next_look_at: datetime | None = Field(description="When something falls due by itself")
    is_settled: bool


class ConfigOut(BaseModel):
    """A key and its value. A secret's is never shown: `is_set` says whether there is one."""

    name: str
    value: str
    is_set: bool
    is_secret: bool
    unit: str
    help: str
    updated_at: datetime | None
    updated_by: str

    @classmethod
    def of(cls, view: ConfigView) -> "ConfigOut":
        """As the program reads it."""
        return cls(
            name=view.key.name,
            value=view.value,
            is_set=view.is_set,
            is_secret=view.key.secret,
            unit=view.key.unit,
            help=view.key.help,
            updated_at=view.updated_at,
            updated_by=view.updated_by,
        )


class ConfigIn(Sent):
    """The value, as it would be typed."""

    value: str = Field(max_length=10_000)
