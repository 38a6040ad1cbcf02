"""Containers: the wish (`desired_state` and two requests) beside what was seen (`status` and what follows)."""

from datetime import datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import JSON, Enum, Index, Text
from sqlmodel import Field

from backend.models.base import Table, at_field, id_field
from backend.rules.lifecycle import DesiredState, Phase, Status
from backend.rules.moves import MoveWay

__all__ = [
    "Container",
    "ContainerConsole",
    "ContainerEvent",
    "ContainerSchedule",
    "ContainerType",
    "DesiredState",
    "MoveWay",
    "Phase",
    "Status",
]


class ContainerType(Table, table=True):
    """A size with a price. `private` types are not given to new quotas."""

    __tablename__ = "container_type"

    id: int = id_field()
    container_type_name: str = Field(max_length=64, unique=True)
    memory_mb: int
    vcpus: int
    disk_gib: int
    credits_cost: int
    private: bool = False
    idle_stop_min: int = 0
    """Minutes without any use after which such a container is stopped; 0: never."""
    lifetime_h: int = 0
    """Hours after which such a container is deleted, counted from its creation; 0: never."""
    poolable: bool = False
    """Some are kept booted for whoever creates one next."""
    pool_target: int = 0
    """How many, on each node."""
    pool_wanted_at: datetime | None = at_field(nullable=True)
    """When one was created last: where nobody wants them, fewer are kept."""


def _words(kind: type[StrEnum]) -> list[str]:
    return [member.value for member in kind]


def _enum(default: StrEnum, *, index: bool = False) -> Any:
    """A column that holds the word and gives back the member."""
    words = Enum(type(default), native_enum=False, length=16, values_callable=_words)
    return Field(default=default, sa_type=cast(Any, words), index=index)


