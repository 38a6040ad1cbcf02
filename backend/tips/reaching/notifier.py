"""Tips to browsers that are closed: queued with the transaction that decided, sent to push services after it.

Each message is encrypted for its browser (RFC 8291) and says who sends it (RFC 8292). A newer tip takes the place of
an older one, here, at the push service and on the screen. Any number of processes may send: a row is claimed first.
"""

import asyncio
import importlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlmodel import col, select, update

from backend.db import Tx, reading, transaction
from backend.errors import PequerokuError, Unavailable
from backend.models import PushSent, PushSubscription, Telling, User
from backend.models.base import now
from backend.outward import Outward
from backend.rules.config_keys import PUBLIC_URL, PUSH_TO_PRIVATE, SMTP_FROM
from backend.rules.internet import is_public
from backend.rules.telling import Channel, Quiet, Verdict, time_left, wait_after
from backend.sealing import unseal
from backend.services import vapid
from backend.services.config import value_of
from backend.services.push import PURPOSE, quiet_of
from backend.settings import settings
from backend.tips.reaching import arbiter

log = logging.getLogger(__name__)

TOPIC = "tip"
"""One message of this topic waits at a push service, and one notification with this tag is on a screen."""
_LOOK_EVERY_S = 5.0
_AT_ONCE = 32
_DEADLINE_S = 10.0
_CLAIM = timedelta(seconds=60)
"""Longer than a sending takes: only a process that died leaves a row that another takes over."""
_GONE = frozenset({404, 410})
_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class _Claim:
    """A message that is ours to send, its `tries` counting this one."""

    sent_id: int
    user_id: int
    subscription_id: int
    message: dict[str, Any]
    tries: int
    told_at: datetime
    sealed: str
    quiet: Quiet


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the push service said; no status: nothing."""

    status: int | None
    words: str
    wait_s: float = 0.0


async def push(
    tx: Tx, user_id: int, *, tip: str, sentence: str, about: str = "", at: datetime | None = None
) -> Verdict:
    """Have a tip sent to the person's browsers, if they may be disturbed now; the answer says why not.

    Args:
        tip: the decision that chose it.
        about: what it speaks of.
        sentence: what the notification says.
    """
    query = select(PushSubscription.id).where(PushSubscription.user_id == user_id)
    subscription_ids = (await tx.exec(query)).all()
    if not subscription_ids:
        return Verdict.NO_DEVICE
    verdict, telling = await arbiter.ask(tx, user_id, Channel.PUSH, tip, about=about, at=at)
    if telling is None:
        return verdict
    older = select(Telling.id).where(Telling.user_id == user_id, Telling.id != telling.id)
    waiting = (col(PushSent.telling_id).in_(older), col(PushSent.state) == "waiting")
    await tx.exec(update(PushSent).where(*waiting).values(state="replaced", finished_at=now()))
    message = {"tip": tip, "body": sentence[:200], "tag": TOPIC, "url": "/tip"}
    due = at or now()
    tx.add_all(
        PushSent(telling_id=telling.id, subscription_id=each, message=message, next_try_at=due, created_at=due)
        for each in subscription_ids
    )
    return verdict


async def run() -> None:
    """Send what waits, for as long as the process lives."""
    while True:
        try:
            await send_due()
        except Unavailable as fault:
            log.warning("tips are not pushed now: %s", fault.message)
        except Exception:
            log.exception("tips could not be pushed; trying again soon")
        await asyncio.sleep(_LOOK_EVERY_S)


async def send_due(*, at: datetime | None = None) -> int:
    """Send what is due, side by side; returns how many messages it was."""
    moment = at or now()
    async with reading() as tx:
        due = select(PushSent.id).where(PushSent.state == "waiting", col(PushSent.next_try_at) <= moment)
        if (await tx.exec(due.limit(1))).first() is None:
            return 0
    claims = await _claimed(moment)
    await asyncio.gather(*(_send(each, moment) for each in claims))
    return len(claims)


async def _claimed(at: datetime) -> Sequence[_Claim]:
    """Make what is due ours; for as long as `_CLAIM` it is due for nobody else."""
    async with transaction() as tx:
        due = (PushSent.state == "waiting", col(PushSent.next_try_at) <= at)
        query = select(PushSent).where(*due).order_by(col(PushSent.id)).limit(_AT_ONCE)
        rows = (await tx.exec(query.with_for_update(skip_locked=True))).all()
        claims: list[_Claim] = []
        for row in rows:
            row.tries, row.next_try_at = row.tries + 1, at + _CLAIM
            telling = await tx.get_one(Telling, row.telling_id)
            subscription = await tx.get_one(PushSubscription, row.subscription_id)
            quiet = await quiet_of(tx, telling.user_id)
            where = (row.id, telling.user_id, subscription.id)
            claims.append(_Claim(*where, row.message, row.tries, telling.at, subscription.sealed, quiet))
        return claims


async def _send(claim: _Claim, at: datetime) -> None:
    """Once, and note what came of it. What would come in quiet hours, or too late, is not sent."""
    seconds = time_left(claim.told_at, claim.quiet, at=at)
    if seconds < 1:
        await _note(claim, _Answer(None, "Its time was over."), at, state="late")
        return
    try:
        keys = json.loads(unseal(claim.sealed, purpose=PURPOSE))
        answer = await _posted(keys, claim.message, seconds)
    except PequerokuError as fault:
        answer = _Answer(None, fault.message)
    await _note(claim, answer, at)


@lru_cache
def _library() -> Any:
    """Loaded at the first message: it brings two HTTP clients along, in 12 MB."""
    return importlib.import_module("pywebpush")


async def _posted(keys: dict[str, Any], message: Mapping[str, Any], seconds: int) -> _Answer:
    async with reading() as tx:
        to_private, contact = await value_of(tx, PUSH_TO_PRIVATE), await _contact(tx)
    endpoint = str(keys["endpoint"])
    pusher = await asyncio.to_thread(_library)
    encoded = pusher.WebPusher(keys).encode(json.dumps(message).encode(), content_encoding="aes128gcm")
    headers = {
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(seconds),
        "Topic": TOPIC,
        "Urgency": "normal",
        "Authorization": vapid.authorization(endpoint, contact=contact),
    }
    out = Outward(allows=_anywhere if to_private else is_public)
    try:
        async with asyncio.timeout(_DEADLINE_S):
            async with out.asked("POST", endpoint, headers=headers, body=bytes(encoded["body"])) as response:
                words = f"HTTP {response.status_code} {response.reason_phrase}".strip()
                return _Answer(response.status_code, words, _seconds(response.headers.get("retry-after", "")))
    except TimeoutError:
        return _Answer(None, f"It did not answer within {_DEADLINE_S:g} s.")


async def _contact(tx: Tx) -> str:
    """Where a push service's operators reach this installation's."""
    if sender := await value_of(tx, SMTP_FROM):
        return f"mailto:{sender}"
    home = await value_of(tx, PUBLIC_URL)
    return home if home.startswith("https:") else f"mailto:admin@{settings().allowed_hosts.partition(',')[0]}"


async def _note(claim: _Claim, answer: _Answer, at: datetime, *, state: str = "") -> None:
    """Sent, to be tried again, or failed. A browser that is gone goes here too, with what waits for it."""
    async with transaction() as tx:
        await tx.get(User, claim.user_id, with_for_update=True)  # in the same order as the arbiter takes its locks
        row = await tx.get(PushSent, claim.sent_id, with_for_update=True)
        if row is None or row.tries != claim.tries or row.state != "waiting":
            return
        subscription = await tx.get_one(PushSubscription, claim.subscription_id)
        row.response_status, row.outcome = answer.status, answer.words[:300]
        row.state = state or _state(answer, claim, at)
        if row.state == "waiting":
            row.next_try_at = at + wait_after(claim.tries, answer.wait_s)
        else:
            row.finished_at = at
        if row.state == "sent":
            subscription.last_fault, subscription.last_fault_at = "", None
            await arbiter.shown(tx, claim.user_id, Channel.PUSH, str(row.message["tip"]), at=at)
        elif row.state in ("failed", "waiting"):
            subscription.last_fault, subscription.last_fault_at = row.outcome, at
        if answer.status in _GONE:
            await tx.delete(subscription)


def _state(answer: _Answer, claim: _Claim, at: datetime) -> str:
    status = answer.status
    if status is not None and 200 <= status < 300:
        return "sent"
    if status is not None and status < 500 and status not in _LATER:
        return "failed"
    again_at = at + wait_after(claim.tries, answer.wait_s)
    return "waiting" if time_left(claim.told_at, claim.quiet, at=again_at) >= 1 else "failed"


def _seconds(text: str) -> float:
    """Of a Retry-After in seconds; one that is a date is passed over."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0.0


def _anywhere(_address: str) -> bool:
    return True
