"""How long until tips know: from a change on the platform to the number, and from an answer to what policies know."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from sqlmodel import col, func, select, update

from backend.db import reading, transaction
from backend.events.bus import ContainerChanged, announce, bus
from backend.migrations import migrate
from backend.models import Container, SignalRun, TipFeature, TipLearnt
from backend.models.base import now
from backend.rules.consents import Scope
from backend.seed import seed
from backend.tasks import signals, tips
from backend.tips import consents, reactions
from backend.tips.recommend import recommend
from tests import stores
from tests.bench.report import Figure, percentile, spread
from tests.conftest import in_use
from tests.factories import a_container, a_world
from tests.stores import eventually

_CHANGES, _ANSWERS, _OTHERS = 100, 30, 50
_PAUSE_S = 0.005


async def measure() -> list[Figure]:
    """On PostgreSQL, with fifty other people whose signals are read too."""
    with stores.postgres() as server:
        async with in_use(stores.create_database(server, "bench_signals")):
            await migrate()
            await seed()
            return [await _changes(), await _answers()]


async def _changes() -> Figure:
    """A machine of theirs changes: until the number that is read from it was worked out after that."""
    _, container = await _somebody()
    for _ in range(_OTHERS):
        await _somebody()
    taken_ms: list[float] = []
    async with _running(signals.run):
        await eventually("everybody to be read once", _all_are_read, seconds=120)
        for number in range(_CHANGES):
            at, began = now(), time.perf_counter()
            async with transaction() as tx:
                mine = col(Container.id) == container.id
                await tx.exec(update(Container).where(mine).values(name=f"sandbox-{number}"))
                announce(tx, ContainerChanged(container.id, container.user_id))
            await eventually("its number", lambda at=at: _known_since(container.user_id, at), pause_s=_PAUSE_S)
            taken_ms.append((time.perf_counter() - began) * 1000)
    name = f"signals: a machine changed → its number, p99, {_OTHERS} others"
    return Figure(name, percentile(taken_ms, 0.99), "ms", _CHANGES, 2000, detail=spread(taken_ms))


async def _answers() -> Figure:
    """From the answer to a tip until all policies that are asked have learnt from it."""
    async with transaction() as tx:
        people = [(await a_world())[0] for _ in range(_ANSWERS)]
    taken_ms: list[float] = []
    async with _running(_learner):
        for number, actor in enumerate(people, 1):
            async with transaction() as tx:
                tip = await recommend(tx, actor)
            if tip is None:
                raise RuntimeError("there is no tip for a newcomer")
            began = time.perf_counter()
            async with transaction() as tx:
                await reactions.react(tx, actor, tip.decision_id, "done")
            await eventually("it to be learnt", lambda number=number: _learnt(2 * number), pause_s=_PAUSE_S)
            taken_ms.append((time.perf_counter() - began) * 1000)
    name = "tips: an answer → learnt by both policies, p99"
    return Figure(name, percentile(taken_ms, 0.99), "ms", _ANSWERS, 1000, detail=spread(taken_ms))


async def _somebody() -> tuple[int, Container]:
    actor, node = await a_world()
    async with transaction() as tx:
        await consents.give(tx, actor, Scope.PLATFORM)
        return actor.person_id, await a_container(tx, actor, node)


async def _known_since(user_id: int, at: datetime) -> bool:
    async with reading() as tx:
        newest = select(func.max(TipFeature.computed_at)).where(TipFeature.user_id == user_id)
        known = (await tx.exec(newest)).one()
    return known is not None and known >= at


async def _all_are_read() -> bool:
    async with reading() as tx:
        waiting = select(SignalRun.user_id).where(col(SignalRun.read_at).is_(None)).limit(1)
        return (await tx.exec(waiting)).first() is None


async def _learnt(many: int) -> bool:
    async with reading() as tx:
        return (await tx.exec(select(func.count()).select_from(TipLearnt))).one() >= many


async def _learner() -> None:
    learner = tips.Learner()
    unsubscribe = bus().subscribe(learner.hear)
    try:
        await learner.run()
    finally:
        unsubscribe()


@asynccontextmanager
async def _running(work: Callable[[], Awaitable[None]]) -> AsyncGenerator[None]:
    task = asyncio.ensure_future(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
