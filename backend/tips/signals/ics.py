"""When a calendar file says that somebody is busy. The file is a stranger's: it is bounded before it is believed."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events  # type: ignore[reportMissingTypeStubs]

from backend.errors import UpstreamFault
from backend.rules.signals.calendar import Busy

_MOST_EVENTS = 20_000
_MOST_OCCURRENCES = 1000
_TOO_OFTEN = re.compile(rb"FREQ\s*=\s*(SECONDLY|MINUTELY)", re.IGNORECASE)
"""Nobody meets every minute; a file that says so wants to be reckoned with for ever."""
_FOLD = re.compile(rb"\r?\n[ \t]")
_NONSENSE = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)


def busy_in(body: bytes, span: Busy, zone: ZoneInfo) -> list[Busy]:
    """The stretches within `span` that events take: each occurrence of those that come again, none that was called off
    or takes no time (TRANSP). Days and times without a zone are the person's own.

    Raises:
        UpstreamFault: it is no calendar, or one that can't be reckoned with.
    """
    if body.count(b"BEGIN:VEVENT") > _MOST_EVENTS or _TOO_OFTEN.search(_FOLD.sub(b"", body)):
        raise UpstreamFault("The calendar has more events than can be reckoned with.")
    try:
        calendar = icalendar.Calendar.from_ical(body)
        query = cast(Any, recurring_ical_events).of(calendar, skip_bad_series=True)
        found: list[Busy] = []
        for number, event in enumerate(query.between(span.begins, span.ends)):
            if number >= _MOST_OCCURRENCES:
                raise UpstreamFault("The calendar has more events than can be reckoned with.")
            if (stretch := _stretch(event, zone)) is not None:
                found.append(stretch)
    except _NONSENSE as fault:
        raise UpstreamFault("What stands at that address is no calendar.") from fault
    return found


def _stretch(event: Any, zone: ZoneInfo) -> Busy | None:
    if str(event.get("STATUS", "")).upper() == "CANCELLED" or str(event.get("TRANSP", "")).upper() == "TRANSPARENT":
        return None
    begins = event["DTSTART"].dt
    ends = event["DTEND"].dt if "DTEND" in event else begins + _length(event, begins)
    return Busy(_moment(begins, zone), _moment(ends, zone))


def _length(event: Any, begins: date) -> timedelta:
    if "DURATION" in event:
        return cast(timedelta, event["DURATION"].dt)
    return timedelta() if isinstance(begins, datetime) else timedelta(days=1)


def _moment(at: date, zone: ZoneInfo) -> datetime:
    if not isinstance(at, datetime):
        return datetime.combine(at, time.min, zone).astimezone(UTC)
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)
