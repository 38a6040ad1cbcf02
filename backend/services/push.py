"""A person's browsers that tips are sent to, and when they want quiet. backend/tips/reaching sends them."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, delete, func, select

from backend.db import Tx, insert_if_absent
from backend.errors import Conflict
from backend.events.bus import SignalsWanted, announce
from backend.models import PersonClock, PushSubscription, PushTurn, Telling, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules import telling
from backend.rules.config_keys import INBOX_RETENTION_DAYS, PUSH_TO_PRIVATE, PUSHES_A_DAY, QUIET_HOURS, QUIET_ZONE
from backend.rules.policy import Action, Actor
from backend.rules.telling import Quiet
from backend.sealing import seal
from backend.services import vapid
from backend.services.config import value_of
from backend.services.targets import owned

PURPOSE = "push"
_MOST = 10
_PRUNED_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """A browser that tips are sent to, by its push service's host; its own address is nobody's business.

    A browser that knows its endpoint finds itself by the `digest` of that.
    """

    id: int
    host: str
    created_at: datetime
    last_fault: str
    last_fault_at: datetime | None
    digest: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class PushView:
    """What a page needs to offer it. `is_own`: the quiet hours are the person's, not the installation's."""

    public_key: str
    subscriptions: list[SubscriptionView]
    quiet_hours: str
    zone: str
    is_own: bool
    a_day: int
    """How many pushes they get in any 24 hours."""


@operation(Action.PUSH_READ)
async def read_push(tx: Tx, actor: Actor) -> PushView:
    """The actor's browsers, oldest first, and their quiet hours."""
    require(actor, Action.PUSH_READ)
    query = select(PushSubscription).where(PushSubscription.user_id == actor.user_id)
    rows = (await tx.exec(query.order_by(col(PushSubscription.id)))).all()
    own = await own_quiet_of(tx, actor.person_id)
    quiet = own or await quiet_of(tx, actor.person_id)
    shown = [_view(row) for row in rows]
    a_day = await value_of(tx, PUSHES_A_DAY)
    return PushView(vapid.public_key(), shown, telling.write_quiet(quiet), quiet.zone, own is not None, a_day)


@operation(Action.PUSH_SUBSCRIBE)
async def subscribe(tx: Tx, actor: Actor, endpoint: str, p256dh: str, auth: str) -> SubscriptionView:
    """Send the actor's tips to a browser from now on. One that was somebody else's before is not theirs any more.

    Raises:
        Invalid: nothing could be sent with what it says.
        Conflict: there are as many as one may have.
    """
    require(actor, Action.PUSH_SUBSCRIBE)
    host = telling.check_subscription(endpoint, p256dh, auth, to_private=await value_of(tx, PUSH_TO_PRIVATE))
    digest = hashlib.sha256(endpoint.encode()).hexdigest()
    await tx.get(User, actor.user_id, with_for_update=True)
    same = PushSubscription.endpoint_digest == digest
    row = (await tx.exec(select(PushSubscription).where(same, PushSubscription.user_id == actor.user_id))).first()
    keys = seal(json.dumps({"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}}), purpose=PURPOSE)
    if row is not None:
        row.sealed, row.user_agent = keys, actor.user_agent[:400]
        row.last_fault, row.last_fault_at = "", None
        return _view(row)
    await tx.exec(delete(PushSubscription).where(col(PushSubscription.endpoint_digest) == digest))
    count = (await tx.exec(select(func.count()).where(PushSubscription.user_id == actor.user_id))).one()
    if count >= _MOST:
        raise Conflict(f"Tips go to {_MOST} of your browsers, which is as many as may be. Remove one first.")
    row = PushSubscription(
        user_id=actor.person_id, endpoint_digest=digest, sealed=keys, host=host, user_agent=actor.user_agent[:400]
    )
    tx.add(row)
    await insert_if_absent(tx, PushTurn(user_id=actor.person_id))
    await tx.flush()
    note("push subscription", row.id, host)
    return _view(row)


@operation(Action.PUSH_UNSUBSCRIBE)
async def unsubscribe(tx: Tx, actor: Actor, subscription_id: int) -> None:
    """Send nothing to that browser any more, not even what is on its way.

    Raises:
        NotFound: no such one, or somebody else's.
    """
    note("push subscription", subscription_id)
    row = await owned(Action.PUSH_UNSUBSCRIBE, tx, actor, PushSubscription, subscription_id, "That browser")
    await tx.delete(row)


@operation(Action.PUSH_SET_QUIET)
async def set_quiet(tx: Tx, actor: Actor, quiet: str | None, zone: str) -> None:
    """Choose when the actor is not to be disturbed, like "22:00-08:00"; "": never; None: as the installation says.

    The zone is the one that their days are counted in from now on; with None it stays.

    Raises:
        Invalid: they are no hours, or there is no such time zone.
    """
    require(actor, Action.PUSH_SET_QUIET)
    note("user", actor.user_id, "as the installation says" if quiet is None else f"{quiet or 'none'} {zone}"[:100])
    await tx.get(User, actor.user_id, with_for_update=True)
    row = await tx.get(PersonClock, actor.person_id) or PersonClock(user_id=actor.person_id)
    row.quiet_from = row.quiet_until = None
    if quiet is not None:
        read = telling.read_quiet(quiet, zone)
        if row.time_zone != read.zone:
            announce(tx, SignalsWanted(actor.person_id))
        row.quiet_from, row.quiet_until, row.time_zone = read.starts_min, read.ends_min, read.zone
    tx.add(row)


async def own_quiet_of(tx: Tx, user_id: int) -> Quiet | None:
    """The quiet hours that a person chose, where they now are."""
    row = await tx.get(PersonClock, user_id)
    if row is None or row.quiet_from is None or row.quiet_until is None:
        return None
    return Quiet(row.quiet_from, row.quiet_until, row.time_zone)


async def quiet_of(tx: Tx, user_id: int) -> Quiet:
    """When a person is not to be disturbed: what they chose, else what Config says."""
    own = await own_quiet_of(tx, user_id)
    if own is not None:
        return own
    return telling.read_quiet(await value_of(tx, QUIET_HOURS), await value_of(tx, QUIET_ZONE))


async def prune(tx: Tx) -> int:
    """Remove a batch of what was told longer ago than the inbox is kept; returns how many."""
    cutoff = now() - timedelta(days=await value_of(tx, INBOX_RETENTION_DAYS))
    old = select(Telling.id).where(col(Telling.at) < cutoff).limit(_PRUNED_AT_ONCE)
    return (await tx.exec(delete(Telling).where(col(Telling.id).in_(old)))).rowcount


def _view(row: PushSubscription) -> SubscriptionView:
    said = (row.last_fault, row.last_fault_at)
    return SubscriptionView(row.id, row.host, row.created_at, *said, row.endpoint_digest, row.user_agent)
