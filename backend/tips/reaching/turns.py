"""Whose turn it is to be looked at: is a tip worth a push to them now?

Everybody with a browser for it has a row that says when. Any number of processes may look: a turn is claimed first,
those that have waited longest before the others.
"""

from datetime import datetime, timedelta

from sqlmodel import col, select, update

from backend.db import Tx, transaction
from backend.models import PushSubscription, PushTurn, TipDecision, User
from backend.models.base import now
from backend.rules.actors import Via
from backend.rules.config_keys import PUSH_LOOK_EVERY_MIN
from backend.rules.policy import Actor
from backend.rules.telling import Verdict, put_off
from backend.services.config import value_of
from backend.tips import recommend
from backend.tips.reaching import arbiter, notifier

_CLAIM = timedelta(minutes=5)
"""Longer than a batch of turns takes: only a process that died leaves one that another takes over."""


async def claim(room: int, *, at: datetime | None = None) -> list[int]:
    """Make so many turns ours, of those that are due; gives whose they are."""
    at = at or now()
    due = select(PushTurn.user_id).where(col(PushTurn.next_at) <= at).order_by(col(PushTurn.next_at)).limit(room)
    ours = due.with_for_update(skip_locked=True)
    taken = update(PushTurn).where(col(PushTurn.user_id).in_(ours)).values(next_at=at + _CLAIM)
    async with transaction() as tx:
        return [int(row[0]) for row in (await tx.exec(taken.returning(col(PushTurn.user_id)))).all()]


async def take(user_id: int, *, at: datetime | None = None) -> Verdict | None:
    """Have the tip of the moment sent to a person, if there is one and they may be disturbed.

    Returns:
        What the arbiter said; None: there is no tip for them now.
    """
    at = at or now()
    async with transaction() as tx:
        user = await tx.get(User, user_id, with_for_update=True)
        turn = await tx.get(PushTurn, user_id)
        if user is None or turn is None:
            return None
        has_browser = select(PushSubscription.id).where(PushSubscription.user_id == user_id).limit(1)
        if (await tx.exec(has_browser)).first() is None:  # with the next one that is added, turns begin again
            await tx.delete(turn)
            return Verdict.NO_DEVICE
        verdict = await _offer(tx, user, at)
        turn.failures = 0
        turn.next_at = await arbiter.next_look(tx, user_id, verdict or Verdict.YES, at=at)
        return verdict


async def leave(user_id: int, *, at: datetime | None = None) -> None:
    """The turn failed: try it again later, each time after a longer while."""
    at = at or now()
    async with transaction() as tx:
        turn = await tx.get(PushTurn, user_id, with_for_update=True)
        if turn is not None:
            turn.failures += 1
            turn.next_at = at + put_off(turn.failures, timedelta(minutes=await value_of(tx, PUSH_LOOK_EVERY_MIN)))


async def _offer(tx: Tx, user: User, at: datetime) -> Verdict | None:
    """Nothing is chosen for who can't be told of it now: it would stand there, and nobody would have seen it."""
    if not user.is_active or user.must_change_password:
        return None
    verdict = await arbiter.may_disturb(tx, user.id, at=at)
    if verdict is not Verdict.YES:
        return verdict
    person = Actor(user.id, user.username, user.is_superuser, Via.SYSTEM)
    tip = await recommend.recommend(tx, person, at=at)
    if tip is None:
        return None
    decision = await tx.get_one(TipDecision, tip.decision_id)
    about = arbiter.about(decision)
    return await notifier.push(tx, user.id, tip=str(decision.id), sentence=tip.sentence, about=about, at=at)
