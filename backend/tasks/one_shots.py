"""Carries out one-shot runs: makes the machine, runs the command there, and has the machine removed.

Any number of processes may do so: a run is one's for as long as it says so again and again. Whose process died before
the command began is begun by another; a command that had begun is never run twice: its run has failed, then.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from sqlmodel import col, select, update

from backend.db import Tx, reading, transaction
from backend.errors import PequerokuError, Unavailable
from backend.events.bus import ContainerChanged, Event, RunChanged, bus
from backend.models import OneShotRun
from backend.models.base import now
from backend.rules.one_shots import UNFINISHED, RunFault, RunStatus
from backend.services import activity
from backend.services.one_shots import finish
from backend.tasks.leases import is_dead, new_holder
from backend.tasks.one_shot_steps import RunIsOver, carry_out

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 5.0
_AT_ONCE = 32
_CLAIM = timedelta(seconds=20)
_RENEW_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Bells:
    """Rung when a run's row has changed, and when some machine's has."""

    run: asyncio.Event = field(default_factory=asyncio.Event)
    machine: asyncio.Event = field(default_factory=asyncio.Event)


class Worker:
    """Carries out runs in the background."""

    def __init__(self) -> None:
        self._holder = new_holder()
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._bells: dict[int, Bells] = {}
        self._wake = asyncio.Event()

    def hear(self, event: Event) -> None:
        """A run was asked for, or cancelled; a machine has come up."""
        if isinstance(event, RunChanged):
            self._wake.set()
            if event.run_id in self._bells:
                self._bells[event.run_id].run.set()
        elif isinstance(event, ContainerChanged):
            for bells in self._bells.values():
                bells.machine.set()

    async def run(self) -> None:
        """Work until cancelled. What is under way then is left to whoever comes next."""
        try:
            while True:
                self._wake.clear()
                try:
                    await self._begin()
                except PequerokuError as fault:
                    log.warning("could not look for runs (%s); looking again soon", fault.message)
                except Exception:
                    log.exception("could not look for runs; looking again soon")
                try:
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _begin(self) -> None:
        room = _AT_ONCE - len(self._busy)
        for run_id in await _claimed(self._holder, room) if room > 0 else []:
            if run_id not in self._busy:
                self._bells[run_id] = bells = Bells()
                task = asyncio.create_task(_work(run_id, self._holder, bells), name=f"one-shot-{run_id}")
                self._busy[run_id] = task
                task.add_done_callback(lambda done, run_id=run_id: self._is_done(run_id, done))

    def _is_done(self, run_id: int, task: asyncio.Task[None]) -> None:
        self._busy.pop(run_id, None)
        self._bells.pop(run_id, None)
        self._wake.set()
        if not task.cancelled() and (fault := task.exception()):
            log.error("run %s broke off", run_id, exc_info=fault)


async def run() -> None:
    """Carry out what is asked for, for as long as the process lives."""
    worker = Worker()
    unsubscribe = bus().subscribe(worker.hear)
    try:
        await worker.run()
    finally:
        unsubscribe()


async def _claimed(holder: str, room: int) -> list[int]:
    """Make runs ours that are nobody's, or whose process is gone."""
    async with reading() as tx:
        waiting = select(OneShotRun.id, OneShotRun.holder, OneShotRun.claimed_until)
        rows = (await tx.exec(waiting.where(col(OneShotRun.status).in_(UNFINISHED)).order_by(col(OneShotRun.id)))).all()
    at = now()
    free = [each for each, who, until in rows if until is None or until < at or (who != holder and is_dead(who))]
    taken: list[int] = []
    for run_id in free[:room]:
        async with transaction() as tx:
            if await _take(tx, run_id, holder):
                taken.append(run_id)
    return taken


async def _take(tx: Tx, run_id: int, holder: str) -> bool:
    query = select(OneShotRun).where(OneShotRun.id == run_id).with_for_update(skip_locked=True)
    row = (await tx.exec(query)).first()
    if row is None or row.status not in UNFINISHED:
        return False
    is_free = row.claimed_until is None or row.claimed_until < now() or (row.holder != holder and is_dead(row.holder))
    if is_free:
        row.holder, row.claimed_until = holder, now() + _CLAIM
    return is_free


async def _work(run_id: int, holder: str, bells: Bells) -> None:
    """Carry it out while it is ours, to its end."""
    working = asyncio.create_task(carry_out(run_id, holder, bells.machine), name=f"one-shot-{run_id}-work")
    keeping = asyncio.create_task(_keep(run_id, holder, bells.run), name=f"one-shot-{run_id}-claim")
    try:
        await asyncio.wait((working, keeping), return_when=asyncio.FIRST_COMPLETED)
        await (working if working.done() else keeping)
    except RunIsOver:
        return
    except Unavailable as fault:  # the database: once the claim is over, somebody looks again
        log.warning("run %s: %s", run_id, fault.message)
    except Exception:
        log.exception("run %s broke off", run_id)
        await _give_up(run_id, holder)
    finally:
        working.cancel()
        keeping.cancel()
        await asyncio.gather(working, keeping, return_exceptions=True)


async def _give_up(run_id: int, holder: str) -> None:
    async with transaction() as tx:
        row = await tx.get(OneShotRun, run_id, with_for_update=True)
        if row is not None and row.holder == holder:
            await finish(tx, row, RunStatus.FAILED, RunFault.INTERNAL_ERROR, "Something went wrong on our side.")


async def _keep(run_id: int, holder: str, bell: asyncio.Event) -> None:
    """Say that it is ours, again and again, and that its machine is in use; returns once it is not, or is over."""
    while True:
        bell.clear()
        async with reading() as tx:
            row = await tx.get(OneShotRun, run_id)
        if row is None or row.holder != holder or row.status not in UNFINISHED:
            return
        if row.claimed_until is None or row.claimed_until - now() < _CLAIM / 2:
            await _renew(run_id, holder)
        if row.container_id is not None:
            await activity.note_use_now(row.container_id)
        with suppress(TimeoutError):
            async with asyncio.timeout(_RENEW_EVERY_S):
                await bell.wait()


async def _renew(run_id: int, holder: str) -> None:
    async with transaction() as tx:
        mine = (col(OneShotRun.id) == run_id, col(OneShotRun.holder) == holder)
        await tx.exec(update(OneShotRun).where(*mine).values(claimed_until=now() + _CLAIM))
