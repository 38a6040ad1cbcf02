"""What a person is told while away."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, delete, func, select, update

from backend.db import Tx
from backend.events.bus import InboxChanged, announce
from backend.models import Notification
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules.config_keys import INBOX_RETENTION_DAYS
from backend.rules.notices import Notice
from backend.rules.policy import Action, Actor
from backend.services import outbox
from backend.services.config import value_of
from backend.services.targets import owned

PAGE = 30
_MOST = 200
_PRUNED_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One notification. `link` is a path of ours, or empty."""

    id: int
    kind: str
    title: str
    text: str
    link: str
    at: datetime
    is_read: bool


async def tell(
    tx: Tx, user_id: int, kind: Notice, title: str, text: str = "", *, link: str = "", container_id: int | None = None
) -> None:
    """Leave a notification for a user, and put it on the way to their webhooks, with this transaction."""
    row = Notification(
        user_id=user_id, kind=kind, title=title[:200], text=text[:1000], link=link[:300], container_id=container_id
    )
    tx.add(row)
    await outbox.queue(tx, row)
    announce(tx, InboxChanged(user_id))


@operation(Action.INBOX_LIST)
async def list_inbox(tx: Tx, actor: Actor, *, before_id: int | None = None, limit: int = PAGE) -> list[NoticeView]:
    """The actor's notifications, newest first, of those with an id below `before_id`."""
    require(actor, Action.INBOX_LIST)
    query = select(Notification).where(Notification.user_id == actor.user_id)
    if before_id is not None:
        query = query.where(col(Notification.id) < before_id)
    rows = await tx.exec(query.order_by(col(Notification.id).desc()).limit(max(1, min(limit, _MOST))))
    return [_view(row) for row in rows.all()]


@operation(Action.INBOX_COUNT)
async def unread_count(tx: Tx, actor: Actor) -> int:
    """How many the actor has not read."""
    require(actor, Action.INBOX_COUNT)
    query = select(func.count()).where(Notification.user_id == actor.user_id, col(Notification.read_at).is_(None))
    return (await tx.exec(query)).one()


@operation(Action.INBOX_READ)
async def mark_read(tx: Tx, actor: Actor, notice_id: int) -> NoticeView:
    """Note that it was read. Twice is the same as once.

    Raises:
        NotFound: no such notification, or somebody else's.
    """
    note("notification", notice_id)
    row = await owned(Action.INBOX_READ, tx, actor, Notification, notice_id, "That notification")
    if row.read_at is None:
        row.read_at = now()
        announce(tx, InboxChanged(row.user_id))
    return _view(row)


@operation(Action.INBOX_READ_ALL)
async def mark_all_read(tx: Tx, actor: Actor) -> None:
    """Note that the actor has read all there is."""
    require(actor, Action.INBOX_READ_ALL)
    unread = (col(Notification.user_id) == actor.user_id, col(Notification.read_at).is_(None))
    await tx.exec(update(Notification).where(*unread).values(read_at=now()))
    announce(tx, InboxChanged(actor.person_id))


async def prune(tx: Tx) -> int:
    """Remove a batch of notifications that are older than Config keeps them; returns how many."""
    cutoff = now() - timedelta(days=await value_of(tx, INBOX_RETENTION_DAYS))
    old = select(Notification.id).where(col(Notification.created_at) < cutoff).limit(_PRUNED_AT_ONCE)
    return (await tx.exec(delete(Notification).where(col(Notification.id).in_(old)))).rowcount


def _view(row: Notification) -> NoticeView:
    return NoticeView(row.id, row.kind, row.title, row.text, row.link, row.created_at, row.read_at is not None)
