"""A person's webhooks: where notifications are sent too, and what became of each. backend/tasks sends them."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, delete, func, select

from backend.db import Tx
from backend.errors import Conflict, Invalid, NotFound
from backend.events.bus import InboxChanged, announce
from backend.models import Notification, User, Webhook, WebhookDelivery
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules import webhooks as rules
from backend.rules.config_keys import INBOX_RETENTION_DAYS
from backend.rules.notices import DELIVERED
from backend.rules.policy import Action, Actor
from backend.sealing import seal
from backend.services import outbox
from backend.services.config import value_of
from backend.services.targets import owned

PURPOSE = "webhook"
TEST_KIND = "webhook.test"
_MOST = 10
_MOST_WAITING = 20
_LOG = 50
_PRUNED_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class WebhookView:
    """One webhook; its secret was shown when it was made. No `kinds`: all of them."""

    id: int
    url: str
    kinds: tuple[str, ...]
    active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One message to one webhook. `state`: waiting, delivered or failed; `next_try_at` while it waits."""

    id: int
    webhook_id: int
    kind: str
    title: str
    state: str
    tries: int
    response_status: int | None
    outcome: str
    created_at: datetime
    next_try_at: datetime | None
    finished_at: datetime | None


@operation(Action.WEBHOOK_LIST)
async def list_webhooks(tx: Tx, actor: Actor) -> list[WebhookView]:
    """The actor's webhooks, oldest first."""
    require(actor, Action.WEBHOOK_LIST)
    query = select(Webhook).where(Webhook.user_id == actor.user_id).order_by(col(Webhook.id))
    return [_view(row) for row in (await tx.exec(query)).all()]


@operation(Action.WEBHOOK_CREATE)
async def create_webhook(tx: Tx, actor: Actor, url: str, kinds: list[str] | None = None) -> tuple[WebhookView, str]:
    """Add one; returns it with its secret, which is not shown again.

    Raises:
        Invalid: no address that can be told, or no such kind.
        Conflict: there are as many as one may have.
    """
    require(actor, Action.WEBHOOK_CREATE)
    checked, chosen = rules.check_url(url), _kinds(kinds or [])
    await tx.get(User, actor.user_id, with_for_update=True)
    count = (await tx.exec(select(func.count()).where(Webhook.user_id == actor.user_id))).one()
    if count >= _MOST:
        raise Conflict(f"You have {_MOST} webhooks, which is as many as one may have. Delete one first.")
    secret = rules.as_secret(os.urandom(rules.SECRET_BYTES))
    row = Webhook(user_id=actor.person_id, url=checked, kinds=chosen, secret_sealed=seal(secret, purpose=PURPOSE))
    tx.add(row)
    await tx.flush()
    note("webhook", row.id, checked)
    return _view(row), secret


@operation(Action.WEBHOOK_UPDATE)
async def update_webhook(
    tx: Tx,
    actor: Actor,
    webhook_id: int,
    *,
    url: str | None = None,
    kinds: list[str] | None = None,
    active: bool | None = None,
) -> WebhookView:
    """Change what is given. One that is not active is told nothing, and what waits for it waits.

    Raises:
        NotFound: no such webhook, or somebody else's.
        Invalid: no address that can be told, or no such kind.
    """
    row = await _owned(tx, actor, Action.WEBHOOK_UPDATE, webhook_id)
    row.url = rules.check_url(url) if url is not None else row.url
    row.kinds = _kinds(kinds) if kinds is not None else row.kinds
    row.active = active if active is not None else row.active
    note(message=row.url, active=row.active, kinds=row.kinds)
    return _view(row)


@operation(Action.WEBHOOK_DELETE)
async def delete_webhook(tx: Tx, actor: Actor, webhook_id: int) -> None:
    """Remove it, with its log and what was on the way to it.

    Raises:
        NotFound: no such webhook, or somebody else's.
    """
    row = await _owned(tx, actor, Action.WEBHOOK_DELETE, webhook_id)
    note(message=row.url)
    await tx.delete(row)


@operation(Action.WEBHOOK_ROTATE)
async def rotate_secret(tx: Tx, actor: Actor, webhook_id: int) -> str:
    """Give it a new secret, which is not shown again. The old one signs nothing any more.

    Raises:
        NotFound: no such webhook, or somebody else's.
    """
    row = await _owned(tx, actor, Action.WEBHOOK_ROTATE, webhook_id)
    secret = rules.as_secret(os.urandom(rules.SECRET_BYTES))
    row.secret_sealed = seal(secret, purpose=PURPOSE)
    return secret