class Container(Table, table=True):
    """A user's VM. Services write the wish, and begin a start over; what follows `status` is else the reconciler's."""

    __tablename__ = "container"
    __table_args__ = (Index("ux_container_user_name", "user_id", "name", unique=True),)

    id: int = id_field()
    uuid: UUID = Field(default_factory=uuid4, unique=True)
    name: str = Field(max_length=63)
    user_id: int = Field(foreign_key="user_account.id", index=True)
    node_id: int = Field(foreign_key="node.id", index=True)
    container_type_id: int | None = Field(default=None, foreign_key="container_type.id")
    resource_quota_id: int = Field(foreign_key="resource_quota.id", index=True)
    memory_mb: int
    vcpus: int
    disk_gib: int
    memory_mb_override: int | None = None
    """Overrides hold whatever the type says; without one the size follows the type (rules/sizes.py)."""
    vcpus_override: int | None = None
    disk_gib_override: int | None = None
    placement: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """What was weighed when the node was chosen; rules/placement.py's Decision as plain data."""
    created_at: datetime = at_field(set_now=True)

    desired_state: DesiredState = _enum(DesiredState.RUNNING, index=True)
    sleeps: bool = False
    """How it is to be stopped: with what it has in memory kept, to go on from there."""
    forgets_memory: bool = False
    """Its next start is not to go on from what was kept: that is thrown away."""
    copy_of: UUID | None = Field(default=None, index=True)
    """The container whose disk it begins with; empty once it has it."""
    restart_requested_at: datetime | None = at_field(nullable=True)
    delete_requested_at: datetime | None = at_field(nullable=True)
    move_to_node_id: int | None = Field(default=None, foreign_key="node.id")
    """Where an operator wants it to be instead (draining)."""
    move_way: MoveWay = _enum(MoveWay.OPEN)
    move_disk: str = Field(default="", max_length=80)
    """The copy of its disk that is being made there; empty until that has begun."""
    move_reason: str = Field(default="", max_length=500)
    """Why it is still here, as a sentence."""
    move_after: datetime | None = at_field(nullable=True)
    """The move goes on at this time, not before: people were told, or a try failed."""
    moves: int = 0
    """Copies begun so far: each has a name of its own, so that deleting an old one can never hit a new one."""
    disk: str = Field(default="", max_length=80)
    """Its disk's name on the node, where that is not the domain's."""

    status: Status = _enum(Status.CREATED, index=True)
    status_reason: str = Field(default="", max_length=500)
    phase: Phase = _enum(Phase.NONE)
    phases: list[Any] = Field(default_factory=list, sa_type=JSON)
    """The last start, as [[phase, ISO time], …]; "ready" ends it (rules/timeline.py)."""
    has_disk: bool = False
    """A disk was made. If it is gone later that is an error, never a reason to make an empty one."""
    disk_made_gib: int = 0
    """The disk's size on the node; smaller than `disk_gib`: it grows before the next boot."""
    booted_at: datetime | None = at_field(nullable=True)
    stop_asked_at: datetime | None = at_field(nullable=True)
    asleep: bool = False
    """What it had in memory is kept on its node; until its guest has answered again after waking."""
    boot_id: str = Field(default="", max_length=36)
    """Its kernel's id of the last boot: another one after waking means that it had to boot."""
    copy_disk: str = Field(default="", max_length=80)
    """The copy that is being made to be its disk; empty until that has begun. Its original keeps still meanwhile."""
    restore_to: str = Field(default="", max_length=40)
    """The tag of the checkpoint that its disk is to be set back to, before it runs again."""
    checkpoints_due: bool = False
    """There are checkpoints to be made, or to be forgotten, on its disk."""
    pooled: bool = Field(default=False, index=True)
    """Nobody's yet: it is kept warm for whoever creates one of its type."""
    rekeys: bool = False
    """It was kept warm, and is to become its owner's: new keys, name, machine id."""
    failures: int = 0
    retry_at: datetime | None = at_field(nullable=True)
    """After a fault: not before then. Empty with status `error`: not until a person asks."""
    last_step: str = Field(default="", max_length=32)
    """What the reconciler did last, and when."""
    last_step_at: datetime | None = at_field(nullable=True)

    last_active_at: datetime | None = at_field(nullable=True)
    """When somebody or something last used it; kept to the minute."""
    expires_at: datetime | None = at_field(nullable=True)
    """It is deleted then; its owner is warned before."""
    expiry_warned_at: datetime | None = at_field(nullable=True)

    public_key: str = Field(default="", max_length=200)
    private_key_sealed: str = ""
    """Our key into the guest, sealed with the secret key."""
    host_key: str = Field(default="", max_length=200)
    """The guest's host key, announced over the hypervisor's own channel."""

    @property
    def domain_name(self) -> str:
        """The libvirt name: deterministic, and unique across installations."""
        return domain_name(self.uuid)

    @property
    def disk_name(self) -> str:
        """The name of its disk on the node."""
        return self.disk or self.domain_name


def domain_name(uuid: UUID) -> str:
    """The libvirt domain of a container."""
    return f"pqk-{uuid}"


class ContainerConsole(Table, table=True):
    """The end of what a container's machine wrote to its console, as text."""

    __tablename__ = "container_console"

    container_id: int = Field(primary_key=True, foreign_key="container.id", ondelete="CASCADE")
    text: str = Field(default="", sa_type=Text)
    updated_at: datetime = at_field(set_now=True)


class ContainerEvent(Table, table=True):
    """What was done to a container's machine, or happened to it: the newest few hundred of each."""

    __tablename__ = "container_event"

    id: int = id_field()
    container_id: int = Field(foreign_key="container.id", index=True, ondelete="CASCADE")
    at: datetime = at_field(set_now=True)
    kind: str = Field(max_length=32)
    """A Step of rules/lifecycle.py that was begun, or what came of it: running, failed."""
    text: str = Field(default="", max_length=500)


class ContainerSchedule(Table, table=True):
    """Start or stop a container at a time of day, on some days of the week, in a time zone."""

    __tablename__ = "container_schedule"

    id: int = id_field()
    container_id: int = Field(foreign_key="container.id", index=True, ondelete="CASCADE")
    desired_state: DesiredState = _enum(DesiredState.STOPPED)
    weekdays: str = Field(default="0123456", max_length=7)
    """Digits, Monday is 0."""
    minute_of_day: int = 0
    time_zone: str = Field(default="UTC", max_length=64)
    enabled: bool = True
    next_at: datetime | None = at_field(nullable=True, index=True)
