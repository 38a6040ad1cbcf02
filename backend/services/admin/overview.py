"""The overview: what runs, what the nodes carry, what was made and what failed, and what needs somebody."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Integer, cast, extract
from sqlmodel import col, func, select

from backend.db import Tx
from backend.models import AuditLog, Container, DesiredState, Node, Status, User
from backend.models.base import now
from backend.operation import operation, require
from backend.rules.lifecycle import shown_status
from backend.rules.policy import Action, Actor
from backend.services import usage

_HOURS = 24
_CREATED, _FAILED = "container.create", "container.fault"


@dataclass(frozen=True, slots=True)
class NodeLoad:
    """A node: what it has, what is promised there, and what is used just now (vCPUs in cores, memory in MiB)."""

    node_id: int
    name: str
    healthy: bool
    capacity_vcpus: int
    used_vcpus: int
    live_vcpus: float
    capacity_mem_mb: int
    used_mem_mb: int
    live_mem_mb: int


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour that began `at`."""

    at: datetime
    created: int
    failed: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something for somebody to look at, as a sentence, and where."""

    text: str
    link: str
    is_grave: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the page shows."""

    states: dict[str, int]
    nodes: tuple[NodeLoad, ...]
    hours: tuple[Hour, ...]
    troubles: tuple[Trouble, ...]
    users: int


@operation(Action.ADMIN_OVERVIEW)
async def overview(tx: Tx, actor: Actor) -> Overview:
    """What is going on.

    Raises:
        Forbidden: the actor is no administrator.
    """
    require(actor, Action.ADMIN_OVERVIEW)
    nodes = (await tx.exec(select(Node).order_by(col(Node.name)))).all()
    states = await container_states(tx)
    return Overview(
        states=states,
        nodes=await node_loads(tx, nodes),
        hours=await _hours(tx),
        troubles=tuple(_troubles(nodes, states)),
        users=(await tx.exec(select(func.count()).select_from(User).where(col(User.is_active)))).one(),
    )


async def is_still_admin(tx: Tx, user_id: int | None) -> bool:
    """Whether the user is an administrator now: a page that stays open asks before it shows more."""
    user = await tx.get(User, user_id, populate_existing=True) if user_id is not None else None
    return user is not None and user.is_superuser and user.is_active


async def container_states(tx: Tx) -> dict[str, int]:
    """How many containers there are in each status, as it is shown."""
    query = select(Container.status, Node.healthy, func.count()).join(Node, col(Node.id) == Container.node_id)
    found: Counter[str] = Counter()
    for status, healthy, count in (await tx.exec(query.group_by(col(Container.status), col(Node.healthy)))).all():
        found[shown_status(Status(status), node_healthy=healthy)] += count
    return dict(found)


async def node_loads(tx: Tx, nodes: Sequence[Node]) -> tuple[NodeLoad, ...]:
    """What each of the nodes carries."""
    query = select(Container.id, Container.node_id, Container.vcpus, Container.memory_mb).where(
        col(Container.desired_state) == DesiredState.RUNNING, col(Container.delete_requested_at).is_(None)
    )
    rows = (await tx.exec(query)).all()
    live = usage.latest(row[0] for row in rows)
    sums: dict[int, list[float]] = defaultdict(lambda: [0, 0, 0, 0])
    for container_id, node_id, vcpus, memory_mb in rows:
        seen = live.get(container_id)
        cores, used_mb = (seen.cpu_percent / 100 * vcpus, seen.mem_used_mb or 0) if seen else (0, 0)
        sums[node_id] = [a + b for a, b in zip(sums[node_id], (vcpus, cores, memory_mb, used_mb), strict=True)]
    return tuple(_load(node, *sums[node.id]) for node in nodes)


def _load(node: Node, vcpus: float, cores: float, memory_mb: float, used_mb: float) -> NodeLoad:
    return NodeLoad(
        node_id=node.id,
        name=node.name,
        healthy=node.healthy,
        capacity_vcpus=node.capacity_vcpus,
        used_vcpus=int(vcpus),
        live_vcpus=round(cores, 2),
        capacity_mem_mb=node.capacity_mem_mb,
        used_mem_mb=int(memory_mb),
        live_mem_mb=int(used_mb),
    )


async def _hours(tx: Tx) -> tuple[Hour, ...]:
    """The last day, by hour, the present one last."""
    this = now().replace(minute=0, second=0, microsecond=0)
    first = this - timedelta(hours=_HOURS - 1)
    second = cast(extract("epoch", col(AuditLog.created_at)), Integer)
    hour = (second - second % 3600).label("hour")
    query = (
        select(col(AuditLog.action), hour, func.count())
        .where(
            col(AuditLog.action).in_([_CREATED, _FAILED]),
            col(AuditLog.created_at) >= first,
            col(AuditLog.success) | (col(AuditLog.action) == _FAILED),
        )
        .group_by(col(AuditLog.action), hour)
    )
    found = {(action, int(at)): count for action, at, count in (await tx.exec(query)).all()}
    starts = [first + timedelta(hours=each) for each in range(_HOURS)]
    return tuple(
        Hour(at.astimezone(UTC), *(found.get((what, int(at.timestamp())), 0) for what in (_CREATED, _FAILED)))
        for at in starts
    )


def _troubles(nodes: Sequence[Node], states: dict[str, int]) -> list[Trouble]:
    found: list[Trouble] = []
    for node in nodes:
        link = f"/admin/vm_manager/node/{node.id}/"
        why = f": {node.reason.rstrip('.')}" if node.reason else ""
        if not node.healthy:
            found.append(Trouble(f"Node “{node.name}” does not answer{why}.", link, is_grave=True))
        elif not node.prepared:
            found.append(Trouble(f"Nothing can boot on node “{node.name}”{why}.", link, is_grave=True))
        if node.orphans:
            names = ", ".join(node.orphans[:3]) + (" …" if len(node.orphans) > 3 else "")
            text = f"No container accounts for {_count(len(node.orphans), 'thing')} with our prefix on “{node.name}”"
            found.append(Trouble(f"{text}: {names}. Nothing deletes them but you.", link, is_grave=False))
    if not nodes:
        found.append(Trouble("There is no node yet: nothing can run.", "/admin/vm_manager/node/add/", is_grave=True))
    if failed := states.get("error"):
        link = "/admin/vm_manager/container/?status=error"
        found.append(Trouble(f"{_count(failed, 'container')} in error.", link, is_grave=True))
    return found


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
