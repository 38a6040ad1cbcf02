"""The moment that a tip is asked for in: what is stored nowhere, computed when somebody asks."""

import math
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from backend.db import Tx
from backend.errors import Invalid
from backend.models import PersonClock
from backend.operation import operation, require
from backend.rules.policy import Action, Actor
from backend.rules.schedules import time_zone_of
from backend.tips import consents

_DEVICES = ("narrow", "wide")


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where. `values` is empty for who did not agree that the context is looked at."""

    at: datetime
    is_quiet: bool
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class HoursView:
    """When somebody wants no tips, in minutes of the day; None: there is no such time."""

    time_zone: str
    quiet_from: int | None
    quiet_until: int | None


async def moment_of(tx: Tx, user_id: int, *, at: datetime, device: str = "", time_zone: str = "") -> Moment:
    """This moment of a person's.

    Args:
        device: `narrow` or `wide`; anything else is not known.
        time_zone: where their browser is; what can't be one is passed over.
    """
    person = await _person(tx, user_id, time_zone)
    there = at.astimezone(ZoneInfo(person.time_zone))
    minute = there.hour * 60 + there.minute
    quiet = is_quiet(minute, person.quiet_from, person.quiet_until)
    if consents.Scope.CONTEXT not in await consents.live(tx, user_id):
        return Moment(at, quiet, {})
    turn = 2 * math.pi * minute / 1440
    values = {
        "hour_sin": math.sin(turn),
        "hour_cos": math.cos(turn),
        "is_weekend": float(there.weekday() >= 5),
        "weekday": there.weekday() / 3 - 1,
    }
    if device in _DEVICES:
        values["is_narrow"] = float(device == "narrow")
    return Moment(at, quiet, values)


def is_quiet(minute: int, begins: int | None, ends: int | None) -> bool:
    """Whether a minute of the day lies in quiet hours, which may reach over midnight. Of no length: there are none."""
    if begins is None or ends is None or begins == ends:
        return False
    if begins < ends:
        return begins <= minute < ends
    return minute >= begins or minute < ends


@operation(Action.TIP_HOURS)
async def set_hours(
    tx: Tx, actor: Actor, *, time_zone: str, quiet_from: int | None = None, quiet_until: int | None = None
) -> HoursView:
    """Say when no tips are wanted.

    Raises:
        Invalid: no time zone, or no minutes of a day.
    """
    require(actor, Action.TIP_HOURS)
    for each in (quiet_from, quiet_until):
        if each is not None and not 0 <= each < 1440:
            raise Invalid("Give minutes of a day, from 0 to 1439.", field="quiet_from")
    if (quiet_from is None) != (quiet_until is None):
        raise Invalid("Quiet hours have a beginning and an end.", field="quiet_until")
    person = await _person(tx, actor.person_id, time_zone_of(time_zone))
    person.quiet_from, person.quiet_until = quiet_from, quiet_until
    return HoursView(person.time_zone, quiet_from, quiet_until)


async def _person(tx: Tx, user_id: int, time_zone: str) -> PersonClock:
    row = await tx.get(PersonClock, user_id)
    if row is None:
        row = PersonClock(user_id=user_id)
        tx.add(row)
    if time_zone and time_zone != row.time_zone:
        try:
            row.time_zone = time_zone_of(time_zone)
        except Invalid:
            return row
    return row
