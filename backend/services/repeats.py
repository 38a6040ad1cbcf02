"""Requests that may be sent again without being done twice, for a day. No use case: the door asks, before any.

Of each person the latest are kept, or a program that names all that it asks would fill the disk in a day.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import and_, col, delete, or_, select, tuple_, update

from backend.db import Tx, insert_if_absent, transaction
from backend.errors import Conflict
from backend.models import Repeat
from backend.models.base import now
from backend.sealing import seal, unseal

KEPT_FOR = timedelta(hours=24)
MOST = 1000
"""Of one person. What is under way counts, too, and stays."""
LONGEST_BODY = 1024 * 1024
"""Characters of an answer that are kept."""
_PURPOSE = "answer to a repeated request"
_LONGEST_WORK = timedelta(minutes=15)
_PRUNED_AT_ONCE = 1000
_KEY = (col(Repeat.user_id), col(Repeat.route), col(Repeat.key))


@dataclass(frozen=True, slots=True)
class Request:
    """A request that named itself."""

    user_id: int
    route: str
    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What it was answered."""

    status: int
    media_type: str
    body: str


async def begin(request: Request) -> Answer | None:
    """None: it is the first of its name, and to be done; `finish` or `forget` it then. Else the answer it had.

    Raises:
        Conflict: another request had the same name; or it is under way, or was broken off.
    """
    attempt = secrets.token_hex(8)
    async with transaction() as tx:
        await tx.exec(delete(Repeat).where(_is(request), col(Repeat.created_at) <= now() - KEPT_FOR))
        fresh = Repeat(
            user_id=request.user_id, route=request.route, key=request.key, digest=request.digest, attempt=attempt
        )
        await insert_if_absent(tx, fresh)
        row = (await tx.exec(select(Repeat).where(_is(request)))).one()
        if row.attempt == attempt:
            await _make_room(tx, request.user_id)
    if row.digest != request.digest:
        raise Conflict("That Idempotency-Key was used for another request. Use a new one for each.")
    if row.attempt == attempt:
        return None
    if row.answered:
        return Answer(row.answered, row.media_type, unseal(row.body, purpose=_PURPOSE))
    if now() - row.created_at < _LONGEST_WORK:
        raise Conflict("The request with that Idempotency-Key is still under way. Ask again in a moment.")
    raise Conflict("The request with that Idempotency-Key was broken off. See whether it was done, then use a new key.")


async def finish(request: Request, answer: Answer) -> None:
    """Keep the answer, for whoever sends the request again."""
    if len(answer.body) > LONGEST_BODY:
        message = "It was done; its answer was too long to be kept."
        answer = Answer(409, "application/json", f'{{"error":{{"code":"conflict","message":"{message}"}}}}')
    body = seal(answer.body, purpose=_PURPOSE)  # it may be a link that lets somebody in
    values = {"answered": answer.status, "media_type": answer.media_type, "body": body}
    async with transaction() as tx:
        await tx.exec(update(Repeat).where(_is(request)).values(**values))


async def forget(request: Request) -> None:
    """It was refused, and so not done: the same name may be tried again."""
    async with transaction() as tx:
        await tx.exec(delete(Repeat).where(_is(request)))


async def prune(tx: Tx) -> int:
    """Remove a batch of what is older than it is kept; returns how many."""
    old = select(*_KEY).where(col(Repeat.created_at) <= now() - KEPT_FOR).limit(_PRUNED_AT_ONCE)
    return (await tx.exec(delete(Repeat).where(tuple_(*_KEY).in_(old)))).rowcount


async def _make_room(tx: Tx, user_id: int) -> None:
    """The person's oldest go, where there are more than may be kept."""
    latest = select(*_KEY).where(Repeat.user_id == user_id).order_by(col(Repeat.created_at).desc())
    is_over = or_(col(Repeat.answered) > 0, col(Repeat.created_at) <= now() - _LONGEST_WORK)
    too_many = latest.offset(MOST).limit(_PRUNED_AT_ONCE)
    await tx.exec(delete(Repeat).where(is_over, tuple_(*_KEY).in_(too_many)))


def _is(request: Request):  # a condition's type would say less than the condition
    return and_(Repeat.user_id == request.user_id, Repeat.route == request.route, Repeat.key == request.key)
