"""Mirrors the stream of events to NATS, where there is one: in order, one process at a time, until it has all.

The outbox remembers what is missing (`mirrored_at`): NATS may be away for as long as rows are kept.
"""

import asyncio
import logging
from datetime import timedelta

from sqlmodel import col, select, update

from backend.db import reading, transaction
from backend.errors import DatabaseBusy
from backend.events.bus import Event, StreamWritten, bus
from backend.events.nats_mirror import MirrorDown, NatsMirror
from backend.models import StreamEvent
from backend.models.base import now
from backend.rules.config_keys import STREAM_RETENTION_DAYS
from backend.services.config import value_of
from backend.settings import settings
from backend.tasks import leases, work_leases
from backend.tasks.leases import LeaseLost
from backend.tasks.work_leases import Held

log = logging.getLogger(__name__)

WORK = "events"
_BATCH = 200
_LOOK_EVERY_S = 5.0
_LONGEST_PAUSE_S = 10.0
_WAITING = col(StreamEvent.mirrored_at).is_(None)


class Mirroring:
    """The loop: woken by the bus, and on its own clock."""

    def __init__(self, mirror: NatsMirror, *, holder: str = "") -> None:
        self._mirror = mirror
        self._holder = holder or leases.new_holder()
        self._wake = asyncio.Event()
        self._faults = 0

    def hear(self, event: Event) -> None:
        """Something was written: look at once."""
        if isinstance(event, StreamWritten):
            self._wake.set()

    async def run(self) -> None:
        """Mirror until cancelled."""
        try:
            while True:
                self._wake.clear()
                if await self._is_clear():
                    await self._pause()
                else:  # it gets its time, however much is written meanwhile
                    await asyncio.sleep(min(2.0 ** min(self._faults, 10) / 2, _LONGEST_PAUSE_S))
        finally:
            await self._mirror.close()
            await asyncio.shield(work_leases.release(WORK, self._holder))

    async def catch_up(self) -> int:
        """Send all that waits; returns how much it was. Nothing, while another process does.

        Raises:
            MirrorDown: NATS does not take it. What it took is noted.
            LeaseLost: another process goes on with it.
        """
        sent = 0
        while rows := await _waiting():
            held = await work_leases.take(WORK, self._holder)
            if held is None:
                break
            taken = await self._mirror.send(rows, until_s=held.until_s)
            await _note(held, taken)
            sent += len(taken)
        return sent

    async def _is_clear(self) -> bool:
        try:
            if sent := await self.catch_up():
                log.debug("mirrored %s events", sent)
        except (MirrorDown, LeaseLost, DatabaseBusy) as fault:
            if not self._faults:
                log.warning("events wait for NATS: %s", fault)
        except Exception:
            log.exception("events could not be mirrored; trying again soon")
        else:
            if self._faults:
                log.info("NATS takes events again")
            self._faults = 0
            return True
        self._faults += 1
        return False

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_EVERY_S):
                await self._wake.wait()
        except TimeoutError:
            return


async def run() -> None:
    """Mirror for as long as the process lives, if NATS_URL says where to."""
    if not settings().nats_url:
        return
    async with reading() as tx:
        keeps = timedelta(days=await value_of(tx, STREAM_RETENTION_DAYS))
    mirroring = Mirroring(NatsMirror(settings().nats_url, keeps=keeps))
    unsubscribe = bus().subscribe(mirroring.hear)
    try:
        await mirroring.run()
    finally:
        unsubscribe()


async def _waiting() -> list[StreamEvent]:
    async with reading() as tx:
        query = select(StreamEvent).where(_WAITING).order_by(col(StreamEvent.id)).limit(_BATCH)
        return list((await tx.exec(query)).all())


async def _note(held: Held, ids: list[int]) -> None:
    async with transaction() as tx:
        await work_leases.check(tx, held)
        await tx.exec(update(StreamEvent).where(col(StreamEvent.id).in_(ids)).values(mirrored_at=now()))
