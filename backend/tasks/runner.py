"""Hosts the node loops: in the web process on one machine, or in any number of task processes."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlmodel import select

from backend.db import reading
from backend.errors import DatabaseBusy
from backend.events.bus import Event, NodeChanged, WishChanged, bus
from backend.guest.files import files
from backend.guest.shell import guests
from backend.guest.terminals import terminals
from backend.hypervisor.registry import nodes
from backend.models import Node
from backend.services import usage
from backend.tasks import (
    farewells,
    leases,
    mirroring,
    one_shots,
    pushing,
    registry,
    retention,
    signals,
    tips,
    webhooks,
)
from backend.tasks.node_loop import NodeLoop, NodeSettings
from backend.tasks.pool import Pool
from backend.tasks.upkeep import Upkeep
from backend.tips.reaching import notifier

log = logging.getLogger(__name__)

_LOOK_FOR_NODES_S = 10.0


class Runner:
    """One NodeLoop for each node there is."""

    def __init__(self) -> None:
        self._holder = leases.new_holder()
        self._loops: dict[int, tuple[NodeLoop, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Wake who is concerned."""
        if isinstance(event, WishChanged) and event.node_id in self._loops:
            self._loops[event.node_id][0].wake()
        elif isinstance(event, NodeChanged) and event.node_id not in self._loops:
            self._changed.set()

    async def run(self) -> None:
        """Follow the table of nodes until cancelled."""
        try:
            while True:
                self._changed.clear()
                try:
                    await self._follow()
                except DatabaseBusy:
                    log.warning("the database is busy; looking for nodes again soon")
                except Exception:
                    log.exception("could not look for nodes; looking again soon")
                try:
                    async with asyncio.timeout(_LOOK_FOR_NODES_S):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        finally:
            await self._end([*self._loops])

    async def _follow(self) -> None:
        async with reading() as tx:
            rows = (await tx.exec(select(Node))).all()
        known = {row.id: NodeSettings(row.uri, row.name, tuple(row.blocked_cidrs)) for row in rows}
        for node_id, (loop, task) in list(self._loops.items()):
            if task.done() and not task.cancelled() and (fault := task.exception()):
                log.error("the loop of node %s broke; it begins again", node_id, exc_info=fault)
            if task.done() or known.get(node_id) != loop.settings:
                await self._end([node_id])
        for node_id, said in known.items():
            if node_id not in self._loops:
                loop = NodeLoop(node_id, said, self._holder)
                self._loops[node_id] = loop, asyncio.create_task(loop.run(), name=f"node-loop-{node_id}")

    async def _end(self, node_ids: list[int]) -> None:
        tasks = [self._loops.pop(node_id)[1] for node_id in node_ids]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def running(*, drives: bool = True) -> AsyncGenerator[None]:
    """Hear events while the block runs, and reconcile in the background; machines go on when it ends.

    Args:
        drives: False leaves the nodes to other processes.
    """
    unsubscribe = bus().subscribe(usage.hear)
    await bus().start()
    try:
        if drives:
            async with _driving():
                yield
        else:
            yield
    finally:
        unsubscribe()
        await terminals().forget_all()
        await files().forget_all()
        await guests().close_all()
        await nodes().close_all()


@asynccontextmanager
async def _driving() -> AsyncGenerator[None]:
    runner = Runner()
    unsubscribe = bus().subscribe(runner.hear)
    upkeep = Upkeep()
    unhear = bus().subscribe(upkeep.hear)
    learner = tips.Learner()
    unlearn = bus().subscribe(learner.hear)
    works = {
        "tasks": runner.run(),
        "upkeep": upkeep.run(),
        "farewells": farewells.run(),
        "runs": one_shots.run(),
        "retention": retention.run(),
        "webhooks": webhooks.run(),
        "mirroring": mirroring.run(),
        "signals": signals.run(),
        "tips": learner.run(),
        "tips' words": tips.phrase(),
        "tips' policies": tips.judge(),
        "mlflow": registry.run(),
        "pushing": pushing.run(),
        "notifier": notifier.run(),
        "warm pool": Pool().run(),
    }
    tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
    try:
        yield
    finally:
        unsubscribe()
        unhear()
        unlearn()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
