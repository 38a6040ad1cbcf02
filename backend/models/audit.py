"""What was done, by whom, and what was refused; and what the assistant was asked."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, Text
from sqlmodel import Field

from backend.models.base import Table, at_field, id_field


class AuditLog(Table, table=True):
    """One operation. `user_id` is empty where nobody was signed in; rows outlive their user.

    Ids have no gaps and follow the chain: `hash` covers the row's facts and the hash of the row before
    (rules/chain.py), so that a row that was changed, taken out or put in shows. The migration adds what the text is
    searched by: a column `words` on PostgreSQL, a table `audit_search` on SQLite.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_user_created", "user_id", "created_at"),
        Index("ix_audit_log_action_created", "action", "created_at"),
        Index("ix_audit_log_target", "target_type", "target_id", "created_at"),
        Index("ix_audit_log_success_created", "success", "created_at"),
        Index("ix_audit_log_via_created", "via", "created_at"),
    )

    id: int = id_field()
    user_id: int | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    actor_name: str = Field(default="", max_length=64)
    """The user's name at the time."""
    action: str = Field(max_length=64)
    target_type: str = Field(default="", max_length=32)
    target_id: str = Field(default="", max_length=64)
    message: str = Field(default="", max_length=1000)
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column("metadata", JSON, nullable=False))
    """The column is called `metadata`; that name is SQLAlchemy's own on a class."""
    ip: str = Field(default="", max_length=64)
    user_agent: str = Field(default="", max_length=400)
    via: str = Field(default="web", max_length=16)
    success: bool = True
    created_at: datetime = at_field(set_now=True, index=True)
    private_digest: str = Field(default="", max_length=64)
    """Of what is personal in the row. It stays when that is erased, so that the chain still holds."""
    erased_at: datetime | None = at_field(nullable=True)
    """The personal part was removed, with the account it was about."""
    hash: str = Field(default="", max_length=64)


class AuditChain(Table, table=True):
    """One row: where the chain of the audit log begins (after what retention removed) and where it ends.

    `seal` is keyed over the other columns, so that cutting rows off either end shows as well.
    """

    __tablename__ = "audit_chain"

    id: int = id_field()
    first_id: int = 1
    before_first: str = Field(default="", max_length=64)
    """The hash of the last row that retention removed."""
    last_id: int = 0
    last_hash: str = Field(default="", max_length=64)
    seal: str = Field(default="", max_length=64)


class AIUsageLog(Table, table=True):
    """One question to the assistant, its answer, and what it used."""

    __tablename__ = "ai_usage_log"
    __table_args__ = (
        Index("ix_ai_usage_log_user_created", "user_id", "created_at"),
        Index("ix_ai_usage_log_container_created", "container_id", "created_at"),
    )

    id: int = id_field()
    user_id: int | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    container_id: int | None = Field(default=None, foreign_key="container.id", ondelete="SET NULL")
    query: str = Field(default="", sa_type=Text)
    response: str = Field(default="", sa_type=Text)
    model: str = Field(default="", max_length=100)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    latency_ms: int = 0
    """From the question to the end of the answer, tools included."""
    created_at: datetime = at_field(set_now=True, index=True)
