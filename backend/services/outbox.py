"""Putting a notification on the way to its user's webhooks: rows of the same transaction, sent by backend/tasks."""

from typing import Any
from uuid import uuid4

from sqlmodel import col, select

from backend.db import Tx
from backend.models import Notification, Webhook, WebhookDelivery
from backend.rules.config_keys import PUBLIC_URL
from backend.rules.notices import Notice
from backend.services.config import value_of


async def queue(tx: Tx, notice: Notification) -> None:
    """One delivery to each of the user's webhooks that wants the kind."""
    if notice.kind == Notice.WEBHOOK_FAILED:
        return
    query = select(Webhook).where(Webhook.user_id == notice.user_id, col(Webhook.active)).order_by(col(Webhook.id))
    wanted = [each for each in (await tx.exec(query)).all() if not each.kinds or notice.kind in each.kinds]
    if wanted:
        payload = await message(tx, notice)
        tx.add_all(WebhookDelivery(webhook_id=each.id, kind=notice.kind, payload=payload) for each in wanted)


async def message(tx: Tx, notice: Notification) -> dict[str, Any]:
    """What is sent. Its `id` stays the same however often it is sent, so that a receiver can tell."""
    home = (await value_of(tx, PUBLIC_URL)).rstrip("/")
    return {
        "id": f"msg_{uuid4().hex}",
        "type": str(notice.kind),
        "timestamp": notice.created_at.isoformat(),
        "data": {
            "title": notice.title,
            "text": notice.text,
            "link": home + notice.link if notice.link else "",
            "container_id": notice.container_id,
        },
    }
