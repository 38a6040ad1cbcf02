"""What services hand out: plain frozen data, safe to show to the actor who asked."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backend.rules.lifecycle import activity
from backend.rules.policy import Action, Role, TeamRole
from backend.rules.sizes import FullSize


@dataclass(frozen=True, slots=True)
class PhaseView:
    """A step of the last start: its name and when it began."""

    phase: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ContainerView:
    """A container as the actor sees it. `status` is the shown one, `unknown` included."""

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
    desired_state: str
    status: str
    reason: str
    """Why it is in error or unknown, as a sentence; empty otherwise."""
    phase: str
    phases: tuple[PhaseView, ...]
    deleting: bool
    restarting: bool
    created_at: datetime
    placement: dict[str, Any] = field(default_factory=dict[str, Any])
    is_mine: bool = True
    """The actor owns it."""
    role: Role | None = None
    """The actor's, in somebody else's container; None for the owner, and for a superuser whom nobody gave one."""
    allowed: frozenset[Action] = frozenset()
    """All that the actor may do with it."""
    shared_with: tuple[str, ...] = ()
    """Teams and people, for whoever may share it."""
    leaves: int | None = None
    """Credits left after a start, of `limit`; negative: so many are missing. None where the actor may not know."""
    limit: int = 0
    overridden: tuple[str, ...] = ()
    """What does not follow its type, in words."""
    next_size: FullSize | None = None
    """What it has after its next start, where that differs: its type changed while it ran."""
    idle_stop_min: int = 0
    lifetime_h: int = 0
    expires_at: datetime | None = None
    is_expiry_near: bool = False
    """Its owner was warned."""
    is_asleep: bool = False
    """What it has in memory is kept: a start goes on from there. So also while it is on its way to that, or wakes."""
    has_disk: bool = True

    @property
    def activity(self) -> str:
        """What goes on, in a word: running, starting, stopping, stopped, restarting, copying, moving,
        deleting, error or unknown."""
        return activity(self.status, self.desired_state, self.phase, deleting=self.deleting, restarting=self.restarting)


@dataclass(frozen=True, slots=True)
class TypeView:
    """A type the actor may choose; `affordable` says whether the credits reach now."""

    id: int
    name: str
    memory_mb: int
    vcpus: int
    disk_gib: int
    credits_cost: int
    affordable: bool
    leaves: int
    """Credits left after a start, of `limit`; negative: so many are missing."""
    limit: int
    idle_stop_min: int = 0
    lifetime_h: int = 0


@dataclass(frozen=True, slots=True)
class CreditsView:
    """The actor's credits."""

    used: int
    limit: int
    active: bool

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A start or stop at a time of day, in words; `next_at` is empty while it is switched off."""

    id: int
    starts: bool
    when: str
    time_zone: str
    enabled: bool
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class QuotaView:
    """Somebody's quota, for an administrator. `types` maps the name of each type to why it can't be created now."""

    id: int
    user_id: int
    username: str
    credits: int
    used: int
    ai_use_per_day: int
    max_containers: int
    active: bool
    allowed_type_ids: tuple[int, ...]
    types: dict[str, str]


@dataclass(frozen=True, slots=True)
class SessionView:
    """One signed-in browser of the actor."""

    id: int
    current: bool
    created_at: datetime
    last_seen_at: datetime
    ip: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class UsageView:
    """The latest figures of a running container. CPU is a share of all its vCPUs, 0 to 100."""

    container_id: int
    cpu_percent: float
    mem_used_mb: int | None
    mem_total_mb: int | None
    values: tuple[float | None, ...] = ()
    """All of rules/downsampling.py's FIGURES."""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShareView:
    """A team or a person that a container is shared with."""

    id: int
    container_id: int
    name: str
    team_id: int | None
    user_id: int | None
    role: Role
    people: int
    """How many are actively in the team; 0 where it is a person."""


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team as the actor sees it."""

    id: int
    name: str
    description: str
    owner_id: int
    owner: str
    active: bool
    created_at: datetime
    people: int
    """Who is actively in it."""
    role: TeamRole | None
    """The actor's; None for a superuser who is not in it."""
    allowed: frozenset[Action] = frozenset()


@dataclass(frozen=True, slots=True)
class MemberView:
    """A person in a team. An inactive membership gives nothing until it is made active again."""

    user_id: int
    username: str
    role: TeamRole
    active: bool
    is_owner: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class TeamShareView:
    """A container that is shared with a team."""

    share_id: int
    container_id: int
    name: str
    owner_id: int
    owner: str
    role: Role


@dataclass(frozen=True, slots=True)
class TeamPageView:
    """A team with all that its page shows. Inactive members are for those who may change that."""

    team: TeamView
    members: tuple[MemberView, ...]
    shares: tuple[TeamShareView, ...]
