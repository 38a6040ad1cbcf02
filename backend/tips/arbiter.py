"""One arbiter for all channels: whether a person may be told something now, and what they were told already.

The bounds are rules/telling.py's; this reads what they need, with the person's row locked, so that two who ask at
once are answered one after the other.
"""

from datetime import datetime

from sqlmodel import col, select

from backend.db import Tx
from backend.models import Telling, User
from backend.models.base import now
from backend.rules.config_keys import PUSHES_A_DAY
from backend.rules.telling import Channel, Told, Verdict, may_tell, oldest_that_counts
from backend.services.config import value_of
from backend.services.push import quiet_of


async def ask(
    tx: Tx, user_id: int, channel: Channel, tip: str, *, at: datetime | None = None
) -> tuple[Verdict, Telling | None]:
    """May the person be told of the tip by this channel? A yes is remembered as told, with this transaction."""
    at = at or now()
    if channel is Channel.PUSH:
        await tx.get(User, user_id, with_for_update=True)
    verdict = may_tell(
        channel,
        tip,
        await _told(tx, user_id, at),
        await quiet_of(tx, user_id),
        at=at,
        a_day=await value_of(tx, PUSHES_A_DAY),
    )
    if verdict is not Verdict.YES:
        return verdict, None
    row = Telling(user_id=user_id, channel=channel, tip=tip[:64], at=at)
    tx.add(row)
    await tx.flush()
    return verdict, row


async def _told(tx: Tx, user_id: int, at: datetime) -> list[Told]:
    since = oldest_that_counts(at)
    query = select(Telling).where(Telling.user_id == user_id, col(Telling.at) > since)
    return [Told(row.channel, row.tip, row.at) for row in (await tx.exec(query)).all()]
