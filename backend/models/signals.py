"""What tips may know of a person: what they agreed to, what they connected, what was derived, what they ticked here."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, Index, Text, UniqueConstraint
from sqlmodel import Field

from backend.models.base import Table, at_field, id_field


class ConsentEntry(Table, table=True):
    """A yes or a no to one scope of rules/consents.py. The newest of a scope holds.

    Rows are added, never changed or removed while their user is there: triggers of the migration refuse it.
    """

    __tablename__ = "consent_entry"
    __table_args__ = (Index("ix_consent_entry_user_scope", "user_id", "scope", "id"),)

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", ondelete="CASCADE")
    scope: str = Field(max_length=16)
    given: bool
    at: datetime = at_field(set_now=True)
    ip: str = Field(default="", max_length=64)
    user_agent: str = Field(default="", max_length=400)
    terms_version: int
    """TERMS_VERSION of the sentences that were shown."""


class ConnectedAccount(Table, table=True):
    """A person's account at a provider, or the address of their calendar: what opens it is sealed (tips/vault.py)."""

    __tablename__ = "connected_account"
    __table_args__ = (
        UniqueConstraint("user_id", "provider"),
        Index("ix_connected_account_external", "provider", "external_id"),
    )

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", ondelete="CASCADE")
    provider: str = Field(max_length=16)
    external_id: str = Field(default="", max_length=255)
    """Who they are there, where that is told: its messages name it."""
    label: str = Field(default="", max_length=100)
    """What the person knows it by; of a calendar's address the host alone."""
    access_sealed: str = Field(default="", sa_type=Text)
    refresh_sealed: str = Field(default="", sa_type=Text)
    key_id: str = Field(default="", max_length=16)
    """The key that these two are sealed with."""
    scopes: str = Field(default="", max_length=300)
    expires_at: datetime | None = at_field(nullable=True)
    """Of the access token; empty: it is good until it is revoked."""
    state: str = Field(default="live", max_length=16)
    """`live`; `revoked` there, so that it has to be connected anew; `leaving`: to be revoked by us, and then gone."""
    fault: str = Field(default="", max_length=300)
    refresh_until: datetime | None = at_field(nullable=True)
    """Somebody renews its token; nobody else does before then."""
    connected_at: datetime = at_field(set_now=True)
    left_at: datetime | None = at_field(nullable=True)
    """Since when it is `leaving`."""


class SignalRun(Table, table=True):
    """When a person's signal is read next, and how the last time went. There is one for each that was agreed to."""

    __tablename__ = "signal_run"
    __table_args__ = (Index("ix_signal_run_due", "kind", "due_at"),)

    user_id: int = Field(primary_key=True, foreign_key="user_account.id", ondelete="CASCADE")
    kind: str = Field(primary_key=True, max_length=16)
    due_at: datetime | None = at_field(nullable=True)
    """Empty: not before something happens, such as a connection. While a process reads it, when that must be over."""
    failures: int = 0
    fault: str = Field(default="", max_length=300)
    read_at: datetime | None = at_field(nullable=True)
    """When it was last read in full."""


class TipFeature(Table, table=True):
    """One number about a person, of rules/features.py. `detail` names what of the platform's it is about."""

    __tablename__ = "tip_feature"

    user_id: int = Field(primary_key=True, foreign_key="user_account.id", ondelete="CASCADE")
    name: str = Field(primary_key=True, max_length=40)
    value: float
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    event_at: datetime = at_field(set_now=True)
    """When what it tells of was so."""
    computed_at: datetime = at_field(set_now=True, index=True)
    expires_at: datetime = at_field(set_now=True)


class CommandFailure(Table, table=True):
    """A command that the assistant or the API ran and that failed: a keyed digest of it, never its words."""

    __tablename__ = "command_failure"

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    container_id: int = Field(foreign_key="container.id", index=True, ondelete="CASCADE")
    digest: str = Field(max_length=64)
    at: datetime = at_field(set_now=True, index=True)


class PersonClock(Table, table=True):
    """The time zone that a person's days are counted in, and when in those they are not to be disturbed."""

    __tablename__ = "person_clock"

    user_id: int = Field(primary_key=True, foreign_key="user_account.id", ondelete="CASCADE")
    time_zone: str = Field(default="UTC", max_length=64)
    quiet_from: int | None = None
    """Minutes of the day, 0 to 1439, which may reach over midnight; empty: nothing was chosen, Config says."""
    quiet_until: int | None = None
    """As `quiet_from`; the same as that: it is never quiet."""


class Habit(Table, table=True):
    """Something that a person wants to do on some days of the week."""

    __tablename__ = "habit"

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    name: str = Field(max_length=60)
    weekdays: str = Field(default="0123456", max_length=7)
    """Digits, Monday is 0."""
    created_on: date = Field(sa_type=Date)
    archived_at: datetime | None = at_field(nullable=True)


class HabitMark(Table, table=True):
    """It was done on that day, by the person's own clock."""

    __tablename__ = "habit_mark"

    habit_id: int = Field(primary_key=True, foreign_key="habit.id", ondelete="CASCADE")
    day: date = Field(primary_key=True, sa_type=Date)
    at: datetime = at_field(set_now=True)


class MoodMark(Table, table=True):
    """How a person said that they were, from 1 to 5."""

    __tablename__ = "mood_mark"
    __table_args__ = (Index("ix_mood_mark_user_at", "user_id", "at"),)

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", ondelete="CASCADE")
    mood: int
    at: datetime = at_field(set_now=True)
