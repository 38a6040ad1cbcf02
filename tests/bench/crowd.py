"""Two hundred creates at once against credits and nodes for a hundred: exactly a hundred succeed, on both databases."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from sqlmodel import select

from backend import db, settings
from backend.db import reading, transaction
from backend.errors import DatabaseBusy, NoRoom, QuotaExceeded
from backend.events.bus import bus
from backend.migrations import migrate
from backend.models import Container, ResourceQuota
from backend.rules.policy import Actor
from backend.seed import seed
from backend.services import containers
from tests import stores
from tests.bench.report import Figure
from tests.factories import a_node, a_type, an_actor

_ASKED, _ROOM = 200, 100


async def measure() -> list[Figure]:
    """How many of them succeed, and how long all of it takes."""
    with tempfile.TemporaryDirectory() as folder:
        figures = await _crowd(f"sqlite:///{Path(folder)}/crowd.sqlite3", "SQLite")
    with stores.postgres() as server:
        return figures + await _crowd(stores.create_database(server, "bench_crowd"), "PostgreSQL")


async def _crowd(url: str, kind: str) -> list[Figure]:
    os.environ["DATABASE_URL"] = url
    settings.settings.cache_clear()
    bus.cache_clear()
    try:
        await migrate()
        await seed()
        actors, type_id = await _people()
        began = time.perf_counter()
        await asyncio.gather(*(_create(actors[number % len(actors)], type_id) for number in range(_ASKED)))
        took_s = time.perf_counter() - began
        async with reading() as tx:
            made = len((await tx.exec(select(Container.id))).all())
    finally:
        await db.dispose()
    if made > _ROOM:
        raise RuntimeError(f"{made} containers where there is room for {_ROOM}")
    name = f"{_ASKED} creates at once, room for {_ROOM}, {kind}"
    return [
        Figure(f"{name}: made", made, "containers", 1, _ROOM, "higher"),
        Figure(f"{name}: all answered", took_s, "s", 1),
    ]


async def _people() -> tuple[list[Actor], int]:
    """Credits for 120 among all, room on the nodes for 100: both limits are met."""
    async with transaction() as tx:
        kind = await a_type(tx)
        kind.memory_mb, kind.vcpus = 128, 1
        actors = [await an_actor(tx, limit=6) for _ in range(20)]
        for quota in (await tx.exec(select(ResourceQuota))).all():
            quota.max_containers = _ASKED
        for _ in range(4):
            await a_node(tx, mem_mb=128 * _ROOM // 4, vcpus=64)
        return actors, kind.id


async def _create(actor: Actor, type_id: int) -> None:
    try:
        async with transaction() as tx:
            await containers.create(tx, actor, container_type_id=type_id)
    except DatabaseBusy:
        await _create(actor, type_id)
    except (QuotaExceeded, NoRoom):
        return
