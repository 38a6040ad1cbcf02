"""One-shot runs: a command in a machine of its own, which is gone afterwards. backend/tasks carries them out."""

import asyncio
import base64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy.orm import defer
from sqlmodel import col, delete, func, select

from backend.db import Tx, reading
from backend.errors import Conflict, Invalid, NotFound
from backend.events.bus import Event, RunChanged, announce, bus
from backend.models import Container, OneShotRun, ResourceQuota
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules import commands
from backend.rules import one_shots as rules
from backend.rules.config_keys import RUN_RETENTION_DAYS
from backend.rules.feed import kind_of_run
from backend.rules.one_shots import RunFault, RunStatus
from backend.rules.policy import Action, Actor
from backend.rules.templates import File
from backend.services import feed
from backend.services.config import value_of
from backend.services.file_exchange import checked
from backend.services.quotas import cheapest, check_allowed, kept_type, locked_quota, my_types, type_named
from backend.services.targets import owned
from backend.services.wishing import wish_gone

_PRUNED_AT_ONCE = 500
_LOOK_AGAIN_S = 2.0
_MOST_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What is to be run. `type` is a type's id or name; empty: the cheapest that one may have."""

    command: str
    files: Sequence[File] = ()
    type: int | str = ""
    timeout_s: int = 60


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as its owner sees it. `error_code` says why it failed where that was not its command's doing."""

    id: int
    status: RunStatus
    command: str
    stdout: str
    stderr: str
    exit_code: int | None
    truncated: bool
    duration_ms: int | None
    error_code: str
    message: str
    timeout_s: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status not in rules.UNFINISHED


@operation(Action.ONE_SHOT_SUBMIT)
async def submit(tx: Tx, actor: Actor, order: RunOrder) -> RunView:
    """Ask for a run; it is pending then. What it lacks later (credits, room) is said by its `error_code`.

    Raises:
        Invalid: the command, a file, or the type can't be used.
        TypeNotAllowed: the actor may not have that type.
        Conflict: too many of theirs are not over.
    """
    require(actor, Action.ONE_SHOT_SUBMIT)
    command, files = commands.command(order.command), checked(order.files)
    if sum(len(each.data) for each in files) > _MOST_FILE_BYTES:
        raise Invalid(f"The files of a run have {_MOST_FILE_BYTES:,} bytes at most together.", field="files")
    if not 1 <= order.timeout_s <= commands.MAX_TIMEOUT_S:
        raise Invalid(f"Choose 1 to {commands.MAX_TIMEOUT_S} seconds.", field="timeout_seconds")
    type_id = await _type_of(tx, actor, order.type)
    await locked_quota(tx, actor.person_id)  # what is counted here stays so
    mine = select(func.count()).where(OneShotRun.user_id == actor.user_id, col(OneShotRun.status).in_(rules.UNFINISHED))
    if (await tx.exec(mine)).one() >= rules.MOST_UNFINISHED:
        raise Conflict(f"{rules.MOST_UNFINISHED} of your runs are not over yet. Wait for some, or cancel them.")
    await _forget_beyond(tx, actor.person_id, rules.MOST_KEPT)
    sent = [
        {"path": each.path, "mode": each.mode, "content_b64": base64.b64encode(each.data).decode()} for each in files
    ]
    run = OneShotRun(
        user_id=actor.person_id,
        api_key=actor.api_key,
        container_type_id=type_id,
        command=command,
        files=sent,
        timeout_s=order.timeout_s,
    )
    tx.add(run)
    await tx.flush()
    note("one_shot_run", run.id, commands.shown(command))
    tell_of(tx, run)
    return _view(run)


@operation(Action.ONE_SHOT_LIST)
async def list_runs(tx: Tx, actor: Actor, *, offset: int, limit: int) -> tuple[int, list[RunView]]:
    """How many runs the actor has, and some of them, newest first; without what they said."""
    require(actor, Action.ONE_SHOT_LIST)
    mine = OneShotRun.user_id == actor.user_id
    count = (await tx.exec(select(func.count()).where(mine))).one()
    query = select(OneShotRun).where(mine).order_by(col(OneShotRun.id).desc()).offset(offset).limit(limit)
    large = (OneShotRun.stdout, OneShotRun.stderr, OneShotRun.files)
    query = query.options(*(defer(cast(Any, each)) for each in large))
    return count, [_view(row, with_output=False) for row in (await tx.exec(query)).all()]


