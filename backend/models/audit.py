"""What was done, by whom, and what was refused."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field

from backend.models.base import Table, at_field


class AuditLog(Table, table=True):
    """One operation. `user_id` is empty where nobody was signed in; rows outlive their user."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_user_created", "user_id", "created_at"),
        Index("ix_audit_log_action_created", "action", "created_at"),
        Index("ix_audit_log_target", "target_type", "target_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    user_id: int | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
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
