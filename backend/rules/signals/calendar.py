"""What a person's calendar says: stretches of time that are taken, and nothing of what they are taken by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.rules.signals.readings import Reading

LOOKED_AHEAD = timedelta(hours=24)
_MOST_MINUTES = 1440
_KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Busy:
    """From `begins` (included) to `ends` (not included) somebody is busy."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class CalendarNow:
    """Everything that touches the person's day, or the day ahead."""

    busy: Sequence[Busy]
    day_begins: datetime
    day_ends: datetime


def merged(busy: Sequence[Busy]) -> list[Busy]:
    """The same time, each moment of it once, in order."""
    found: list[Busy] = []
    for each in sorted((one for one in busy if one.ends > one.begins), key=lambda one: one.begins):
        if found and each.begins <= found[-1].ends:
            found[-1] = Busy(found[-1].begins, max(found[-1].ends, each.ends))
        else:
            found.append(each)
    return found


def derive(calendar: CalendarNow, at: datetime) -> list[Reading]:
    """Whether it is taken now, minutes until it is (0 when it is, at most a day), and hours that today are."""
    taken = merged(calendar.busy)
    now = next((each for each in taken if each.begins <= at < each.ends), None)
    following = next((each for each in taken if each.begins > at), None)
    ahead = (following.begins - at).total_seconds() / 60 if following else _MOST_MINUTES
    free = 0.0 if now else min(_MOST_MINUTES, ahead)
    changes = [each for each in (now.ends if now else None, following.begins if following else None) if each]
    until = min([at + _KEPT, *changes])
    today = sum(
        (min(each.ends, calendar.day_ends) - max(each.begins, calendar.day_begins)).total_seconds()
        for each in taken
        if each.begins < calendar.day_ends and each.ends > calendar.day_begins
    )
    return [
        Reading("calendar.busy_now", 1 if now else 0, until=until),
        Reading("calendar.free_minutes", free, until=until),
        Reading("calendar.busy_hours_today", today / 3600, until=min(at + _KEPT, calendar.day_ends)),
    ]