@operation(Action.ONE_SHOT_READ)
async def get_run(tx: Tx, actor: Actor, run_id: int) -> RunView:
    """One run.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    note("one_shot_run", run_id)
    run = await tx.get(OneShotRun, run_id)
    require(actor, Action.ONE_SHOT_READ, owner_id=run.user_id if run else None, what="That run")
    if run is None:
        raise NotFound("That run")
    return _view(run)


@operation(Action.ONE_SHOT_CANCEL)
async def cancel(tx: Tx, actor: Actor, run_id: int) -> None:
    """End a run, and have its machine removed. One that is over stays as it is.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    note("one_shot_run", run_id)
    run = await owned(Action.ONE_SHOT_CANCEL, tx, actor, OneShotRun, run_id, "That run")
    await finish(tx, run, RunStatus.FAILED, RunFault.CANCELLED, "It was cancelled.")


async def finish(tx: Tx, run: OneShotRun, status: RunStatus, fault: RunFault | None = None, message: str = "") -> None:
    """Write the end of a run, and have its machine removed: both or neither. The row is locked.

    What has ended before is left as it is, but for a machine that is still there.
    """
    if run.container_id is not None:
        query = select(Container).where(Container.id == run.container_id).with_for_update()
        machine = (await tx.exec(query)).first()
        if machine is not None and machine.delete_requested_at is None:
            wish_gone(tx, machine, now())
    if run.status not in rules.UNFINISHED:
        return
    run.status, run.finished_at, run.files = status, now(), []
    run.error_code, run.message = fault or "", message[:500]
    run.claimed_until = None
    tell_of(tx, run)


def tell_of(tx: Tx, run: OneShotRun) -> None:
    """After the commit: whoever waits for the run looks again, and the stream tells of it."""
    announce(tx, RunChanged(run.id, run.user_id))
    status = RunStatus(run.status)
    data = {"status": status.value, "error_code": run.error_code or None, "exit_code": run.exit_code}
    feed.tell(tx, run.user_id, kind_of_run(status), run_id=run.id, container_id=run.container_id, data=data)


async def wait_for(actor: Actor, run_id: int, *, within_s: float) -> RunView:
    """The run once it is over, or as it is after `within_s`.

    Raises:
        NotFound: as `get_run`.
    """
    changed = asyncio.Event()

    def hear(event: Event) -> None:
        if isinstance(event, RunChanged) and event.run_id == run_id:
            changed.set()

    unsubscribe, until = bus().subscribe(hear), asyncio.get_running_loop().time() + within_s
    try:
        while True:
            changed.clear()
            async with reading() as tx:
                seen = await get_run(tx, actor, run_id)
            left = until - asyncio.get_running_loop().time()
            if seen.is_over or left <= 0:
                return seen
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, _LOOK_AGAIN_S)):
                    await changed.wait()
    finally:
        unsubscribe()


async def prune(tx: Tx) -> int:
    """Remove a batch of runs that are over and older than Config keeps them; returns how many."""
    cutoff = now() - timedelta(days=await value_of(tx, RUN_RETENTION_DAYS))
    is_old = (col(OneShotRun.created_at) < cutoff, col(OneShotRun.status).not_in(rules.UNFINISHED))
    old = select(OneShotRun.id).where(*is_old).limit(_PRUNED_AT_ONCE)
    return (await tx.exec(delete(OneShotRun).where(col(OneShotRun.id).in_(old)))).rowcount


async def _forget_beyond(tx: Tx, user_id: int, most: int) -> None:
    """Keep the newest of somebody’s runs that are over: commands are long, and to submit and cancel costs nothing."""
    is_over = (OneShotRun.user_id == user_id, col(OneShotRun.status).not_in(rules.UNFINISHED))
    older = (
        select(OneShotRun.id).where(*is_over).order_by(col(OneShotRun.id).desc()).offset(most).limit(_PRUNED_AT_ONCE)
    )
    await tx.exec(delete(OneShotRun).where(col(OneShotRun.id).in_(older)))


async def _type_of(tx: Tx, actor: Actor, wanted: int | str) -> int:
    query = select(ResourceQuota).where(ResourceQuota.user_id == actor.user_id)
    quota = (await tx.exec(query)).first()
    if quota is None:
        raise NotFound("Your quota")
    if wanted == "":
        return cheapest(await my_types(tx, actor)).id
    type_id = wanted if isinstance(wanted, int) else await type_named(tx, quota, wanted)
    await check_allowed(tx, quota, await kept_type(tx, type_id))
    return type_id


def _view(run: OneShotRun, *, with_output: bool = True) -> RunView:
    return RunView(
        id=run.id,
        status=RunStatus(run.status),
        command=run.command,
        stdout=run.stdout.decode(errors="replace") if with_output else "",
        stderr=run.stderr.decode(errors="replace") if with_output else "",
        exit_code=run.exit_code,
        truncated=run.truncated,
        duration_ms=run.duration_ms,
        error_code=run.error_code,
        message=run.message,
        timeout_s=run.timeout_s,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
    )