@operation(Action.WEBHOOK_TEST)
async def test_webhook(tx: Tx, actor: Actor, webhook_id: int) -> None:
    """Put a message on the way to it that says nothing but that it arrives.

    Raises:
        NotFound: no such webhook, or somebody else's.
        Conflict: it is not active, or too much waits for it already.
    """
    row = await _owned(tx, actor, Action.WEBHOOK_TEST, webhook_id)
    await _refuse_a_flood(tx, row)
    test = Notification(user_id=row.user_id, kind=TEST_KIND, title="A test", text="If you can read this, it works.")
    tx.add(WebhookDelivery(webhook_id=webhook_id, kind=TEST_KIND, payload=await outbox.message(tx, test)))
    announce(tx, InboxChanged(row.user_id))


@operation(Action.WEBHOOK_DELIVERIES)
async def list_deliveries(tx: Tx, actor: Actor, webhook_id: int) -> list[DeliveryView]:
    """The latest of what was sent to a webhook, or waits.

    Raises:
        NotFound: no such webhook, or somebody else's.
    """
    await _owned(tx, actor, Action.WEBHOOK_DELIVERIES, webhook_id)
    query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    rows = await tx.exec(query.order_by(col(WebhookDelivery.id).desc()).limit(_LOG))
    return [_delivery(row) for row in rows.all()]


@operation(Action.WEBHOOK_RESEND)
async def resend(tx: Tx, actor: Actor, delivery_id: int) -> None:
    """Send a message again, the same with the same id, now. What waits for its next try is tried now.

    Raises:
        NotFound: no such message, or somebody else's.
        Conflict: the webhook is not active, or too much waits for it already.
    """
    note("webhook_delivery", delivery_id)
    found = await tx.get(WebhookDelivery, delivery_id, with_for_update=True)
    webhook = await tx.get(Webhook, found.webhook_id, with_for_update=True) if found else None
    require(actor, Action.WEBHOOK_RESEND, owner_id=webhook.user_id if webhook else None, what="That message")
    if found is None or webhook is None:
        raise NotFound("That message")
    await _refuse_a_flood(tx, webhook)
    found.state, found.next_try_at, found.finished_at = "waiting", now(), None
    found.tries, found.outcome, found.response_status = 0, "", None
    announce(tx, InboxChanged(webhook.user_id))


async def prune(tx: Tx) -> int:
    """Remove a batch of finished deliveries that are older than Config keeps them; returns how many."""
    cutoff = now() - timedelta(days=await value_of(tx, INBOX_RETENTION_DAYS))
    old = select(WebhookDelivery.id).where(col(WebhookDelivery.created_at) < cutoff).limit(_PRUNED_AT_ONCE)
    return (await tx.exec(delete(WebhookDelivery).where(col(WebhookDelivery.id).in_(old)))).rowcount


async def _owned(tx: Tx, actor: Actor, action: Action, webhook_id: int) -> Webhook:
    note("webhook", webhook_id)
    return await owned(action, tx, actor, Webhook, webhook_id, "That webhook")


async def _refuse_a_flood(tx: Tx, webhook: Webhook) -> None:
    if not webhook.active:
        raise Conflict("That webhook is switched off. Switch it on first.")
    query = select(func.count()).where(WebhookDelivery.webhook_id == webhook.id, WebhookDelivery.state == "waiting")
    if (await tx.exec(query)).one() >= _MOST_WAITING:
        raise Conflict(f"{_MOST_WAITING} messages wait for that webhook already. See first why they do not arrive.")


def _kinds(said: list[str]) -> list[str]:
    unknown = [each for each in said if each not in [kind.value for kind in DELIVERED]]
    if unknown:
        raise Invalid("Choose from the kinds of notification there are.", field="kinds")
    return sorted(set(said))


def _view(row: Webhook) -> WebhookView:
    return WebhookView(row.id, row.url, tuple(row.kinds), row.active, row.created_at)


def _delivery(row: WebhookDelivery) -> DeliveryView:
    waits = row.state == "waiting"
    return DeliveryView(
        id=row.id,
        webhook_id=row.webhook_id,
        kind=row.kind,
        title=str(row.payload.get("data", {}).get("title", "")),
        state=row.state,
        tries=row.tries,
        response_status=row.response_status,
        outcome=row.outcome,
        created_at=row.created_at,
        next_try_at=row.next_try_at if waits else None,
        finished_at=row.finished_at,
    )
