"""Nodes, and what is being done on them, as an administrator sees it."""

from dataclasses import dataclass
from datetime import datetime

from backend.rules.placement import ScoreParts


@dataclass(frozen=True, slots=True)
class Resources:
    """Memory and vCPUs of a node, and how many containers run there (or, of a capacity, are kept there)."""

    memory_mb: int
    vcpus: int
    containers: int


@dataclass(frozen=True, slots=True)
class NodeView:
    """A host as an administrator sees it."""

    id: int
    name: str
    uri: str
    arch: str
    acceleration: str
    kvm_available: bool
    healthy: bool
    prepared: bool
    draining: bool
    reason: str
    """Why it is not healthy or not prepared; empty when all is well."""
    heartbeat_at: datetime | None
    capacity: Resources
    used: Resources
    free: Resources
    score: ScoreParts
    containers: int
    """How many are on it, stopped ones too; `moving`: how many of those have another node as their aim."""
    moving: int
    blocked_cidrs: tuple[str, ...]
    orphans: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReconcileView:
    """What the reconciler makes of a container: what is wished, what was seen, and what it did about it."""

    container_id: int
    name: str
    owner: str
    node_id: int
    node_name: str
    desired: str
    """running, stopped, restarted, deleted, or on which node."""
    observed: str
    phase: str
    last_step: str
    last_step_at: datetime | None
    reason: str
    next_look_at: datetime | None
    """When something falls due by itself; else it looks when something changes, and every few seconds."""
    is_settled: bool
