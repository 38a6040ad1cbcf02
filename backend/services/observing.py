"""For who watches over the installation: whether it is ready, and its figures for Prometheus."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, func, select

from backend.db import Tx, reading
from backend.errors import PequerokuError
from backend.events.bus import bus
from backend.meters import own_text
from backend.models import Node, NodeLease, Status
from backend.models.base import now
from backend.schema_version import is_current
from backend.services.admin.overview import NodeLoad, container_states, node_loads

_PATIENCE_S = 3.0
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Part:
    """Something that has to work. `says` is a sentence about it, without names, addresses or secrets."""

    name: str
    is_well: bool
    says: str = ""


async def readiness() -> list[Part]:
    """Every part: database, migrations, events, nodes, tasks. What hangs counts as failed after three seconds."""
    return [
        await _asked("database", _database()),
        await _asked("migrations", _migrations()),
        await _asked("events", _events()),
        await _asked("nodes", _nodes()),
        await _asked("tasks", _tasks()),
    ]


async def figures() -> bytes:
    """What Prometheus is told: of the installation, then of this process."""
    async with reading() as tx:
        nodes = (await tx.exec(select(Node).order_by(col(Node.name)))).all()
        registry = CollectorRegistry()
        registry.register(_Installation(await container_states(tx), await node_loads(tx, nodes)))
    return generate_latest(registry) + own_text()


async def _asked(name: str, look: Awaitable[str]) -> Part:
    """A look returns what is wrong, or nothing."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            trouble = await look
    except TimeoutError:
        trouble = "It does not answer."
    except (PequerokuError, SQLAlchemyError, OSError):  # its words may name hosts and users
        trouble = "It can't be reached."
    return Part(name, not trouble, trouble)


async def _database() -> str:
    async with reading() as tx:
        await (await tx.connection()).execute(text("SELECT 1"))
    return ""


async def _migrations() -> str:
    return "" if await is_current() else "The schema is not this version's. Run the migrations."


async def _events() -> str:
    return "" if await bus().answers() else "Redis does not answer."


async def _nodes() -> str:
    async with reading() as tx:
        total, well = await _count(tx), await _count(tx, healthy=True)
    return "None of them answers." if total and not well else ""


async def _tasks() -> str:
    async with reading() as tx:
        alive = select(NodeLease.node_id).where(col(NodeLease.expires_at) > now())
        alone = select(func.count()).select_from(Node).where(col(Node.id).not_in(alive))
        left = (await tx.exec(alone)).one()
    return f"Nobody looks after {left} of the nodes. Is a task process running?" if left else ""


async def _count(tx: Tx, *, healthy: bool | None = None) -> int:
    query = select(func.count()).select_from(Node)
    return (await tx.exec(query.where(Node.healthy == healthy) if healthy is not None else query)).one()


_OF_NODES: tuple[tuple[str, str, Callable[[NodeLoad], float]], ...] = (
    ("healthy", "1 if it answers", lambda node: node.healthy),
    ("vcpus_capacity", "vCPUs it offers", lambda node: node.capacity_vcpus),
    ("vcpus_promised", "vCPUs of the containers that are to run there", lambda node: node.used_vcpus),
    ("vcpus_used", "Cores that its containers keep busy now", lambda node: node.live_vcpus),
    ("memory_capacity_bytes", "Memory it offers", lambda node: node.capacity_mem_mb * _MIB),
    ("memory_promised_bytes", "Memory of the containers that are to run there", lambda node: node.used_mem_mb * _MIB),
    ("memory_used_bytes", "Memory its containers use now", lambda node: node.live_mem_mb * _MIB),
)


class _Installation(Collector):
    """Containers by status, and what nodes have, promise and use."""

    def __init__(self, states: dict[str, int], nodes: tuple[NodeLoad, ...]) -> None:
        self._states, self._nodes = states, nodes

    def collect(self) -> Iterator[Metric]:
        containers = GaugeMetricFamily("pequeroku_containers", "Containers, by status", labels=["status"])
        for status in (*map(str, Status), "unknown"):
            containers.add_metric([status], self._states.get(status, 0))
        yield containers
        for name, about, figure in _OF_NODES:
            family = GaugeMetricFamily(f"pequeroku_node_{name}", about, labels=["node"])
            for each in self._nodes:
                family.add_metric([each.name], figure(each))
            yield family
