"""One run, from its wish to its end. Every step looks again at the locked row: it may be over, or another's."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlmodel import select

from backend.db import Tx, reading, transaction
from backend.errors import Conflict, DatabaseBusy, Invalid, PequerokuError, Unavailable
from backend.models import Container, OneShotRun, Status
from backend.models.base import now
from backend.rules import one_shots as rules
from backend.rules.file_refusals import FileRefused
from backend.rules.one_shots import UNFINISHED, RunFault, RunStatus
from backend.rules.policy import Actor
from backend.rules.templates import File
from backend.services import file_exchange, processes
from backend.services.one_shot_machines import make_machine, owner_of
from backend.services.one_shots import finish, tell_of
from backend.services.processes import Done, Order

_LOOK_AGAIN_S = 2.0
_TRIES = 3
_CUT = "The server ended while the command ran. It is not run a second time."
_NOT_ANY_MORE = "Whoever asked for it may not any more, or the key that was used was revoked."


class RunIsOver(Exception):
    """It ended, by whatever hand, or is another process's: there is nothing left to do here."""


class _GivenUp(Exception):
    """It can't go on: with why, for its owner."""

    def __init__(self, fault: RunFault, message: str) -> None:
        super().__init__(message)
        self.fault, self.message = fault, message


async def carry_out(run_id: int, holder: str, wake: asyncio.Event) -> None:
    """Do all that is left of a run.

    Raises:
        RunIsOver: it is over, or another's.
        DatabaseBusy: it stays as it is, for another look.
    """
    try:
        container_id, owner = await _with_machine(run_id, holder)
        await _until_it_runs(container_id, wake)
        order, files = await _begin(run_id, holder)
        done = await _run(owner, container_id, order, files)
    except _GivenUp as end:
        async with _mine(run_id, holder) as (tx, row):
            await finish(tx, row, RunStatus.FAILED, end.fault, end.message)
        return
    await _conclude(run_id, holder, done)


@asynccontextmanager
async def _mine(run_id: int, holder: str) -> AsyncGenerator[tuple[Tx, OneShotRun]]:
    """A transaction with the run's row locked."""
    async with transaction() as tx:
        row = await tx.get(OneShotRun, run_id, with_for_update=True)
        if row is None or row.holder != holder or row.status not in UNFINISHED:
            raise RunIsOver
        yield tx, row


async def _with_machine(run_id: int, holder: str) -> tuple[int, Actor]:
    """The run's machine, made if it has none."""
    try:
        async with _mine(run_id, holder) as (tx, row):
            if row.status == RunStatus.RUNNING:
                raise _GivenUp(RunFault.INTERRUPTED, _CUT)
            owner = await owner_of(tx, row)
            if owner is None:
                raise _GivenUp(RunFault.FORBIDDEN, _NOT_ANY_MORE)
            return row.container_id or await make_machine(tx, row, owner), owner
    except Unavailable:
        raise
    except PequerokuError as refusal:
        raise _GivenUp(rules.fault_of(refusal), refusal.message) from refusal


async def _until_it_runs(container_id: int, wake: asyncio.Event) -> None:
    while True:
        wake.clear()
        async with reading() as tx:
            machine = (await tx.exec(select(Container).where(Container.id == container_id))).first()
        if machine is None or machine.delete_requested_at is not None:
            raise _GivenUp(RunFault.MACHINE_LOST, "Its machine was deleted.")
        if machine.status is Status.RUNNING and machine.host_key:
            return
        if machine.status is Status.ERROR:
            raise _GivenUp(RunFault.BOOT_FAILED, machine.status_reason or "Its machine could not be booted.")
        if now() - machine.created_at > timedelta(seconds=rules.BOOT_WITHIN_S):
            raise _GivenUp(RunFault.BOOT_FAILED, f"Its machine did not boot within {rules.BOOT_WITHIN_S} s.")
        try:
            async with asyncio.timeout(_LOOK_AGAIN_S):
                await wake.wait()
        except TimeoutError:
            continue


async def _begin(run_id: int, holder: str) -> tuple[Order, list[File]]:
    """Note that from here on it is not to be begun again."""
    async with _mine(run_id, holder) as (tx, row):
        if await owner_of(tx, row) is None:
            raise _GivenUp(RunFault.FORBIDDEN, _NOT_ANY_MORE)
        row.status, row.started_at = RunStatus.RUNNING, now()
        tell_of(tx, row)
        files = [File(each["path"], mode=each["mode"], raw=base64.b64decode(each["content_b64"])) for each in row.files]
        return Order(row.command, cwd=rules.FOLDER, timeout_s=row.timeout_s), files


async def _run(owner: Actor, container_id: int, order: Order, files: list[File]) -> Done:
    try:
        if files:
            await file_exchange.put_files(owner, container_id, rules.FOLDER, files)
        return await processes.run(owner, container_id, order)
    except (Invalid, Conflict, FileRefused) as refusal:
        raise _GivenUp(RunFault.FILES_REFUSED, refusal.message) from refusal
    except PequerokuError as fault:
        raise _GivenUp(RunFault.MACHINE_LOST, fault.message) from fault


async def _conclude(run_id: int, holder: str, done: Done) -> None:
    """What came of it is there once only: it is worth more than one try to write it down."""
    for left in reversed(range(_TRIES)):
        try:
            async with _mine(run_id, holder) as (tx, row):
                await _write_end(tx, row, done)
            return
        except DatabaseBusy:
            if not left:
                raise


async def _write_end(tx: Tx, row: OneShotRun, done: Done) -> None:
    said, kept = done.outcome, rules.LONGEST_OUTPUT
    row.stdout, row.stderr = said.stdout[:kept], said.stderr[:kept]
    row.truncated = said.truncated or len(said.stdout) > kept or len(said.stderr) > kept
    row.exit_code = None if said.timed_out else said.exit_code
    row.duration_ms = done.duration_ms
    status, fault = rules.outcome(row.exit_code, timed_out=said.timed_out)
    message = processes.timed_out(Order(row.command, timeout_s=row.timeout_s)).message if said.timed_out else ""
    await finish(tx, row, status, fault, message)
