"""What people are told while they are away, and the webhooks that are told the same."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index
from sqlmodel import Field

from backend.models.base import Table, at_field, id_field


class Notification(Table, table=True):
    """One thing that happened to what is a person's."""

    __tablename__ = "notification"
    __table_args__ = (Index("ix_notification_user_created", "user_id", "created_at"),)

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", ondelete="CASCADE")
    kind: str = Field(max_length=32)
    """A word of rules/notices.py."""
    title: str = Field(max_length=200)
    text: str = Field(default="", max_length=1000)
    link: str = Field(default="", max_length=300)
    container_id: int | None = Field(default=None, foreign_key="container.id", index=True, ondelete="SET NULL")
    created_at: datetime = at_field(set_now=True)
    read_at: datetime | None = at_field(nullable=True)


class Webhook(Table, table=True):
    """Where a person's notifications are sent too, signed with a secret of its own."""

    __tablename__ = "webhook"

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    url: str = Field(max_length=500)
    secret_sealed: str = Field(max_length=400)
    kinds: list[str] = Field(default_factory=list, sa_type=JSON)
    """The kinds of notification that are sent; none named: all."""
    active: bool = True
    created_at: datetime = at_field(set_now=True)


class WebhookDelivery(Table, table=True):
    """One notification on its way to one webhook: the outbox, and then the log."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (Index("ix_webhook_delivery_due", "state", "next_try_at"),)

    id: int = id_field()
    webhook_id: int = Field(foreign_key="webhook.id", index=True, ondelete="CASCADE")
    kind: str = Field(max_length=32)
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    state: str = Field(default="waiting", max_length=16)
    """`waiting`, `delivered`, or `failed` once there are no tries left."""
    tries: int = 0
    next_try_at: datetime = at_field(set_now=True)
    response_status: int | None = None
    outcome: str = Field(default="", max_length=300)
    created_at: datetime = at_field(set_now=True)
    finished_at: datetime | None = at_field(nullable=True)
