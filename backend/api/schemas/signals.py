"""What tips may know of a person: consents, what was derived, connected accounts, habits and moods."""

from datetime import datetime
from typing import Any

from pydantic import Field

from backend.api.schemas.containers import Sent, Shown


class EntryOut(Shown):
    """One yes or no, from where, and to which version of the words."""

    given: bool
    at: datetime
    ip: str
    user_agent: str
    terms_version: int


class ConsentOut(Shown):
    """A scope, and what was said to it; the history is newest first."""

    scope: str = Field(examples=["tasks"])
    given: bool
    is_outdated: bool = Field(description="The words have changed since")
    history: list[EntryOut]


class ScopeIn(Sent):
    """Which scope."""

    scope: str = Field(max_length=16, examples=["tasks"])


class FeatureOut(Shown):
    """One number that is known, when it was so, and until when it is kept."""

    name: str = Field(examples=["tasks.overdue"])
    value: float
    detail: dict[str, Any]
    event_at: datetime
    computed_at: datetime
    until: datetime


class FreshnessOut(Shown):
    """How one feature keeps the promise of its signal, over all people. In seconds."""

    name: str
    scope: str
    promised_s: float
    held_by: int
    stale: int
    oldest_s: float


class ConnectionOut(Shown):
    """A connected account; what opens it is never shown."""

    id: int
    provider: str
    label: str
    state: str
    fault: str
    connected_at: datetime
    read_at: datetime | None


class CalendarIn(Sent):
    """The address of a calendar (ICS)."""

    url: str = Field(max_length=1000, examples=["https://example.com/calendar.ics"])


class ClockIn(Sent):
    """A time zone."""

    time_zone: str = Field(max_length=64, examples=["Europe/Berlin"])


class HabitIn(Sent):
    """A habit to be written down."""

    name: str = Field(max_length=200)
    weekdays: str = Field(default="0123456", max_length=7, description="Digits, Monday is 0")


class TickIn(Sent):
    """Whether it was done today."""

    done: bool = True


class HabitOut(Shown):
    """A habit as it stands today."""

    id: int
    name: str
    weekdays: str
    is_due: bool
    is_done: bool
    streak: int


class HabitMade(Shown):
    """The habit that was written down."""

    id: int


class MoodIn(Sent):
    """How one is, from 1 to 5."""

    mood: int = Field(ge=1, le=5)


class MoodOut(Shown):
    """A mark, and when it was given."""

    mood: int
    at: datetime
