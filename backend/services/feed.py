"""The stream of what happens to a person's containers and runs: written with what it tells of, read by programs that
go on from the last that they have.

Rows get their ids just before the commit, under the lock that the audit log's chain takes there, too: so a reader who
has seen one has seen all before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlmodel import col, delete, func, select

from backend.audit import locked_chain
from backend.db import Tx
from backend.events.bus import FeedWritten, bus
from backend.models import Container, FeedEvent
from backend.models.base import now
from backend.operation import operation, require
from backend.rules.config_keys import RUN_RETENTION_DAYS
from backend.rules.feed import FeedKind
from backend.rules.policy import Action, Actor
from backend.services.access import shared_with
from backend.services.config import value_of

_PRUNED_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class FeedView:
    """One event. `data` has `name` and `text` of a container, `status`, `error_code` and `exit_code` of a run."""

    id: int
    kind: str
    container_id: int | None
    run_id: int | None
    data: dict[str, Any]
    at: datetime


def tell(
    tx: Tx,
    user_id: int,
    kind: FeedKind,
    *,
    container_id: int | None = None,
    run_id: int | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Have it told, once the transaction is committed."""
    pending = cast("list[FeedEvent]", tx.info.setdefault("feed", []))
    if not pending:
        tx.before_commit.append(lambda: _append(tx, pending))
        tx.after_commit.append(lambda: _announce(pending))
    row = FeedEvent(user_id=user_id, kind=kind, container_id=container_id, run_id=run_id, data=data or {})
    pending.append(row)


def tell_of_container(tx: Tx, container: Container, kind: FeedKind, text: str = "") -> None:
    """Have something told of a container."""
    data = {"name": container.name, "text": text}
    tell(tx, container.user_id, kind, container_id=container.id, data=data)


@operation(Action.FEED_READ)
async def read_after(tx: Tx, actor: Actor, after_id: int, *, limit: int = 100) -> list[FeedView]:
    """What came after an event, of the actor's own and of what is shared with them now; the oldest first."""
    require(actor, Action.FEED_READ)
    newer = select(FeedEvent).where(col(FeedEvent.id) > after_id).order_by(col(FeedEvent.id)).limit(limit)
    mine = newer.where(FeedEvent.user_id == actor.user_id)
    # By owner, for whom there is an index: what other people's machines do is much, and nobody's business here.
    theirs = newer.join(Container, col(Container.user_id) == FeedEvent.user_id).where(
        Container.id == col(FeedEvent.container_id),
        Container.user_id != actor.user_id,
        col(Container.created_at) <= col(FeedEvent.created_at),  # ids of containers may be used again
        col(Container.id).in_(shared_with(actor)),
        col(FeedEvent.run_id).is_(None),
    )
    rows = [*(await tx.exec(mine)).all(), *(await tx.exec(theirs)).all()]
    return [_view(row) for row in sorted(rows, key=lambda row: row.id)[:limit]]


async def last_id(tx: Tx) -> int:
    """The newest event's id, of anybody's: where one begins who wants to hear of what comes from now on."""
    return (await tx.exec(select(func.max(FeedEvent.id)))).one() or 0


async def shared_ids(tx: Tx, user_id: int | None) -> frozenset[int]:
    """The containers that are shared with somebody: what is told of them is told to them, too."""
    return frozenset((await tx.exec(shared_with(Actor(user_id)))).all())


async def prune(tx: Tx) -> int:
    """Remove a batch of what is older than Config keeps it; returns how many."""
    cutoff = now() - timedelta(days=await value_of(tx, RUN_RETENTION_DAYS))
    old = select(FeedEvent.id).where(col(FeedEvent.created_at) < cutoff).limit(_PRUNED_AT_ONCE)
    return (await tx.exec(delete(FeedEvent).where(col(FeedEvent.id).in_(old)))).rowcount


async def _append(tx: Tx, rows: Sequence[FeedEvent]) -> None:
    await locked_chain(tx)
    tx.add_all(rows)
    await tx.flush()


async def _announce(rows: Sequence[FeedEvent]) -> None:
    users = sorted({row.user_id for row in rows})
    boxes = sorted({row.container_id for row in rows if row.container_id is not None})
    await bus().publish(FeedWritten(users, boxes))


def _view(row: FeedEvent) -> FeedView:
    return FeedView(row.id, row.kind, row.container_id, row.run_id, row.data, row.created_at)
