"""Quiet hours and the cap hold, whatever the clock, the zone and the order of calls."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import Invalid
from backend.rules.telling import (
    GOOD_FOR,
    Channel,
    Quiet,
    Told,
    Verdict,
    check_subscription,
    look_again_at,
    may_tell,
    put_off,
    read_quiet,
    time_left,
    wait_after,
    write_quiet,
)

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NEVER = Quiet(0, 0, "UTC")
ZONES = ("UTC", "Europe/Madrid", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kathmandu")
_quiets = st.builds(Quiet, st.integers(0, 1439), st.integers(0, 1439), st.sampled_from(ZONES))
_moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))
_steps = st.lists(
    st.tuples(
        st.sampled_from(Channel),
        st.integers(-3 * 24 * 60, 3 * 24 * 60),  # the clock may be set back
        st.integers(0, 10_000),
        st.floats(0, 1),
        st.integers(0, 3),
    ),
    max_size=40,
)


@given(_moments, _quiets, st.integers(0, 4), _steps)
def test_quiet_hours_and_the_cap_are_never_broken(start: datetime, quiet: Quiet, a_day: int, steps: list) -> None:
    """Messages arrive at any moment of the time that the push service was given, after up to three tries."""
    told: list[Told] = []
    arrived: list[datetime] = []
    at = start
    for channel, minutes, tip, lateness, tries in steps:
        at += timedelta(minutes=minutes)
        if may_tell(channel, str(tip), told, quiet, at=at, a_day=a_day) is not Verdict.YES:
            continue
        told.append(Told(channel, str(tip), at))
        if channel is not Channel.PUSH:
            continue
        sent_at = at + sum((wait_after(each) for each in range(1, tries + 1)), timedelta())
        seconds = time_left(at, quiet, at=sent_at)
        if seconds >= 1:
            arrived.append(sent_at + timedelta(seconds=seconds * lateness * 0.999))
    assert not [each for each in arrived if quiet.holds(each)]
    for first in arrived:
        assert sum(first <= each < first + timedelta(hours=24) for each in arrived) <= a_day


@given(_moments, _quiets, st.integers(0, 4), _steps, st.floats(0, 1))
def test_who_is_looked_at_when_it_says_is_not_looked_at_for_nothing(
    start: datetime, quiet: Quiet, a_day: int, steps: list, spread: float
) -> None:
    """After a no, the next look finds its reason gone; and it always comes, within two days."""
    told: list[Told] = []
    at, every = start, timedelta(minutes=30)
    for channel, minutes, tip, _, _ in steps:
        at += timedelta(minutes=abs(minutes))
        verdict = may_tell(channel, str(tip), told, quiet, at=at, a_day=a_day)
        if verdict is Verdict.YES:
            told.append(Told(channel, str(tip), at))
        again_at = look_again_at(verdict, told, quiet, at=at, a_day=a_day, every=every, spread=spread)
        assert timedelta(minutes=0) < again_at - at <= timedelta(days=2)
        if verdict is Verdict.QUIET_HOURS and spread == 0:
            assert not quiet.holds(again_at)
        if verdict is Verdict.ENOUGH and a_day:
            freed = may_tell(channel, "another", told, NEVER, at=again_at, a_day=a_day)
            assert freed is Verdict.YES


@given(st.integers(0, 10_000))
def test_a_turn_that_fails_is_put_off_for_longer_each_time_and_a_day_at_most(failures: int) -> None:
    every = timedelta(minutes=30)
    assert every <= put_off(failures, every) <= put_off(failures + 1, every) <= timedelta(days=1)


@given(_moments, _quiets)
def test_there_is_room_up_to_the_first_quiet_minute_and_no_longer(at: datetime, quiet: Quiet) -> None:
    room = quiet.room(at, GOOD_FOR)
    assert timedelta() <= room <= GOOD_FOR
    if room < GOOD_FOR:
        assert quiet.holds(at + room)
    step = timedelta(seconds=30)
    assert not any(quiet.holds(at + step * number) for number in range(int(room / step)))


@given(_moments, _quiets)
def test_it_is_quiet_or_the_other_hours_are(at: datetime, quiet: Quiet) -> None:
    others = Quiet(quiet.ends_min, quiet.starts_min, quiet.zone)
    if quiet.starts_min == quiet.ends_min:
        assert not quiet.holds(at)
    else:
        assert quiet.holds(at) is not others.holds(at)


def test_quiet_hours_go_over_midnight_in_the_persons_own_zone() -> None:
    night = read_quiet("22:00-08:00", "America/New_York")
    assert night.holds(datetime(2026, 7, 1, 3, 0, tzinfo=UTC))
    assert not night.holds(datetime(2026, 7, 1, 13, 0, tzinfo=UTC))
    assert not NEVER.holds(AT)


def test_a_page_shows_what_it_shows_and_a_push_does_not_come_on_top_of_it() -> None:
    seen = [Told(Channel.PAGE, "1", AT - timedelta(minutes=5))]
    always = Quiet(0, 1439, "UTC")
    assert may_tell(Channel.PAGE, "1", seen, always, at=AT, a_day=0) is Verdict.YES
    assert may_tell(Channel.PUSH, "2", [], always, at=AT, a_day=2) is Verdict.QUIET_HOURS
    assert may_tell(Channel.PUSH, "2", seen, NEVER, at=AT, a_day=2) is Verdict.IN_SIGHT
    later = AT + timedelta(minutes=10)
    anew = Told(Channel.PUSH, "1", AT, about="idle_vm/container/7")
    assert may_tell(Channel.PUSH, "9", [anew], NEVER, at=later, a_day=2, about=anew.about) is Verdict.TOLD_ALREADY
    assert may_tell(Channel.PUSH, "1", seen, NEVER, at=later, a_day=2) is Verdict.TOLD_ALREADY
    assert may_tell(Channel.PUSH, "2", seen, NEVER, at=later, a_day=2) is Verdict.YES
    assert may_tell(Channel.PUSH, "2", [], NEVER, at=later, a_day=0) is Verdict.ENOUGH


@pytest.mark.parametrize("text", ["22:00-08:00", "00:30-07:15", ""])
def test_quiet_hours_are_read_as_they_are_written(text: str) -> None:
    assert write_quiet(read_quiet(text, "UTC")) == text


@pytest.mark.parametrize("text", ["22:00", "22-8", "25:00-08:00", "22:60-08:00", "a:bc-d:ef", "-"])
def test_what_are_no_hours_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(Invalid, match="Give a time"):
        read_quiet(text, "UTC")


_POINT = "BA" + "A" * 85


@pytest.mark.parametrize(
    ("endpoint", "p256dh", "auth"),
    [
        ("http://push.example/1", _POINT, "A" * 22),
        ("https://user@push.example/1", _POINT, "A" * 22),
        ("https://[::1/1", _POINT, "A" * 22),
        ("https:///1", _POINT, "A" * 22),
        ("https://push.example/\n1", _POINT, "A" * 22),
        ("https://push.example/" + "1" * 2000, _POINT, "A" * 22),
        ("https://push.example/1", "AA" + "A" * 85, "A" * 22),
        ("https://push.example/1", "BA", "A" * 22),
        ("https://push.example/1", "é", "A" * 22),
        ("https://push.example/1", _POINT, "A"),
    ],
)
def test_a_subscription_that_nothing_could_be_sent_to_is_refused(endpoint: str, p256dh: str, auth: str) -> None:
    with pytest.raises(Invalid):
        check_subscription(endpoint, p256dh, auth, to_private=False)
    assert check_subscription("https://push.example/1", _POINT, "A" * 22, to_private=False) == "push.example"
