"""When a container was last used, kept to the minute: what decides whether it is idle."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from sqlmodel import col, update

from backend.db import Tx, transaction
from backend.errors import DatabaseBusy
from backend.models import Container
from backend.models.base import now

_GRAIN = timedelta(minutes=1)
_noted: dict[int, datetime] = {}


def is_news(container_id: int, at: datetime) -> bool:
    """Whether a use at `at` is worth a writing; at most once a minute and container it is. Ask before every writing."""
    before = _noted.get(container_id)
    if before is not None and at - before < _GRAIN:
        return False
    _noted[container_id] = at
    return True


async def note_use_now(container_id: int) -> None:
    """Somebody does something with it, which keeps it from being idle. That this can't be written down is nobody's
    trouble.
    """
    at = now()
    if is_news(container_id, at):
        with suppress(DatabaseBusy):
            async with transaction() as tx:
                await note_use(tx, [container_id], at)


async def note_use(tx: Tx, container_ids: Iterable[int], at: datetime) -> None:
    """Write down that containers were used at `at`, where that is newer by a minute than what is known."""
    last = col(Container.last_active_at)
    stale = last.is_(None) | (last < at - _GRAIN)
    await tx.exec(update(Container).where(col(Container.id).in_(list(container_ids)), stale).values(last_active_at=at))
