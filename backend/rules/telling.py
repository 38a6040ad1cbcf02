"""Whether a person may be told something now, and by which channel. Pure.

A page shows what it shows: whoever opens it asked. A push disturbs, so it has bounds that hold whatever the clock, the
zone and the order of calls: none in quiet hours, and no more than so many in any 24 hours.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from backend.errors import Invalid
from backend.rules.schedules import minute_of, time_zone_of

GOOD_FOR = timedelta(hours=1)
"""How late a push may still arrive; after that its moment is over."""
_WINDOW = timedelta(hours=24) + GOOD_FOR
"""One that was sent a day ago may have arrived less than a day ago."""
_IN_SIGHT = timedelta(minutes=12)
"""Longer than from one ask of an open page to its next, which is ten minutes."""
_LONGEST_WAIT = timedelta(days=1)
_WAITS_S = (15, 60, 240, 960)
_LONGEST_ENDPOINT = 2000
_POINT_BYTES, _AUTH_BYTES = 65, 16


class Channel(StrEnum):
    """A way to a person."""

    PUSH = "push"
    PAGE = "page"
    DASHBOARD = "dashboard"


class Verdict(StrEnum):
    """The arbiter's answer, with why where it is no."""

    YES = "yes"
    QUIET_HOURS = "quiet-hours"
    ENOUGH = "enough-for-a-day"
    TOLD_ALREADY = "told-already"
    IN_SIGHT = "in-sight"
    """They have a page with a tip in front of them."""
    NO_DEVICE = "no-device"


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of a person's day, in their zone: from a minute of it up to another. The same twice: none."""

    starts_min: int
    ends_min: int
    zone: str

    def holds(self, at: datetime) -> bool:
        """Whether it is quiet then."""
        local = at.astimezone(_zone(self.zone))
        minute = local.hour * 60 + local.minute
        if self.starts_min <= self.ends_min:
            return self.starts_min <= minute < self.ends_min
        return minute >= self.starts_min or minute < self.ends_min

    def ends_at(self, at: datetime) -> datetime:
        """The first minute from then on that is not quiet; a day later, where none is."""
        minute, last = at, at + timedelta(hours=26)
        while self.holds(minute) and minute < last:
            minute = minute.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return minute

    def room(self, at: datetime, most: timedelta) -> timedelta:
        """For how long from then on it is not quiet; at most `most`. Clocks that are set forward or back count."""
        if self.holds(at):
            return timedelta()
        minute = at.replace(second=0, microsecond=0)
        while minute - at < most:
            minute += timedelta(minutes=1)
            if self.holds(minute):
                return min(minute - at, most)
        return most


@dataclass(frozen=True, slots=True)
class Told:
    """What a person was told before."""

    channel: str
    tip: str
    at: datetime
    about: str = ""


def may_tell(
    channel: Channel, tip: str, told: Iterable[Told], quiet: Quiet, *, at: datetime, a_day: int, about: str = ""
) -> Verdict:
    """Whether the person may be told of a tip now, by this channel.

    Args:
        tip: empty: of whatever tip.
        about: what it speaks of. The same thing is not news again, though it was chosen anew.
        told: all that they were told in the last day and an hour, and what has a later time than `at`: a clock that
            was set back forgets nothing.
        a_day: how many pushes they may get in any 24 hours.
    """
    if channel is not Channel.PUSH:
        return Verdict.YES
    recent = [each for each in told if each.at > at - _WINDOW]
    if quiet.holds(at):
        return Verdict.QUIET_HOURS
    if any(each.tip == tip or (about and each.about == about) for each in recent):
        return Verdict.TOLD_ALREADY
    if any(each.channel != Channel.PUSH and abs(at - each.at) < _IN_SIGHT for each in recent):
        return Verdict.IN_SIGHT
    if sum(each.channel == Channel.PUSH for each in recent) >= a_day:
        return Verdict.ENOUGH
    return Verdict.YES


