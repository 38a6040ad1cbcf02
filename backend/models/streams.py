"""What happened to people, for programs that read it as it goes, and what was told to people's devices."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, Text, text
from sqlmodel import Field

from backend.models.base import Table, at_field, id_field


class StreamEvent(Table, table=True):
    """An event of proto/oo/events/v1: written with what it tells of, mirrored to NATS after that."""

    __tablename__ = "stream_event"
    __table_args__ = (
        Index("ix_stream_event_waiting", "id", postgresql_where=text("mirrored_at IS NULL"),
              sqlite_where=text("mirrored_at IS NULL")),
    )  # fmt: skip

    id: int = id_field()
    """Its place: the events of one person are in the order of these."""
    event_id: str = Field(max_length=36, unique=True)
    type: str = Field(max_length=64)
    user_id: int | None = Field(default=None, foreign_key="user_account.id", index=True, ondelete="CASCADE")
    """None: their account is gone, and that is what it says."""
    subject: str = Field(max_length=120)
    payload: bytes = Field(sa_type=LargeBinary)
    """The envelope, as protobuf writes it."""
    created_at: datetime = at_field(set_now=True, index=True)
    mirrored_at: datetime | None = at_field(nullable=True)


class WorkLease(Table, table=True):
    """Which process does what only one may do at a time."""

    __tablename__ = "work_lease"

    work: str = Field(primary_key=True, max_length=32)
    holder: str = Field(default="", max_length=64)
    fence: int = 0
    """It grows at every change of hands."""
    expires_at: datetime = at_field(set_now=True)


class PushSubscription(Table, table=True):
    """A browser that may be sent tips while it is closed."""

    __tablename__ = "push_subscription"

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    endpoint_digest: str = Field(max_length=64, unique=True)
    """SHA-256 of the endpoint: whoever knows that itself can be sent to."""
    sealed: str = Field(sa_type=Text)
    """Endpoint and keys, as JSON."""
    host: str = Field(max_length=255)
    """Of the push service, to be shown."""
    user_agent: str = Field(default="", max_length=400)
    """Of the browser when it subscribed: people recognise theirs by it."""
    created_at: datetime = at_field(set_now=True)
    last_fault: str = Field(default="", max_length=300)
    last_fault_at: datetime | None = at_field(nullable=True)


class Telling(Table, table=True):
    """A tip reached a person by one channel: what the arbiter of the channels remembers."""

    __tablename__ = "telling"
    __table_args__ = (Index("ix_telling_user_at", "user_id", "at"),)

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", ondelete="CASCADE")
    channel: str = Field(max_length=16)
    tip: str = Field(max_length=64)
    """The decision that chose it."""
    about: str = Field(default="", max_length=160)
    """What it speaks of, whatever its numbers are."""
    at: datetime = at_field(set_now=True)
    """On a page: the last time that it asked."""
    shown_at: datetime | None = at_field(nullable=True)
    """When it was there to be seen: visible for a second, or taken by a push service."""


class PushTurn(Table, table=True):
    """When it is looked next whether a tip is worth a push: one for each person who has browsers for it."""

    __tablename__ = "push_turn"

    user_id: int = Field(primary_key=True, foreign_key="user_account.id", ondelete="CASCADE")
    next_at: datetime = at_field(set_now=True, index=True)
    """While a process looks, when that must be over."""
    failures: int = 0


class PushSent(Table, table=True):
    """A tip on its way to one browser: the outbox, and then the log."""

    __tablename__ = "push_sent"
    __table_args__ = (Index("ix_push_sent_due", "state", "next_try_at"),)

    id: int = id_field()
    telling_id: int = Field(foreign_key="telling.id", index=True, ondelete="CASCADE")
    subscription_id: int = Field(foreign_key="push_subscription.id", index=True, ondelete="CASCADE")
    message: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    state: str = Field(default="waiting", max_length=16)
    """`waiting`, `sent`, `replaced` by a newer tip, `seen` elsewhere by then, `late` (its time is over), `failed`."""
    tries: int = 0
    next_try_at: datetime = at_field(set_now=True)
    response_status: int | None = None
    outcome: str = Field(default="", max_length=300)
    created_at: datetime = at_field(set_now=True)
    finished_at: datetime | None = at_field(nullable=True)
