"""The time zone that a person's days are counted in: what their browser said, UTC before that."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from backend.db import Tx
from backend.errors import Invalid
from backend.models import PersonClock, User
from backend.operation import operation, require
from backend.rules.policy import Action, Actor
from backend.tips.events import signals_wanted


@operation(Action.CLOCK_SET)
async def set_clock(tx: Tx, actor: Actor, time_zone: str) -> None:
    """Count the actor's days in that time zone from now on.

    Raises:
        Invalid: there is no such zone.
    """
    require(actor, Action.CLOCK_SET)
    if time_zone not in available_timezones():
        raise Invalid("That is no time zone. One looks like Europe/Berlin.", field="time_zone")
    await tx.get(User, actor.person_id, with_for_update=True)  # the first tip may be asked for at the same time
    row = await tx.get(PersonClock, actor.person_id)
    if row is not None and row.time_zone == time_zone:
        return
    row = row or PersonClock(user_id=actor.person_id)
    row.time_zone = time_zone
    tx.add(row)
    signals_wanted(tx, actor.person_id)


async def zone_of(tx: Tx, user_id: int) -> ZoneInfo:
    """The zone of a person's days."""
    row = await tx.get(PersonClock, user_id)
    return ZoneInfo(row.time_zone if row else "UTC")


def day_end(at: datetime, zone: ZoneInfo) -> datetime:
    """When the day of `at` ends in that zone."""
    tomorrow = at.astimezone(zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)
