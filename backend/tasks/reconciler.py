"""One node's containers, made to be as wished: level-based, one look at a time.

A pass reads the node and the rows in bulk and finds who is not as wished; each of those gets a worker that
observes, decides and acts until there is nothing left to do. Events only wake a pass sooner; a pass that finds
everything settled costs one query and one call.
"""

import asyncio
import logging
import time
from collections.abc import Set
from dataclasses import dataclass
from datetime import timedelta

from backend.db import transaction
from backend.errors import ImageMissing, NodeFault, Unavailable
from backend.models import Node
from backend.models.base import now
from backend.rules.lifecycle import Step, next_step
from backend.settings import settings
from backend.tasks import moving, steps
from backend.tasks.helm import Helm
from backend.tasks.leases import LeaseLost
from backend.tasks.wishes import Wanted, wish_of, wishes_of_node

log = logging.getLogger(__name__)

_STARTS = frozenset({Step.MAKE_DISK, Step.COPY_DISK, Step.GROW_DISK, Step.BOOT, Step.WAKE})
_AFTER_A_BUG_S = 30.0


@dataclass(slots=True)
class _Worker:
    task: asyncio.Task[None]
    intent: tuple[object, ...]
    waits: bool = False
    """It does nothing but wait for the guest, and may be stopped at any moment."""


class Reconciler:
    """Drives the containers of one node for as long as its Helm is good."""

    def __init__(self, helm: Helm, wake: asyncio.Event) -> None:
        self._helm, self.wake = helm, wake
        self._workers: dict[int, _Worker] = {}
        self._orphans: list[str] | None = None
        self._suspects: Set[str] = frozenset()
        """What nobody accounted for at the last look: at the next one it is an orphan."""
        self._later: set[asyncio.TimerHandle] = set()
        self._not_before: dict[int, float] = {}
        """Container id -> the monotonic time before which it is left alone, after a bug of ours."""
        self.may_boot = False
        """The node has been prepared, or it is known why it can't be: until then starts wait."""
        self.trouble: NodeFault | None = None
        """Why the node can't be prepared: the reason behind whatever a start fails with."""
        self.image_missing = asyncio.Event()
        """A start has found that the image is not there (any more): the node is to be prepared again."""
        self.containers: dict[str, int] = {}
        """Domain name -> container id, as of the last pass."""
        self.lost: Unavailable | LeaseLost | None = None
        """Why the last worker stopped, where that concerns the whole node."""

    async def run_pass(self) -> float | None:
        """Look at everything once; returns in how many seconds something falls due, if anything does.

        Raises:
            Unavailable: the node does not answer.
            LeaseLost: it is not ours any more.
        """
        if self.lost is not None:
            raise self.lost
        survey = await self._helm.hypervisor.survey()
        wanted = await wishes_of_node(self._helm.node_id)
        due: float | None = None
        at, grace = now(), timedelta(seconds=settings().stop_grace_s)
        for each in wanted:
            if time.monotonic() < self._not_before.get(each.id, 0.0):
                continue
            worker = self._workers.get(each.id)
            if worker is not None:
                if worker.waits and worker.intent != each.intent:
                    worker.task.cancel()  # it waits for what nobody wants any more; the next pass starts anew
                continue
            seen = survey.of(each.name, each.disk)
            step = next_step(each.wish, seen, at=at, stop_grace=grace)
            if step in _STARTS and not self.may_boot:
                continue
            if step is not None:
                self._start_worker(each)
            elif each.wish.retry_at is not None and each.wish.retry_at > at:
                seconds = max(0.1, (each.wish.retry_at - at).total_seconds())
                due = seconds if due is None else min(due, seconds)
        self.containers = {each.name: each.id for each in wanted}
        known = {name for each in wanted for name in (each.name, each.disk)}
        await self._mark_orphans(survey.machines.keys() - known)
        return due

    async def stop(self) -> None:
        """End every worker; the machines go on."""
        for handle in self._later:
            handle.cancel()
        tasks = [worker.task for worker in self._workers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def busy(self) -> bool:
        """Whether any container is being worked on."""
        return bool(self._workers)

    def _start_worker(self, wanted: Wanted) -> None:
        task = asyncio.create_task(self._work(wanted.id), name=f"reconcile-{wanted.name}")
        self._workers[wanted.id] = _Worker(task, wanted.intent)
        task.add_done_callback(lambda done: self._finish(wanted.id, done))

    def _finish(self, container_id: int, task: asyncio.Task[None]) -> None:
        self._workers.pop(container_id, None)
        if task.cancelled():
            self.wake.set()
            return
        fault = task.exception()
        if isinstance(fault, Unavailable | LeaseLost):
            self.lost = fault
            self.wake.set()
        elif fault is not None:
            log.error("the reconciler failed on container %s", container_id, exc_info=fault)
            self._not_before[container_id] = time.monotonic() + _AFTER_A_BUG_S
            self._wake_after(_AFTER_A_BUG_S)

    async def _work(self, container_id: int) -> None:
        while (wanted := await wish_of(container_id, self._helm.node_id)) is not None:
            seen = await self._helm.hypervisor.observe(wanted.name, wanted.disk)
            there = await moving.look_there(wanted)
            grace = timedelta(seconds=settings().stop_grace_s)
            step = next_step(wanted.wish, seen, at=now(), stop_grace=grace, there=there)
            if step is None or (step in _STARTS and not self.may_boot):
                self.wake.set()
                return
            if worker := self._workers.get(container_id):
                worker.intent, worker.waits = wanted.intent, step is Step.AWAIT_GUEST
            again_s = await self._act(container_id, step)
            if again_s is not None:
                self._wake_after(again_s)
                return

    async def _act(self, container_id: int, step: Step) -> float | None:
        container = await self._helm.load(container_id, step)
        if container is None:
            return None
        log.log(logging.DEBUG if step is Step.AWAIT_OFF else logging.INFO, "container %s: %s", container_id, step)
        try:
            return await steps.apply(self._helm, container, step)
        except NodeFault as fault:
            log.warning("container %s: %s failed: %s", container_id, step, fault)
            if step in _STARTS:
                fault = self._fault_of_start(fault)
            await steps.record_fault(self._helm, container, fault)
            return None

    def _fault_of_start(self, fault: NodeFault) -> NodeFault:
        """What to tell; an image that is missing is looked for again, without waiting for the next look."""
        told = self.trouble or fault
        if isinstance(told, ImageMissing):
            self.image_missing.set()
        return told

    def _wake_after(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()

        def ring() -> None:
            self._later.discard(handle)
            self.wake.set()

        handle = loop.call_later(seconds, ring)
        self._later.add(handle)

    async def _mark_orphans(self, unknown: Set[str]) -> None:
        """Note what has our prefix and no row. It is only said, never deleted: it may be somebody's data.

        Not at the first look: what was handed over between the look at the node and the one at the rows is no orphan.
        """
        suspects = unknown - await moving.accounted_for(self._helm.node_id) if unknown else frozenset[str]()
        orphans = sorted(suspects & self._suspects)
        self._suspects = suspects
        if orphans == self._orphans:
            return
        async with transaction() as tx:
            await self._helm.check(tx)
            node = await tx.get(Node, self._helm.node_id)
            if node is not None and node.orphans != orphans:
                node.orphans = orphans
        if orphans:
            log.warning("node %s holds machines that no container accounts for: %s", self._helm.node_id, orphans)
        self._orphans = orphans
