"""When a start or stop at a time of day falls due next, in a time zone whose clocks may change."""

import re
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from backend.errors import Invalid

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_EVERY = "0123456"
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})")


def next_run(weekdays: str, minute_of_day: int, time_zone: str, *, after: datetime) -> datetime:
    """The first due moment after `after`, aware and in UTC. Every chosen day has exactly one.

    A time that the clocks skip on its day falls due as long after midnight as ever (02:30 is then 03:30 on the
    wall); of a time that they show twice it is the first (PEP 495 with fold=0).

    Args:
        weekdays: digits, Monday is 0; at least one.
        minute_of_day: on the wall clock of `time_zone`, 0 to 1439.
    """
    zone = ZoneInfo(time_zone)
    wall = time(*divmod(minute_of_day, 60))
    today = after.astimezone(zone).date()
    days = (today + timedelta(days=ahead) for ahead in range(-1, 9))  # a zone may skip a whole day
    runs = (datetime.combine(day, wall, zone).astimezone(UTC) for day in days if str(day.weekday()) in weekdays)
    return min(each for each in runs if each > after)


def weekdays_of(text: str) -> str:
    """Days in order, each once.

    Raises:
        Invalid: there are none, or something else is among them.
    """
    if not text or not set(text) <= set(_EVERY):
        raise Invalid("Choose at least one day of the week.", field="weekdays")
    return "".join(sorted(set(text)))


def minute_of(text: str) -> int:
    """The minute of the day of a time such as 08:30.

    Raises:
        Invalid: it is none.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise Invalid("Give a time such as 08:30.", field="time")
    hour, minute = int(found[1]), int(found[2])
    if hour > 23 or minute > 59:
        raise Invalid("Give a time from 00:00 to 23:59.", field="time")
    return hour * 60 + minute


def time_zone_of(name: str) -> str:
    """A time zone's IANA name.

    Raises:
        Invalid: there is none of that name.
    """
    if name not in time_zones():
        raise Invalid("Give a time zone such as Europe/Madrid or UTC.", field="time_zone")
    return name


@lru_cache
def time_zones() -> frozenset[str]:
    """All of them, by IANA name. `localtime` is no place."""
    return frozenset(available_timezones() - {"localtime", "Factory"}) | {"UTC"}


def in_words(weekdays: str, minute_of_day: int) -> str:
    """For example “Mon–Fri at 08:30”."""
    hour, minute = divmod(minute_of_day, 60)
    return f"{_days(weekdays)} at {hour:02}:{minute:02}"


def _days(weekdays: str) -> str:
    if weekdays == _EVERY:
        return "Every day"
    if len(weekdays) > 2 and weekdays in _EVERY:
        return f"{_DAYS[int(weekdays[0])]}–{_DAYS[int(weekdays[-1])]}"
    return ", ".join(_DAYS[int(each)] for each in weekdays)
