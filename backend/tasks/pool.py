"""Keeps machines warm, in one process at a time."""

import asyncio
import logging

from backend.db import reading, transaction
from backend.errors import PequerokuError
from backend.events.bus import ContainerChanged, Event, NodeChanged, bus
from backend.guest.shell import guests
from backend.hypervisor.driver import INTERACTIVE
from backend.services import pool
from backend.services.doors import Door
from backend.tasks import leases, work_leases
from backend.tasks.leases import LeaseLost

log = logging.getLogger(__name__)

_WORK = "warm pool"
_LOOK_EVERY_S = 5.0
_FIRST_S = 30.0
_BREATH_S = 1.5
"""Changes come in flocks; and who has just got a machine does not share the processor with the boot of the next one."""


class Pool:
    """Looks every few seconds. Subscribe `hear` to the bus: a machine that was taken is replaced soon."""

    def __init__(self) -> None:
        self._holder = leases.new_holder()
        self._wake = asyncio.Event()
        self._connecting: asyncio.Task[None] | None = None

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
            if self._connecting is not None:
                self._connecting.cancel()
                await asyncio.gather(self._connecting, return_exceptions=True)
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
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(_connect(), name="connections of the warm pool")


async def _connect() -> None:
    """Be connected with what is warm, and have run something there: its owner's first command waits for neither.

    That is for the owner who comes to this same process. Another one connects anew, and takes the connection over.
    """
    try:
        async with reading() as tx:
            doors = await pool.warm_doors(tx)
        for door in doors:
            await _greet(door)
    except Exception:
        log.exception("warm machines could not be connected with; trying again soon")


async def _greet(door: Door) -> None:
    try:
        address = await door.address()
        if not guests().is_connected(address):
            await guests().link(address, INTERACTIVE)
            await guests().run(address, ":", timeout_s=_FIRST_S)
    except PequerokuError as fault:
        log.info("the warm machine %s can't be connected with now: %s", door.container_id, fault)