def look_again_at(
    verdict: Verdict, told: Iterable[Told], quiet: Quiet, *, at: datetime, a_day: int, every: timedelta, spread: float
) -> datetime:
    """When to look again whether a tip is worth a push: no sooner than one may be sent.

    Args:
        every: how long it usually is.
        spread: 0 to 1, of the person: what ends for many at once, such as a night, ends for them one after the other.
    """
    if verdict is Verdict.QUIET_HOURS:
        return quiet.ends_at(at) + every * spread
    if verdict is Verdict.IN_SIGHT:
        return at + min(every, _IN_SIGHT)
    if verdict is Verdict.ENOUGH:
        pushed = sorted(each.at for each in told if each.channel == Channel.PUSH and each.at > at - _WINDOW)
        free_at = pushed[len(pushed) - a_day] + _WINDOW if 0 < a_day <= len(pushed) else at + _LONGEST_WAIT
        return min(free_at, at + _LONGEST_WAIT) + every * spread
    return at + every


def put_off(failures: int, every: timedelta) -> timedelta:
    """How long to leave a person alone whose turn failed so many times on end; a day at most."""
    return min(every * 2 ** min(failures, 10), _LONGEST_WAIT)


def time_left(sent_at: datetime, quiet: Quiet, *, at: datetime) -> int:
    """For how many seconds a push service may hold a message back: not into quiet hours, nor past its moment.

    Below 1: it is not to be sent any more.
    """
    left = min(sent_at + GOOD_FOR - at, GOOD_FOR)
    return int(quiet.room(at, left).total_seconds()) if left > timedelta() else 0


def wait_after(tries: int, asked_s: float = 0.0) -> timedelta:
    """How long to wait after so many tries; longer where the push service asked for it."""
    usual = _WAITS_S[min(max(tries, 1), len(_WAITS_S)) - 1]
    return timedelta(seconds=max(usual, min(asked_s, GOOD_FOR.total_seconds())))


def oldest_that_counts(at: datetime) -> datetime:
    """What was told before that is of no matter any more."""
    return at - _WINDOW


def read_quiet(text: str, zone: str) -> Quiet:
    """From "22:00-08:00"; empty: no quiet hours.

    Raises:
        Invalid: they are none, or there is no such time zone.
    """
    known = time_zone_of(zone)
    if not text.strip():
        return Quiet(0, 0, known)
    begin, _, end = text.partition("-")
    return Quiet(minute_of(begin), minute_of(end), known)


def write_quiet(quiet: Quiet) -> str:
    """As `read_quiet` reads it."""
    if quiet.starts_min == quiet.ends_min:
        return ""
    return "-".join(f"{each // 60:02}:{each % 60:02}" for each in (quiet.starts_min, quiet.ends_min))


def check_hours(text: str) -> None:
    """Raises Invalid for what are no quiet hours."""
    read_quiet(text, "UTC")


def check_zone(text: str) -> None:
    """Raises Invalid for what is no time zone."""
    read_quiet("", text)


def check_subscription(endpoint: str, p256dh: str, auth: str, *, to_private: bool) -> str:
    """Look at what a browser said when it subscribed; returns the push service's host.

    Raises:
        Invalid: nothing could be sent with it.
    """
    if len(endpoint) > _LONGEST_ENDPOINT or not endpoint.isprintable() or " " in endpoint:
        raise Invalid("That is no address of a push service.", field="endpoint")
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
    except ValueError as fault:
        raise Invalid("That is no address of a push service.", field="endpoint") from fault
    if not host or parts.username or parts.scheme not in (("https", "http") if to_private else ("https",)):
        raise Invalid("The address of a push service begins with https:// and names a host.", field="endpoint")
    point = _decoded(p256dh, "p256dh")
    if len(point) != _POINT_BYTES or point[0] != 4:
        raise Invalid("That is no key of a browser's subscription.", field="p256dh")
    if len(_decoded(auth, "auth")) != _AUTH_BYTES:
        raise Invalid("That is no secret of a browser's subscription.", field="auth")
    return host[:255]


def _decoded(text: str, field: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as fault:
        raise Invalid("That is no base64 as URLs have it.", field=field) from fault


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
