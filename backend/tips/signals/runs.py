"""Which signal of whose is read next: claimed by one process, put off where it fails."""

import logging
import traceback
from collections.abc import Collection
from datetime import timedelta

from sqlmodel import col, select, update

from backend.db import reading, transaction
from backend.errors import PequerokuError
from backend.models import SignalRun, User
from backend.models.base import now
from backend.rules.signals.kinds import KINDS, PROVIDERS, SignalKind, wait_after
from backend.tips.signals.base import AnySignal, NoConsent, NotConnected

log = logging.getLogger(__name__)

_LEEWAY = timedelta(seconds=30)
_LOCAL = [name for name in KINDS if name not in PROVIDERS]
_BROKE = "It could not be read. Trying again later."


async def hurry(user_ids: Collection[int], *, admins: bool = False) -> None:
    """What is read from our own tables is due at once for these users (and all administrators): it may have changed."""
    theirs = col(SignalRun.user_id).in_(list(user_ids))
    if admins:
        theirs = theirs | col(SignalRun.user_id).in_(select(User.id).where(col(User.is_superuser)))
    local = (theirs, col(SignalRun.kind).in_(_LOCAL))
    async with reading() as tx:  # most people have agreed to nothing, and then nobody has to wait for a lock
        if (await tx.exec(select(SignalRun.user_id).where(*local).limit(1))).first() is None:
            return
    async with transaction() as tx:
        await tx.exec(update(SignalRun).where(*local).values(due_at=now()))


async def due_kinds() -> set[str]:
    """The kinds of which something is due: a look without a lock."""
    async with reading() as tx:
        return set((await tx.exec(select(SignalRun.kind).where(col(SignalRun.due_at) <= now()).distinct())).all())


async def claim(kind: SignalKind, room: int, *, besides: Collection[int]) -> list[int]:
    """Make those that have waited longest ours; gives whose they are. They are due for nobody else until their
    deadline is over, and again after that: then whoever had them has died.
    """
    due = (SignalRun.kind == kind.name, col(SignalRun.due_at) <= now(), col(SignalRun.user_id).not_in(list(besides)))
    oldest = select(SignalRun.user_id).where(*due).order_by(col(SignalRun.due_at)).limit(room)
    ours = oldest.with_for_update(skip_locked=True)
    taken = update(SignalRun).where(col(SignalRun.kind) == kind.name, col(SignalRun.user_id).in_(ours))
    taken = taken.values(due_at=now() + kind.deadline + _LEEWAY).returning(col(SignalRun.user_id))
    async with transaction() as tx:
        return [int(row[0]) for row in (await tx.exec(taken)).all()]


async def read(signal: AnySignal, user_id: int) -> None:
    """Read one, and note how that went; a signal that can't be read is put off, longer each time."""
    try:
        await signal.refresh(user_id, now())
    except NoConsent:
        return
    except NotConnected as fault:
        await _put_off(signal.kind, user_id, fault.message, is_over=True)
    except PequerokuError as fault:
        await _put_off(signal.kind, user_id, fault.message)
    except Exception as bug:  # noqa: BLE001 - logged
        # Without its message: that may quote what was read.
        where = "".join(traceback.format_tb(bug.__traceback__))
        log.error("the signal %s of user %s broke: %s\n%s", signal.kind.name, user_id, type(bug).__name__, where)
        await _put_off(signal.kind, user_id, _BROKE)


async def _put_off(kind: SignalKind, user_id: int, why: str, *, is_over: bool = False) -> None:
    mine = (SignalRun.user_id == user_id, SignalRun.kind == kind.name)
    async with transaction() as tx:
        run = (await tx.exec(select(SignalRun).where(*mine).with_for_update())).first()
        if run is None:
            return
        run.failures, run.fault = run.failures + 1, why[:300]
        run.due_at = None if is_over else now() + wait_after(kind, run.failures)
