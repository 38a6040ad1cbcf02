"""The life of one node in one task process: take the lease, get it ready, reconcile, and begin again when it breaks."""

import asyncio
import logging
import time
from contextlib import suppress
from typing import NamedTuple

from backend.errors import DatabaseBusy, Unavailable
from backend.hypervisor.registry import nodes
from backend.meters import PASS_SECONDS
from backend.rules.lifecycle import backoff
from backend.tasks import leases, moving, node_probe
from backend.tasks.consoles import keep_consoles
from backend.tasks.helm import Helm
from backend.tasks.leases import LeaseLost
from backend.tasks.reconciler import Reconciler
from backend.tasks.usage import sample_forever

log = logging.getLogger(__name__)

_RESYNC_S = 5.0
"""How long a pass is put off when nothing woke us: what events would have told is found by then."""
_HEARTBEAT_S = 10.0
_PREPARE_AGAIN_S = 15.0


class NodeSettings(NamedTuple):
    """What an operator says of a node. When it changes, its loop begins anew."""

    uri: str
    name: str
    blocked_cidrs: tuple[str, ...]


class NodeLoop:
    """Runs until cancelled. `wake()` makes it look at once."""

    def __init__(self, node_id: int, facts: NodeSettings, holder: str) -> None:
        self.node_id, self.settings, self._holder = node_id, facts, holder
        self._wake = asyncio.Event()
        self._failures = 0

    def wake(self) -> None:
        """Look now."""
        self._wake.set()

    async def run(self) -> None:
        """Drive the node whenever the lease can be had."""
        try:
            while True:
                try:
                    fence = await leases.take(self.node_id, self._holder)
                    if fence is None:
                        await self._wait(leases.RENEW_EVERY_S)
                    else:
                        await self._drive(fence)
                except (LeaseLost, DatabaseBusy) as fault:
                    log.warning("node %s: %s; beginning again", self.node_id, fault)
                    await asyncio.sleep(1)
        finally:
            await asyncio.shield(leases.release(self.node_id, self._holder))

    async def _drive(self, fence: int) -> None:
        """Hold the lease and reconcile; ends with LeaseLost."""
        hypervisor = await nodes().get(self.settings.uri, self.settings.name)
        helm = Helm(self.node_id, self._holder, fence, hypervisor, self.settings.name)
        unhear = hypervisor.on_change(self.wake)
        work = asyncio.create_task(self._reconcile_forever(helm), name=f"node-{self.node_id}")
        keep = asyncio.create_task(self._keep_lease(fence), name=f"lease-{self.node_id}")
        try:
            done, _ = await asyncio.wait({work, keep}, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            unhear()
            await _end(work, keep)

    async def _keep_lease(self, fence: int) -> None:
        while True:
            await asyncio.sleep(leases.RENEW_EVERY_S)
            if await leases.take(self.node_id, self._holder) != fence:
                raise LeaseLost(f"node {self.node_id}")

    async def _reconcile_forever(self, helm: Helm) -> None:
        while True:
            try:
                await self._while_it_answers(helm)
            except DatabaseBusy:
                raise
            except Unavailable as fault:
                self._failures += 1
                await node_probe.note_unreachable(helm, str(fault))
                await asyncio.sleep(min(15.0, backoff(self._failures).total_seconds() / 2))

    async def _while_it_answers(self, helm: Helm) -> None:
        """Heartbeat, prepare, pass after pass. Ends with Unavailable when the node stops answering."""
        await node_probe.heartbeat(helm)
        reconciler = Reconciler(helm, self._wake)
        sampler = asyncio.create_task(
            sample_forever(self.node_id, helm.hypervisor, lambda: reconciler.containers, self.settings.name),
            name=f"usage-{self.node_id}",
        )
        preparation = asyncio.create_task(self._prepare(helm, reconciler), name=f"prepare-{self.node_id}")
        moves = asyncio.create_task(moving.keep_moving(helm), name=f"moves-{self.node_id}")
        consoles = asyncio.create_task(
            keep_consoles(helm, lambda: reconciler.containers), name=f"consoles-{self.node_id}"
        )
        beat_at = time.monotonic()
        try:
            while True:
                self._wake.clear()
                with PASS_SECONDS.labels(self.settings.name).time():
                    due_s = await reconciler.run_pass()
                self._failures = 0
                await self._wait(min(_RESYNC_S, due_s or _RESYNC_S))
                for each in (preparation, moves, consoles):
                    if each.done():
                        each.result()
                if time.monotonic() - beat_at >= _HEARTBEAT_S:
                    await node_probe.heartbeat(helm)
                    beat_at = time.monotonic()
        finally:
            await _end(sampler, preparation, moves, consoles)
            await reconciler.stop()

    async def _prepare(self, helm: Helm, reconciler: Reconciler) -> None:
        """Until it works, and again when a start finds the image gone: what runs is looked after meanwhile."""
        while True:
            reconciler.image_missing.clear()
            reconciler.trouble = await node_probe.prepare(helm)
            reconciler.may_boot = True  # when it does not work, the attempt says why on the container
            self._wake.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(_PREPARE_AGAIN_S if reconciler.trouble else None):
                    await reconciler.image_missing.wait()

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
