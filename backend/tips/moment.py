"""The moment that a tip is asked for in: what is stored nowhere, computed when somebody asks."""

import math
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from backend.db import Tx
from backend.models import PersonClock
from backend.rules.schedules import time_zones
from backend.services.push import own_quiet_of
from backend.tips import consents

_DEVICES = ("narrow", "wide")


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where. `values` is empty for who did not agree that the context is looked at.

    `is_quiet` is of the hours that the person chose. The installation's are for what comes unasked.
    """

    at: datetime
    is_quiet: bool
    values: dict[str, float]


async def moment_of(tx: Tx, user_id: int, *, at: datetime, device: str = "", time_zone: str = "") -> Moment:
    """This moment of a person's.

    Args:
        device: `narrow` or `wide`; anything else is not known.
        time_zone: where their browser is; what can't be one is passed over.
    """
    there = at.astimezone(ZoneInfo(await _zone_of(tx, user_id, time_zone)))
    minute = there.hour * 60 + there.minute
    own = await own_quiet_of(tx, user_id)
    quiet = own is not None and own.holds(at)
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


async def _zone_of(tx: Tx, user_id: int, time_zone: str) -> str:
    """Where the person is: there, if that is a time zone, else where they were."""
    row = await tx.get(PersonClock, user_id)
    if row is None:
        row = PersonClock(user_id=user_id)
        tx.add(row)
    if time_zone in time_zones():
        row.time_zone = time_zone
    return row.time_zone
