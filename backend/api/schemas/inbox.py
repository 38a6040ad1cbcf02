"""What a person is told: their notifications, and the webhooks that are told, too."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from backend.api.schemas.containers import Name, Sent, Shown


class NoticeOut(Shown):
    """A notification."""

    id: int
    kind: str = Field(examples=["container.failed"])
    title: str
    text: str
    link: str = Field(description="A page of ours, or empty")
    at: datetime
    is_read: bool


class UnreadOut(Shown):
    """How many are not read."""

    unread: int


class WebhookIn(Sent):
    """A webhook to be made."""

    url: str = Field(max_length=1000, examples=["https://example.com/hook"])
    kinds: list[Name] = Field(default_factory=list[Name], max_length=100, description="Of notices; none: all of them")


class WebhookChange(Sent):
    """What to change; what is null stays."""

    url: str | None = Field(default=None, max_length=1000)
    kinds: list[Name] | None = Field(default=None, max_length=100)
    active: bool | None = None


class WebhookOut(Shown):
    """A webhook. No `kinds`: all of them."""

    id: int
    url: str
    kinds: list[str]
    active: bool
    created_at: datetime


class SecretOut(Shown):
    """What messages to a webhook are signed with from now on. It is shown this once."""

    secret: str


class WebhookMade(SecretOut):
    """A new webhook, and its secret."""

    webhook: WebhookOut


class DeliveryOut(Shown):
    """A message to a webhook, and what became of it."""

    id: int
    webhook_id: int
    kind: str
    title: str
    state: Literal["waiting", "delivered", "failed"]
    tries: int
    response_status: int | None
    outcome: str
    created_at: datetime
    next_try_at: datetime | None
    finished_at: datetime | None
