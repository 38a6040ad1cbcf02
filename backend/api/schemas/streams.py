"""What is said of events, and of browsers that tips are sent to."""

from datetime import datetime
from typing import Any

from pydantic import Field

from backend.api.schemas.containers import Name, Sent, Shown


class EventOut(Shown):
    """An event of the stream. `user_id` is null where the person is gone."""

    id: int
    event_id: str
    type: str
    user_id: int | None
    username: str
    at: datetime
    mirrored_at: datetime | None
    content: dict[str, Any]


class SubscriptionIn(Sent):
    """What a browser's `PushSubscription` says."""

    endpoint: str = Field(max_length=2000, examples=["https://push.example.com/send/abc"])
    p256dh: str = Field(max_length=200, description="`keys.p256dh`")
    auth: str = Field(max_length=100, description="`keys.auth`")


class SubscriptionOut(Shown):
    """A browser that tips are sent to."""

    id: int
    host: str
    created_at: datetime
    last_fault: str
    last_fault_at: datetime | None


class PushOut(Shown):
    """What a page needs to subscribe for tips; `is_own` tells your quiet hours from the installation's."""

    public_key: str
    subscriptions: list[SubscriptionOut]
    quiet_hours: str
    zone: str
    is_own: bool


class QuietIn(Sent):
    """When you are not to be disturbed: like 22:00-08:00; empty: never; null: as the installation says."""

    hours: Name | None = None
    zone: Name = "UTC"
