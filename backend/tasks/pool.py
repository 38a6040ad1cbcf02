"""Keeps machines warm, in one process at a time."""

import asyncio
import logging

from backend.db import reading, transaction
from backend.errors import PequerokuError
from backend.events.bus import ContainerChanged, Event, NodeChanged, bus
from backend.services import pool
from backend.tasks import leases, work_leases
from backend.tasks.leases import LeaseLost

log = logging.getLogger(__name__)

_WORK = "warm pool"
_LOOK_EVERY_S = 5.0
_BREATH_S = 0.2
"""Changes come in flocks."""


class Pool:
    """Looks every few seconds. Subscribe `hear` to the bus: a machine that was taken is replaced at once."""

    def __init__(self) -> None:
        self._holder = leases.new_holder()
        self._wake = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Something changed that may want another machine."""
        if isinstance(event, ContainerChanged | NodeChanged):
            self._wake.set()

    async def run(self) -> None:
        """Until cancelled; whatever goes wrong is tried again at the next look."""
        unsubscribe = bus().subscribe(self.hear)
        try:
            while True:
                await asyncio.sleep(_BREATH_S)
                self._wake.clear()
                await self._look()
                try:
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            unsubscribe()
            await asyncio.shield(work_leases.release(_WORK, self._holder))

    async def _look(self) -> None:
        try:
            await self.look()
        except (PequerokuError, LeaseLost) as fault:
            log.warning("no machines are made warm now: %s; trying again soon", fault)
        except Exception:
            log.exception("could not look after warm machines; trying again soon")

    async def look(self) -> None:
        """Make and let go of what is due, if that is ours to do."""
        async with reading() as tx:
            if not await pool.is_used(tx):
                return
        held = await work_leases.take(_WORK, self._holder)
        if held is None:
            return
        async with transaction() as tx:
            await work_leases.check(tx, held)
            await pool.refill(tx)
