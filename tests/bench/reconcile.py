"""A reconcile pass over settled containers, on the memory driver, with both databases."""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from backend import db, settings
from backend.db import transaction
from backend.events.bus import bus
from backend.hypervisor.driver import Acceleration, DomainSpec, GuestImage, Preparation
from backend.hypervisor.memory import MemoryNode
from backend.migrations import migrate
from backend.models import Container, DesiredState, Status
from backend.models.base import now
from backend.seed import seed
from backend.tasks import leases
from backend.tasks.helm import Helm
from backend.tasks.reconciler import Reconciler
from tests import stores
from tests.bench.report import Figure, spread
from tests.factories import a_container, a_world

_BARS_MS = {500: 30.0, 5000: 250.0}
_RUNS = 15


async def measure() -> list[Figure]:
    """Passes over 500 and 5,000 containers that are as wished."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in _BARS_MS:
            figures.append(await _passes(f"sqlite:///{Path(folder)}/{size}.sqlite3", "SQLite", size))
    with stores.postgres() as server:
        for size in _BARS_MS:
            figures.append(await _passes(stores.create_database(server, f"bench_{size}"), "PostgreSQL", size))
    return figures


async def _passes(url: str, kind: str, size: int) -> Figure:
    os.environ["DATABASE_URL"] = url
    settings.settings.cache_clear()
    bus.cache_clear()
    try:
        await migrate()
        await seed()
        reconciler = await _settled(size)
        taken_ms: list[float] = []
        for _ in range(_RUNS):
            began = time.perf_counter()
            await reconciler.run_pass()
            taken_ms.append((time.perf_counter() - began) * 1000)
            if reconciler.busy:
                raise RuntimeError("the containers were not settled")
        median = statistics.median(taken_ms)
        name = f"reconcile pass, {size} settled, {kind}"
        return Figure(name, median, "ms", _RUNS, _BARS_MS[size], detail=spread(taken_ms))
    finally:
        await db.dispose()


async def _settled(size: int) -> Reconciler:
    actor, node = await a_world()
    machine = MemoryNode()
    nothing = GuestImage("none", Path(), Path(), Path(), "")
    await machine.prepare(Preparation(nothing, Acceleration.TCG))
    async with transaction() as tx:
        rows = [await a_container(tx, actor, node, booted_at=now()) for _ in range(1)]
        template = rows[0]
        for number in range(size - 1):
            fields = template.model_dump(exclude={"id", "uuid", "name"})
            row = Container(**fields, uuid=uuid4(), name=f"settled-{number}")
            row.status, row.desired_state = Status.RUNNING, DesiredState.RUNNING
            tx.add(row)
            rows.append(row)
    for row in rows:
        await machine.make_disk(row.domain_name, 5)
        spec = DomainSpec(uuid=row.uuid, hostname=row.name, memory_mb=1024, vcpus=1, authorized_key="")
        await machine.boot(spec)
    fence = await leases.take(node.id, "bench")
    return Reconciler(Helm(node.id, "bench", fence or 0, machine), asyncio.Event())
