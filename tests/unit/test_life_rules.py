"""Sizes, forecasts, idleness, expiry and schedules: pure rules, and what must hold of them whatever is put in."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import Invalid, QuotaExceeded
from backend.rules import schedules
from backend.rules.credits import check_affordable, forecast, used_credits
from backend.rules.schedules import in_words, minute_of, next_run, time_zone_of, weekdays_of
from backend.rules.sizes import FullSize, Overrides, size_of
from backend.rules.upkeep import Due, Expiry, changed_lifetime, is_idle, warned, warning_lead, what_is_due

sizes = st.builds(FullSize, st.integers(128, 65_536), st.integers(1, 64), st.integers(2, 1000))
overrides = st.builds(
    Overrides,
    st.none() | st.integers(128, 65_536),
    st.none() | st.integers(1, 64),
    st.none() | st.integers(2, 1000),
)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
days_of_week = st.sets(st.sampled_from("0123456"), min_size=1).map(lambda days: "".join(sorted(days)))
zones = st.sampled_from(sorted(schedules.time_zones()))


@given(sizes, sizes)
def test_a_linked_container_takes_memory_and_vcpus_from_its_type_and_a_disk_no_smaller(
    current: FullSize, kind: FullSize
) -> None:
    got = size_of(current, kind, Overrides())
    assert (got.memory_mb, got.vcpus) == (kind.memory_mb, kind.vcpus)
    assert got.disk_gib == max(current.disk_gib, kind.disk_gib)


@given(sizes, st.none() | sizes, overrides)
def test_a_disk_never_shrinks_whatever_is_asked(current: FullSize, kind: FullSize | None, over: Overrides) -> None:
    assert size_of(current, kind, over).disk_gib >= current.disk_gib


@given(sizes, st.none() | sizes, overrides)
def test_applying_a_size_twice_is_applying_it_once(current: FullSize, kind: FullSize | None, over: Overrides) -> None:
    once = size_of(current, kind, over)
    assert size_of(once, kind, over) == once


@given(sizes, st.none() | sizes, overrides)
def test_overrides_hold_whatever_the_type_says(current: FullSize, kind: FullSize | None, over: Overrides) -> None:
    got = size_of(current, kind, over)
    assert over.memory_mb in (None, got.memory_mb)
    assert over.vcpus in (None, got.vcpus)
    assert len(over.names) == sum(each is not None for each in (over.memory_mb, over.vcpus, over.disk_gib))


def test_without_a_type_a_container_stays_as_it_is() -> None:
    assert size_of(FullSize(512, 1, 4), None, Overrides()) == FullSize(512, 1, 4)


@given(st.lists(st.none() | st.integers(0, 10)), st.integers(0, 50), st.none() | st.integers(0, 10))
def test_a_forecast_says_what_a_start_will_be_told(running: list[int | None], limit: int, cost: int | None) -> None:
    ahead = forecast(running, limit=limit, starts={"it": cost})
    assert ahead.left == limit - used_credits(running)
    try:
        check_affordable(cost, used=used_credits(running), limit=limit)
    except QuotaExceeded:
        assert not ahead.allows("it")
    else:
        assert ahead.allows("it")
        assert ahead.after["it"] == forecast([*running, cost], limit=limit, starts={}).left


@given(moments, st.integers(1, 10_000), st.integers(0, 20_000))
def test_idle_is_exactly_as_many_minutes_as_the_type_allows(since: datetime, allowed: int, passed: int) -> None:
    assert is_idle(since, allowed, at=since + timedelta(minutes=passed)) == (passed >= allowed)
    assert not is_idle(since, 0, at=since + timedelta(minutes=passed))
    assert not is_idle(None, allowed, at=since)


@given(
    st.integers(1, 2000),
    st.integers(1, 720),
    st.lists(st.timedeltas(timedelta(minutes=1), timedelta(days=40)), min_size=1, max_size=60),
)
def test_nobody_loses_a_container_without_the_whole_warning(
    lifetime_h: int, warning_h: int, gaps: list[timedelta]
) -> None:
    lead = warning_lead(lifetime_h, warning_h)
    at = created = datetime(2026, 1, 1, tzinfo=UTC)
    expiry = Expiry(created + timedelta(hours=lifetime_h))
    for gap in gaps:
        at += gap
        due = what_is_due(expiry, lead=lead, at=at)
        if due is Due.WARN:
            expiry = warned(expiry, lead=lead, at=at)
        elif due is Due.DELETE:
            assert expiry.warned_at is not None
            assert at - expiry.warned_at >= lead
            assert at - created >= timedelta(hours=lifetime_h)
            return


@given(moments, moments, st.integers(0, 5000), st.integers(0, 5000), st.integers(1, 100))
def test_a_shorter_lifetime_ends_nothing_at_once(
    created: datetime, at: datetime, before_h: int, after_h: int, lead_h: int
) -> None:
    lead = timedelta(hours=lead_h)
    end = changed_lifetime(None, created_at=created, before_h=before_h, after_h=after_h, lead=lead, at=at)
    assert (end is None) == (after_h == 0)
    assert end is None or end >= at + lead


@given(days_of_week, st.integers(0, 1439), zones, moments)
def test_every_chosen_day_has_one_run_and_no_other_day_any(
    weekdays: str, minute: int, zone: str, after: datetime
) -> None:
    here = ZoneInfo(zone)
    first = next_run(weekdays, minute, zone, after=after)
    assert first > after
    runs = [first]
    for _ in range(8):
        runs.append(next_run(weekdays, minute, zone, after=runs[-1]))
    on_the_wall = [each.astimezone(here) for each in runs]
    assert runs == sorted(set(runs))
    for each in on_the_wall:
        skipped = datetime.combine(each.date(), each.time(), here).utcoffset() != each.utcoffset() or (
            each.hour * 60 + each.minute != minute
        )
        assert skipped or str(each.weekday()) in weekdays
    days = [each.date() for each in on_the_wall]
    expected = _days_between(days[0], days[-1], weekdays)
    moved = [each for each in on_the_wall if each.hour * 60 + each.minute != minute]
    assert moved or days == expected


def _days_between(first: date, last: date, weekdays: str) -> list[date]:
    span = (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
    return [each for each in span if str(each.weekday()) in weekdays]


@pytest.mark.parametrize(
    ("zone", "after", "due"),
    [
        ("Europe/Madrid", "2026-03-27T12:00", "2026-03-28T01:30"),  # the day before: UTC+1
        ("Europe/Madrid", "2026-03-28T12:00", "2026-03-29T01:30"),  # 02:30 is skipped: 03:30 on the wall, UTC+2
        ("Europe/Madrid", "2026-03-29T12:00", "2026-03-30T00:30"),
        ("Europe/Madrid", "2026-10-24T12:00", "2026-10-25T00:30"),  # shown twice: the first
        ("Europe/Madrid", "2026-10-25T00:30", "2026-10-26T01:30"),  # and only the first
        ("UTC", "2026-03-28T12:00", "2026-03-29T02:30"),
    ],
)
def test_clocks_that_change_neither_lose_a_run_nor_double_one(zone: str, after: str, due: str) -> None:
    got = next_run("0123456", 150, zone, after=datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert got == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "8", "24:00", "08:60", "8.30", "-1:30", "٠٨:٣٠٠", "08:3", "a:bc", "08:30:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        minute_of(text)
    assert refusal.value.field == "time"


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "localtime", "Europe", "\0"]
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        time_zone_of(name)


def test_days_are_put_in_order_and_said_in_words() -> None:
    assert weekdays_of("4012334") == "01234"
    assert in_words("01234", minute_of("8:30")) == "Mon–Fri at 08:30"
    assert in_words("0123456", 0) == "Every day at 00:00"
    assert in_words("56", 60) == "Sat, Sun at 01:00"
    for text in ("", "7", "0x", "٣"):
        with pytest.raises(Invalid):
            weekdays_of(text)
