"""Where a person's notifications are sent, too. Secrets are shown when they are made, and never again."""

from typing import Any

from fastapi import Response

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.inbox import DeliveryOut, SecretOut, WebhookChange, WebhookIn, WebhookMade, WebhookOut
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.services import webhooks
from backend.services.webhooks import WebhookView

router = routes("/api/webhooks", "webhooks")


@router.get("/", response_model=Page[WebhookOut], **does(Action.WEBHOOK_LIST))
async def list_webhooks(actor: Caller, paging: Paged) -> dict[str, Any]:
    """Your webhooks, oldest first."""
    async with reading() as tx:
        return paging.cut(await webhooks.list_webhooks(tx, actor))


@router.post("/", status_code=201, **does(Action.WEBHOOK_CREATE))
async def create_webhook(actor: Caller, said: WebhookIn) -> WebhookMade:
    """Have notifications sent to an address; none of `kinds`: all of them. The secret is shown this once."""
    async with transaction() as tx:
        made, secret = await webhooks.create_webhook(tx, actor, said.url, said.kinds)
    return WebhookMade(webhook=WebhookOut.model_validate(made), secret=secret)


@router.patch("/{webhook_id}/", response_model=WebhookOut, **does(Action.WEBHOOK_UPDATE))
async def update_webhook(actor: Caller, webhook_id: int, said: WebhookChange) -> WebhookView:
    """Change a webhook; what is not named stays. One that is not active is told nothing."""
    async with transaction() as tx:
        return await webhooks.update_webhook(tx, actor, webhook_id, **said.model_dump())


@router.delete("/{webhook_id}/", status_code=204, **does(Action.WEBHOOK_DELETE))
async def delete_webhook(actor: Caller, webhook_id: int) -> Response:
    """Remove a webhook, with its log and what was on the way to it."""
    async with transaction() as tx:
        await webhooks.delete_webhook(tx, actor, webhook_id)
    return Response(status_code=204)


@router.post("/{webhook_id}/rotate_secret/", **does(Action.WEBHOOK_ROTATE))
async def rotate_webhook_secret(actor: Caller, webhook_id: int) -> SecretOut:
    """Give it a new secret, which is shown this once. The old one signs nothing any more."""
    async with transaction() as tx:
        return SecretOut(secret=await webhooks.rotate_secret(tx, actor, webhook_id))


@router.post("/{webhook_id}/test/", status_code=204, **does(Action.WEBHOOK_TEST))
async def test_webhook(actor: Caller, webhook_id: int) -> Response:
    """Have a message sent to it that says nothing but that it arrives. Its deliveries show what becomes of it."""
    async with transaction() as tx:
        await webhooks.test_webhook(tx, actor, webhook_id)
    return Response(status_code=204)


@router.get("/{webhook_id}/deliveries/", response_model=Page[DeliveryOut], **does(Action.WEBHOOK_DELIVERIES))
async def list_deliveries(actor: Caller, webhook_id: int, paging: Paged) -> dict[str, Any]:
    """The latest of what was sent to it, or waits, newest first."""
    async with reading() as tx:
        return paging.cut(await webhooks.list_deliveries(tx, actor, webhook_id))


@router.post("/deliveries/{delivery_id}/resend/", status_code=204, **does(Action.WEBHOOK_RESEND))
async def resend(actor: Caller, delivery_id: int) -> Response:
    """Have a message sent again, now: the same, with the same id."""
    async with transaction() as tx:
        await webhooks.resend(tx, actor, delivery_id)
    return Response(status_code=204)
