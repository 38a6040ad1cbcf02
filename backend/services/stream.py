"""The stream of events, as an administrator looks into it: the newest first, from the outbox itself.

So it is whole with several processes, and says the same in each.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, delete, func, select

from backend.db import Tx
from backend.events.durable import as_json
from backend.models import StreamEvent, User
from backend.models.base import now
from backend.operation import operation, require
from backend.rules.config_keys import STREAM_RETENTION_DAYS
from backend.rules.policy import Action, Actor
from backend.services.config import value_of
from backend.settings import settings

PAGE = 50
_MOST = 200
_PRUNED_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class EventView:
    """One event. No `user_id`: the person is gone; `content` is the envelope, as JSON says it."""

    id: int
    event_id: str
    type: str
    user_id: int | None
    username: str
    at: datetime
    mirrored_at: datetime | None
    content: dict[str, Any]


@operation(Action.STREAM_LIST)
async def list_events(
    tx: Tx, actor: Actor, *, kind: str = "", username: str = "", before_id: int | None = None, limit: int = PAGE
) -> list[EventView]:
    """Events, newest first, of those with an id below `before_id`.

    Args:
        kind: one of events/durable.py's TYPES; empty: all.
        username: of the person they are about, whole; empty: anybody.
    """
    require(actor, Action.STREAM_LIST)
    query = select(StreamEvent, User.username).join(User, isouter=True)
    if kind:
        query = query.where(StreamEvent.type == kind)
    if username:
        query = query.where(func.lower(col(User.username)) == username.strip().lower())
    if before_id is not None:
        query = query.where(col(StreamEvent.id) < before_id)
    rows = await tx.exec(query.order_by(col(StreamEvent.id).desc()).limit(max(1, min(limit, _MOST))))
    return [_view(row, name) for row, name in rows.all()]


async def waiting_for_nats(tx: Tx) -> int | None:
    """How many events are not in NATS yet; None where none of them is to be."""
    if not settings().nats_url:
        return None
    return (await tx.exec(select(func.count()).where(col(StreamEvent.mirrored_at).is_(None)))).one()


async def prune(tx: Tx) -> int:
    """Remove a batch of events that are older than Config keeps them; not what NATS is still to have."""
    cutoff = now() - timedelta(days=await value_of(tx, STREAM_RETENTION_DAYS))
    old = select(StreamEvent.id).where(col(StreamEvent.created_at) < cutoff)
    if settings().nats_url:
        old = old.where(col(StreamEvent.mirrored_at).is_not(None))
    batch = old.limit(_PRUNED_AT_ONCE)
    return (await tx.exec(delete(StreamEvent).where(col(StreamEvent.id).in_(batch)))).rowcount


def _view(row: StreamEvent, username: str | None) -> EventView:
    return EventView(
        row.id,
        row.event_id,
        row.type,
        row.user_id,
        username or "",
        row.created_at,
        row.mirrored_at,
        as_json(row.payload),
    )
