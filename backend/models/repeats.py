"""What programs may safely send again: the answers to requests that named themselves."""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlmodel import Field

from backend.models.base import Table, at_field


class Repeat(Table, table=True):
    """A POST with an `Idempotency-Key`, and its answer."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_user_created", "user_id", "created_at"),)

    user_id: int = Field(foreign_key="user_account.id", primary_key=True, ondelete="CASCADE")
    route: str = Field(primary_key=True, max_length=200)
    key: str = Field(primary_key=True, max_length=200)
    digest: str = Field(max_length=64)
    """SHA-256 of what was sent."""
    attempt: str = Field(max_length=32)
    """Which of several requests at once does the work."""
    answered: int = 0
    """The HTTP status; 0: it is under way, or was broken off."""
    media_type: str = Field(default="", max_length=100)
    body: str = Field(default="", sa_type=Text)
    created_at: datetime = at_field(set_now=True, index=True)
