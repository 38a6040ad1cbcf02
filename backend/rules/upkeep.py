"""When a container that nobody uses is stopped, and when one whose time is over is warned of and deleted."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


def idle_since(*moments: datetime | None) -> datetime | None:
    """The last of the moments at which something happened; None where nothing is known."""
    return max((each for each in moments if each is not None), default=None)


def is_idle(since: datetime | None, idle_stop_min: int, *, at: datetime) -> bool:
    """Whether nothing has happened for as many minutes as its type allows. 0 minutes: never."""
    return idle_stop_min > 0 and since is not None and at - since >= timedelta(minutes=idle_stop_min)


class Due(StrEnum):
    """What an expiry calls for."""

    WARN = "warn"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Expiry:
    """A container's end: when, and when its owner was told of it."""

    expires_at: datetime | None
    warned_at: datetime | None = None


def warning_lead(lifetime_h: int, warning_h: int) -> timedelta:
    """How long before the end its owner is warned: as configured, but not before half of a short life is over."""
    asked = timedelta(hours=warning_h)
    return min(asked, timedelta(hours=lifetime_h) / 2) if lifetime_h else asked


def what_is_due(expiry: Expiry, *, lead: timedelta, at: datetime) -> Due | None:
    """Warn, delete, or nothing yet. What nobody was warned of in time is never deleted."""
    if expiry.expires_at is None:
        return None
    if expiry.warned_at is None:
        return Due.WARN if at >= expiry.expires_at - lead else None
    return Due.DELETE if at >= expiry.expires_at else None


def warned(expiry: Expiry, *, lead: timedelta, at: datetime) -> Expiry:
    """After a warning at `at`. One that comes late, since nothing ran to give it, puts the end off: the whole of
    `lead` is always left to act."""
    end = expiry.expires_at or at
    return Expiry(max(end, at + lead), at)


def first_expiry(created_at: datetime, lifetime_h: int) -> datetime | None:
    """When a new container's time is over; None: never."""
    return created_at + timedelta(hours=lifetime_h) if lifetime_h else None


def changed_lifetime(
    expires_at: datetime | None, *, created_at: datetime, before_h: int, after_h: int, lead: timedelta, at: datetime
) -> datetime | None:
    """The end of a container whose lifetime becomes `after_h`, counted from where the present term began.

    Nothing ends at once by it: at least `lead` is left.
    """
    if after_h == 0:
        return None
    began = expires_at - timedelta(hours=before_h) if expires_at and before_h else created_at
    return max(began + timedelta(hours=after_h), at + lead)
