"""One arbiter for all channels: whether a person may be told something now, and what they were told already.

The bounds are rules/telling.py's; this reads what they need, with the person's row locked, so that two who ask at
once are answered one after the other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select, update

from backend.db import Tx
from backend.models import PushSent, Telling, TipDecision, User
from backend.models.base import now
from backend.rules.config_keys import PUSH_LOOK_EVERY_MIN, PUSHES_A_DAY
from backend.rules.telling import Channel, Quiet, Told, Verdict, look_again_at, may_tell, oldest_that_counts
from backend.services.config import value_of
from backend.services.push import quiet_of
from backend.tips import eligibility, stream

_GOLDEN = 0.6180339887
"""Multiples of it are spread evenly between 0 and 1, however many there are."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the bounds look at."""

    told: list[Told]
    quiet: Quiet
    a_day: int


async def ask(
    tx: Tx, user_id: int, channel: Channel, tip: str, *, about: str = "", at: datetime | None = None
) -> tuple[Verdict, Telling | None]:
    """May the person be told of the tip by this channel? A yes is remembered as told, with this transaction.

    A page that asks again is the same telling, later; what waited to be pushed of the tip is not sent any more.
    """
    at = at or now()
    how = await standing_of(tx, user_id, at=at)
    verdict = may_tell(channel, tip, how.told, how.quiet, at=at, a_day=how.a_day, about=about)
    if verdict is not Verdict.YES:
        return verdict, None
    row = None if channel is Channel.PUSH else await _telling(tx, user_id, channel, tip)
    if row is None:
        row = Telling(user_id=user_id, channel=channel, tip=tip[:64], about=about[:160], at=at)
        tx.add(row)
    row.at = at
    await tx.flush()
    if channel is not Channel.PUSH:
        await _call_off(tx, user_id, tip, at)
    return verdict, row


async def tell(tx: Tx, decision: TipDecision, channel: Channel, *, at: datetime) -> Verdict:
    """As `ask`, of a tip that stands."""
    verdict, _ = await ask(tx, decision.user_id, channel, str(decision.id), about=about(decision), at=at)
    return verdict


async def shown(tx: Tx, user_id: int, channel: Channel, tip: str, *, at: datetime) -> None:
    """The tip is there to be seen: whoever reads the stream is told, once for a tip and channel."""
    row = await _telling(tx, user_id, channel, tip)
    if row is not None and row.shown_at is None:
        row.shown_at = at
        await stream.shown(tx, user_id, tip, channel, at=at)


async def standing_of(tx: Tx, user_id: int, *, at: datetime) -> Standing:
    """What is known of the person, whose row is locked until this transaction ends."""
    await tx.get(User, user_id, with_for_update=True)
    query = select(Telling).where(Telling.user_id == user_id, col(Telling.at) > oldest_that_counts(at))
    told = [Told(row.channel, row.tip, row.at, row.about) for row in (await tx.exec(query)).all()]
    return Standing(told, await quiet_of(tx, user_id), await value_of(tx, PUSHES_A_DAY))


async def may_disturb(tx: Tx, user_id: int, *, at: datetime) -> Verdict:
    """Whether a push may be sent at all now, of whatever tip."""
    how = await standing_of(tx, user_id, at=at)
    return may_tell(Channel.PUSH, "", how.told, how.quiet, at=at, a_day=how.a_day)


async def next_look(tx: Tx, user_id: int, verdict: Verdict, *, at: datetime) -> datetime:
    """When to look again whether a tip is worth a push."""
    how = await standing_of(tx, user_id, at=at)
    every = timedelta(minutes=await value_of(tx, PUSH_LOOK_EVERY_MIN))
    spread = user_id * _GOLDEN % 1
    return look_again_at(verdict, how.told, how.quiet, at=at, a_day=how.a_day, every=every, spread=spread)


def about(decision: TipDecision) -> str:
    """What a decision's tip speaks of."""
    return "/".join(eligibility.target_in(decision.shown))


async def _telling(tx: Tx, user_id: int, channel: Channel, tip: str) -> Telling | None:
    """The newest, locked."""
    query = select(Telling).where(Telling.user_id == user_id, Telling.channel == channel, Telling.tip == tip[:64])
    return (await tx.exec(query.order_by(col(Telling.id).desc()).limit(1).with_for_update())).first()


async def _call_off(tx: Tx, user_id: int, tip: str, at: datetime) -> None:
    """Whoever sees it on a page need not be sent it."""
    of_tip = select(Telling.id).where(Telling.user_id == user_id, Telling.tip == tip[:64])
    waiting = (col(PushSent.telling_id).in_(of_tip), col(PushSent.state) == "waiting")
    await tx.exec(update(PushSent).where(*waiting).values(state="seen", finished_at=at))
