"""What programs ask for and are told: runs in throwaway machines, and the stream of what happens."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, Text
from sqlmodel import Field

from backend.models.base import Table, at_field, id_field


class OneShotRun(Table, table=True):
    """A command that is run once in a machine of its own. Whoever works on it has claimed it for a while."""

    __tablename__ = "one_shot_run"
    __table_args__ = (Index("ix_one_shot_run_user", "user_id", "id"), {"sqlite_autoincrement": True})

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", ondelete="CASCADE")
    api_key: str = Field(default="", max_length=16)
    """The prefix of the key that asked; a run whose key is revoked before it begins never begins."""
    container_type_id: int | None = Field(default=None, foreign_key="container_type.id", ondelete="SET NULL")
    container_id: int | None = Field(default=None, foreign_key="container.id", index=True, ondelete="SET NULL")
    """Its machine, from when that is wished for until it is gone."""
    command: str = Field(sa_type=Text)
    files: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    """What is put there before: path, content_b64 and mode of each. Empty once it is over."""
    timeout_s: int
    status: str = Field(default="pending", max_length=16, index=True)
    """A word of rules/one_shots.py."""
    stdout: bytes = Field(default=b"", sa_type=LargeBinary)
    stderr: bytes = Field(default=b"", sa_type=LargeBinary)
    truncated: bool = False
    exit_code: int | None = None
    duration_ms: int | None = None
    error_code: str = Field(default="", max_length=32)
    message: str = Field(default="", max_length=500)
    """A sentence beside `error_code`."""
    created_at: datetime = at_field(set_now=True, index=True)
    started_at: datetime | None = at_field(nullable=True)
    finished_at: datetime | None = at_field(nullable=True)
    holder: str = Field(default="", max_length=64)
    """The process that works on it."""
    claimed_until: datetime | None = at_field(nullable=True)


class FeedEvent(Table, table=True):
    """Something that happened to a person's containers or runs. Ids are never used again: readers go on from one."""

    __tablename__ = "feed_event"
    __table_args__ = (Index("ix_feed_event_user", "user_id", "id"), {"sqlite_autoincrement": True})

    id: int = id_field()
    """Its place: the order in which the transactions were committed."""
    user_id: int = Field(foreign_key="user_account.id", ondelete="CASCADE")
    kind: str = Field(max_length=32)
    """A word of rules/feed.py."""
    container_id: int | None = Field(default=None, index=True)
    """No foreign key: what it tells of may be gone."""
    run_id: int | None = None
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    created_at: datetime = at_field(set_now=True, index=True)
