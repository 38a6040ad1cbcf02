"""Sends what waits for webhooks (services/outbox.py put it there): signed, to public addresses only, and again later.

Any number of processes may do so: a row is claimed in one statement, and nobody else sees it until its time is over.
"""

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import col, func, select, update

from backend.db import Tx, reading, transaction
from backend.errors import Unavailable
from backend.events.bus import Event, InboxChanged, announce, bus
from backend.models import Notification, Webhook, WebhookDelivery
from backend.models.base import now
from backend.rules import webhooks as rules
from backend.rules.config_keys import WEBHOOKS_TO_PRIVATE
from backend.rules.notices import Notice
from backend.sealing import unseal
from backend.services.config import value_of
from backend.services.inbox import tell
from backend.services.webhooks import PURPOSE
from backend.tasks.posting import Answer, post

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 5.0
_AT_ONCE = 32
_CLAIM = timedelta(seconds=60)
"""Longer than a sending takes: only a process that died leaves a row that another takes over."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A message that is ours to send, its `tries` counting this one."""

    delivery_id: int
    webhook_id: int
    kind: str
    payload: dict[str, Any]
    tries: int
    user_id: int
    url: str
    secret_sealed: str


class Sender:
    """Sends in the background; each webhook one message after another, so that a slow one holds up only itself."""

    def __init__(self) -> None:
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Somebody is told something: look at once."""
        if isinstance(event, InboxChanged):
            self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            while True:
                self._wake.clear()
                try:
                    await self._begin()
                except Exception:
                    log.exception("could not look for what waits for webhooks; looking again soon")
                try:
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _begin(self) -> None:
        room = _AT_ONCE - len(self._busy)
        if room <= 0 or not await _is_due():
            return
        for claim in await _claimed(room, besides=list(self._busy)):
            task = asyncio.create_task(deliver(claim), name=f"webhook-{claim.webhook_id}")
            self._busy[claim.webhook_id] = task
            task.add_done_callback(lambda done, webhook_id=claim.webhook_id: self._is_done(webhook_id, done))

    def _is_done(self, webhook_id: int, task: asyncio.Task[None]) -> None:
        self._busy.pop(webhook_id, None)
        self._wake.set()
        if not task.cancelled() and (fault := task.exception()):
            log.error("sending to webhook %s broke off", webhook_id, exc_info=fault)


async def run() -> None:
    """Send what waits, for as long as the process lives."""
    sender = Sender()
    unsubscribe = bus().subscribe(sender.hear)
    try:
        await sender.run()
    finally:
        unsubscribe()


async def send_due() -> int:
    """Send what is due now, one message for each webhook; returns how many. For tests, which run no Sender."""
    claims = await _claimed(_AT_ONCE, besides=[])
    await asyncio.gather(*(deliver(each) for each in claims))
    return len(claims)


async def _is_due() -> bool:
    """A look without a lock: most of the time nothing waits."""
    due = (WebhookDelivery.state == "waiting", col(WebhookDelivery.next_try_at) <= now())
    async with reading() as tx:
        return (await tx.exec(select(WebhookDelivery.id).where(*due).limit(1))).first() is not None


async def _claimed(room: int, *, besides: Sequence[int]) -> list[_Claim]:
    """Make the oldest due message of each webhook ours; for as long as `_CLAIM` it is due for nobody else."""
    table = WebhookDelivery
    due = (table.state == "waiting", col(table.next_try_at) <= now())
    live = select(Webhook.id).where(col(Webhook.active))
    oldest = (
        select(func.min(table.id))
        .where(*due, col(table.webhook_id).in_(live), col(table.webhook_id).not_in(besides))
        .group_by(col(table.webhook_id))
        .limit(room)
    )
    ours = select(table.id).where(*due, col(table.id).in_(oldest)).with_for_update(skip_locked=True)
    claim = (
        update(table)
        .where(col(table.id).in_(ours))
        .values(tries=col(table.tries) + 1, next_try_at=now() + _CLAIM)
        .returning(col(table.id), col(table.tries))
    )
    async with transaction() as tx:
        taken = {int(row[0]): int(row[1]) for row in (await tx.exec(claim)).all()}
        query = select(table, Webhook).join(Webhook).where(col(table.id).in_(list(taken)))
        rows = (await tx.exec(query)).all()
        return [_claim(row, webhook, taken[row.id]) for row, webhook in rows]


def _claim(row: WebhookDelivery, webhook: Webhook, tries: int) -> _Claim:
    return _Claim(
        row.id, row.webhook_id, row.kind, row.payload, tries, webhook.user_id, webhook.url, webhook.secret_sealed
    )


async def deliver(claim: _Claim) -> None:
    """Send one message once, and note what came of it."""
    async with reading() as tx:
        to_private = await value_of(tx, WEBHOOKS_TO_PRIVATE)
    try:
        secret = unseal(claim.secret_sealed, purpose=PURPOSE)
        body = json.dumps(claim.payload, separators=(",", ":"), ensure_ascii=False).encode()
        answer = await post(claim.url, body, _headers(claim, secret, body), to_private=to_private)
    except Unavailable as fault:
        answer = Answer(None, fault.message)
    async with transaction() as tx:
        await _note(tx, claim, answer)


def _headers(claim: _Claim, secret: str, body: bytes) -> dict[str, str]:
    message_id, at_s = str(claim.payload["id"]), int(time.time())
    return {
        "Content-Type": "application/json",
        "User-Agent": "Pequeroku-Webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": rules.sign(secret, message_id, at_s, body),
    }


async def _note(tx: Tx, claim: _Claim, answer: Answer) -> None:
    """Delivered, to be tried again, or failed: then the owner is told. Nothing, if the row is another's by now."""
    row = await tx.get(WebhookDelivery, claim.delivery_id, with_for_update=True)
    if row is None or row.tries != claim.tries or row.state != "waiting":
        return
    row.response_status, row.outcome = answer.status, answer.words[:300]
    wait = rules.wait_after(row.tries)
    if answer.is_success or wait is None:
        row.state, row.finished_at = "delivered" if answer.is_success else "failed", now()
    else:
        row.next_try_at = now() + wait
    if row.state == "failed":
        await _tell_owner(tx, claim, answer)
    announce(tx, InboxChanged(claim.user_id))


async def _tell_owner(tx: Tx, claim: _Claim, answer: Answer) -> None:
    """Once, until it was read: a webhook that is gone fails at everything that happens."""
    link = f"/account/webhooks?id={claim.webhook_id}"
    unread = select(Notification.id).where(
        Notification.user_id == claim.user_id, Notification.link == link, col(Notification.read_at).is_(None)
    )
    if (await tx.exec(unread.limit(1))).first() is None:
        text = f"{claim.url} did not take a message in {claim.tries} tries: {answer.words}"
        await tell(tx, claim.user_id, Notice.WEBHOOK_FAILED, "A webhook does not answer", text, link=link)
