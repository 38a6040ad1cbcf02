"""Containers, and what belongs to one."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.rules.policy import Role
from backend.services.container_search import Search

Name = Annotated[str, Field(max_length=200)]
RowId = Annotated[int, Field(ge=1, lt=2**31)]


class Sent(BaseModel):
    """What is sent to us: a field that we don't know is a mistake, not a wish that is passed over."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """What we answer with, read from a service's view."""

    model_config = ConfigDict(from_attributes=True)


class SizeOut(Shown):
    """MiB, cores, GiB."""

    memory_mb: int
    vcpus: int
    disk_gib: int


class PhaseOut(Shown):
    """A step of the last start, and when it began."""

    phase: str
    at: datetime


class ContainerOut(Shown):
    """A container: the wish (`desired_state`) beside what is seen (`status`), and `activity`, both in one word."""

    id: int
    name: str
    user_id: int
    owner: str
    type_name: str
    credits_cost: int
    node_name: str
    memory_mb: int
    vcpus: int
    disk_gib: int
    desired_state: str = Field(examples=["running"])
    status: str = Field(examples=["running"], description="created, provisioning, running, stopped, error or unknown")
    activity: str = Field(
        description="running, starting, stopping, stopped, restarting, copying, moving, deleting, error or unknown"
    )
    reason: str = Field(description="Why it is in error or unknown; else empty")
    phase: str
    phases: list[PhaseOut]
    deleting: bool
    restarting: bool
    is_asleep: bool = Field(description="What it has in memory is kept, or is about to be: a start goes on from there")
    created_at: datetime
    is_mine: bool
    role: Role | None = Field(description="Yours, in somebody else's container")
    shared_with: list[str]
    overridden: list[str] = Field(description="What does not follow its type")
    next_size: SizeOut | None = Field(description="What it has after its next start, where that differs")
    idle_stop_min: int
    lifetime_h: int
    expires_at: datetime | None


class ContainersAsked(BaseModel):
    """Which containers are listed."""

    status: Literal["", "created", "provisioning", "running", "stopped", "error", "unknown"] = ""
    desired_state: Literal["", "running", "stopped"] = ""
    owner: Literal["", "me", "others"] = Field(default="", description="`others`: only what is shared with you")
    type: Name = Field(default="", description="The name of a type")
    search: Name = Field(default="", description="In their names")

    def wanted(self) -> Search:
        """As the service takes it."""
        return Search(self.status, self.desired_state, self.owner, self.type, self.search)


class ContainerIn(Sent):
    """A new container, of a type by id or by name. Without a name it gets one."""

    container_type_id: RowId | None = None
    container_type: Name = Field(default="", examples=["small"])
    name: Name = ""


class ResizeIn(Sent):
    """Another type; or, for administrators, numbers of its own (0: as the type says)."""

    container_type_id: RowId | None = None
    memory_mb: int | None = Field(default=None, ge=0, lt=2**31)
    vcpus: int | None = Field(default=None, ge=0, lt=2**31)
    disk_gib: int | None = Field(default=None, ge=0, lt=2**31)


class ShareIn(Sent):
    """With whom: a user by name, or a team by id; and what they may do."""

    username: Name = ""
    team_id: RowId | None = None
    role: Role = Role.VIEWER


class ShareOut(Shown):
    """A team or a person that a container is shared with."""

    id: int
    container_id: int
    name: str
    team_id: int | None
    user_id: int | None
    role: Role
    people: int


class ScheduleIn(Sent):
    """A start or a stop at a time of day."""

    starts: bool = Field(description="true: start it; false: stop it")
    weekdays: str = Field(default="0123456", max_length=7, description="Digits; Monday is 0")
    time: str = Field(max_length=5, examples=["08:30"])
    time_zone: str = Field(default="UTC", max_length=64, examples=["Europe/Berlin"])


class ScheduleChange(Sent):
    """Switch it on or off."""

    enabled: bool


class ScheduleOut(Shown):
    """A start or a stop at a time of day, in words."""

    id: int
    starts: bool
    when: str
    time_zone: str
    enabled: bool
    next_at: datetime | None


class TypeOut(Shown):
    """A type that you may choose; `affordable`: your credits reach for it now."""

    id: int
    name: str
    memory_mb: int
    vcpus: int
    disk_gib: int
    credits_cost: int
    affordable: bool
    leaves: int = Field(description="Credits left after a start; negative: so many are missing")
    limit: int
    idle_stop_min: int
    lifetime_h: int
