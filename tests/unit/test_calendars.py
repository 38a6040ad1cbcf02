"""When somebody is busy: rules, and calendar files of every kind, hostile ones too."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import UpstreamFault
from backend.rules.signals.calendar import Busy, CalendarNow, derive, merged
from backend.rules.signals.tasks import TasksNow
from backend.rules.signals.tasks import derive as derive_tasks
from backend.tips.signals import ics_program
from backend.tips.signals.ics import busy_in
from tests.calendar_server import ics

DAY = Busy(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC))
BERLIN = ZoneInfo("Europe/Berlin")
_ZONE = """BEGIN:VTIMEZONE
TZID:Home
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0500
TZOFFSETTO:+0500
END:STANDARD
END:VTIMEZONE"""


def _hours(calendar: str, zone: ZoneInfo = BERLIN) -> list[tuple[str, str]]:
    found = sorted(busy_in(calendar.encode(), DAY, zone), key=lambda each: each.begins)
    return [(f"{each.begins:%dT%H:%M}", f"{each.ends:%dT%H:%M}") for each in found]


@pytest.mark.parametrize(
    ("event", "taken"),
    [
        ("DTSTART:20260302T100000Z\nDTEND:20260302T110000Z", [("02T10:00", "02T11:00")]),
        ("DTSTART:20260302T100000\nDURATION:PT30M", [("02T09:00", "02T09:30")]),
        ("DTSTART;TZID=America/New_York:20260302T100000\nDTEND;TZID=America/New_York:20260302T110000",
         [("02T15:00", "02T16:00")]),
        ("DTSTART;TZID=Home:20260302T100000\nDTEND;TZID=Home:20260302T110000", [("02T05:00", "02T06:00")]),
        ("DTSTART;VALUE=DATE:20260303", [("02T23:00", "03T23:00")]),
        ("DTSTART:20260101T080000Z\nDTEND:20260101T090000Z\nRRULE:FREQ=DAILY\nEXDATE:20260303T080000Z",
         [("02T08:00", "02T09:00")]),
        ("DTSTART;TZID=Europe/Berlin:20250102T083000\nDTEND;TZID=Europe/Berlin:20250102T090000\nRRULE:FREQ=WEEKLY;BYDAY=MO",
         [("02T07:30", "02T08:00")]),
        ("DTSTART:20260302T100000Z\nDTEND:20260302T110000Z\nSTATUS:CANCELLED", []),
        ("DTSTART:20260302T100000Z\nDTEND:20260302T110000Z\nTRANSP:TRANSPARENT", []),
        ("DTSTART:20260502T100000Z\nDTEND:20260502T110000Z", []),
    ],
)  # fmt: skip
def test_an_event_takes_the_time_it_says(event: str, taken: list[tuple[str, str]]) -> None:
    assert _hours(ics(event, more=_ZONE)) == taken


def test_one_occurrence_that_was_moved_is_where_it_was_moved_to() -> None:
    series = "UID:s\nDTSTART:20260301T080000Z\nDTEND:20260301T090000Z\nRRULE:FREQ=DAILY;COUNT=3"
    moved = "UID:s\nRECURRENCE-ID:20260302T080000Z\nDTSTART:20260302T180000Z\nDTEND:20260302T190000Z"
    calendar = "BEGIN:VCALENDAR\nVERSION:2.0\n" + "".join(
        f"BEGIN:VEVENT\nDTSTAMP:20260101T000000Z\n{each}\nEND:VEVENT\n" for each in (series, moved)
    )
    assert _hours(calendar + "END:VCALENDAR\n") == [("02T18:00", "02T19:00"), ("03T08:00", "03T09:00")]


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "<html></html>",
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\n",
        ics("DTSTART:20260302T000000Z\nRRULE:FREQ=SECONDLY"),
        ics("DTSTART:20260302T000000Z\nRRULE:FRE\r\n Q=MINUTELY").replace("FRE\r\nQ", "FRE\r\n Q"),
        "BEGIN:VEVENT" * 30_000,
        "BEGIN:VCALENDAR\n" * 5000,
    ],
)
def test_a_hostile_file_is_refused_soon(hostile: str) -> None:
    began = datetime.now(UTC)
    with pytest.raises(UpstreamFault):
        busy_in(hostile.encode(), DAY, BERLIN)
    assert datetime.now(UTC) - began < timedelta(seconds=5)


async def test_a_file_that_is_reckoned_with_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    event = "DTSTART:20260302T100000Z\nDTEND:20260302T110000Z"
    assert len(await ics_program.read_apart(ics(event).encode(), DAY, BERLIN)) == 1
    monkeypatch.setattr(ics_program, "_MOST_S", 2)
    never = "DTSTART:20200101T000000Z\nRRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"
    with pytest.raises(UpstreamFault, match="more events than can be reckoned with"):
        await ics_program.read_apart(ics(*[never] * 50).encode(), DAY, BERLIN)


@given(st.binary(max_size=400))
def test_whatever_stands_at_an_address_is_a_calendar_or_refused(body: bytes) -> None:
    with suppress(UpstreamFault):
        busy = busy_in(b"BEGIN:VCALENDAR\r\n" + body + b"\r\nEND:VCALENDAR\r\n", DAY, BERLIN)
        assert all(each.begins <= each.ends for each in busy)


_MINUTES = st.integers(-2000, 4000)
_STRETCHES = st.lists(st.tuples(_MINUTES, _MINUTES), max_size=20)


@given(_STRETCHES)
def test_what_is_derived_is_the_same_as_looking_at_every_minute(stretches: list[tuple[int, int]]) -> None:
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    busy = [Busy(at + timedelta(minutes=a), at + timedelta(minutes=b)) for a, b in stretches]
    begins, ends = at - timedelta(hours=12), at + timedelta(hours=12)
    found = {each.name: each.value for each in derive(CalendarNow(busy, begins, ends), at)}

    def taken(minute: int) -> bool:
        return any(a <= minute < b for a, b in stretches)

    free = next((minute for minute in range(1441) if taken(minute)), 1440)
    assert found["calendar.busy_now"] == taken(0)
    assert found["calendar.free_minutes"] == free
    assert found["calendar.busy_hours_today"] == pytest.approx(sum(taken(m) for m in range(-720, 720)) / 60)


@given(_STRETCHES)
def test_merged_time_is_in_order_and_apart(stretches: list[tuple[int, int]]) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    found = merged([Busy(at + timedelta(minutes=a), at + timedelta(minutes=b)) for a, b in stretches])
    assert all(one.ends < other.begins for one, other in pairwise(found))


@given(st.lists(st.integers(-400, 400)), st.lists(st.integers(-30, 30)))
def test_tasks_are_counted_by_their_days(due: list[int], done: list[int]) -> None:
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    days = [at.date() + timedelta(days=each) for each in due]
    times = [at + timedelta(days=each) for each in done]
    facts = TasksNow(days, times, at.date(), at + timedelta(hours=12))
    found = {each.name: each.value for each in derive_tasks(facts, at)}
    assert found["tasks.overdue"] == sum(each < 0 for each in due)
    assert found["tasks.due_today"] == due.count(0)
    assert found["tasks.done_7d"] == sum(-7 <= each <= 0 for each in done)
    assert found["tasks.oldest_overdue_days"] == max([-each for each in due if each < 0], default=0)
