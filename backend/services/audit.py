"""The audit log for those who may read it: admins all of it, a person what is about them, an owner the container's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, and_, not_, or_
from sqlmodel import col, delete, select

from backend.audit import locked_chain, seal_of
from backend.db import Tx
from backend.errors import NotFound
from backend.models import AIUsageLog, AuditLog, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules.config_keys import AUDIT_RETENTION_DAYS
from backend.rules.policy import Action, Actor
from backend.services import audit_chain
from backend.services.audit_chain import ChainReport
from backend.services.audit_search import Wanted, newest, newest_of
from backend.services.config import value_of
from backend.services.targets import visible

PAGE = 50
_MOST = 500
_PRUNED_AT_ONCE = 2000
_ALL = Wanted()


@dataclass(frozen=True, slots=True)
class AuditView:
    """One row. `ip` and `user_agent` are empty where they are somebody else's affair."""

    id: int
    at: datetime
    user_id: int | None
    actor_name: str
    action: str
    target_type: str
    target_id: str
    message: str
    details: dict[str, Any]
    ip: str
    user_agent: str
    via: str
    success: bool
    erased: bool


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Rows, newest first; `next_before_id` begins the next page, None where there is none."""

    rows: list[AuditView]
    next_before_id: int | None


@operation(Action.AUDIT_LIST)
async def list_audit(
    tx: Tx, actor: Actor, wanted: Wanted = _ALL, *, before_id: int | None = None, limit: int = PAGE
) -> AuditPage:
    """A page of the whole log."""
    require(actor, Action.AUDIT_LIST)
    rows = await newest(tx, wanted, before_id=before_id, limit=_bounded(limit) + 1)
    return _page(rows, actor, _bounded(limit))


@operation(Action.AUDIT_USER)
async def get_user_logs(
    tx: Tx, actor: Actor, user_id: int, *, before_id: int | None = None, limit: int = PAGE
) -> AuditPage:
    """What a user did, and what was done to the account, failed sign-ins under its name too.

    Raises:
        NotFound: no such user, or it is not the actor.
    """
    note("user", user_id)
    user = await tx.get(User, user_id)
    require(actor, Action.AUDIT_USER, owner_id=user.id if user else None, what="That user")
    if user is None:
        raise NotFound("That user")
    is_guess = and_(col(AuditLog.action) == Action.USER_LOGIN.value, col(AuditLog.user_id).is_(None))
    target = col(AuditLog.target_id)
    about = or_(and_(target == str(user_id), not_(is_guess)), and_(target == user.username, is_guess))
    to_them = and_(
        col(AuditLog.target_type) == "user",
        target.in_([str(user_id), user.username]),
        about,
        col(AuditLog.user_id).is_distinct_from(user_id),
        col(AuditLog.created_at) >= user.created_at,  # an id or a name may have been another's before
    )
    found = await _some(tx, col(AuditLog.user_id) == user_id, before_id, limit)
    found += await _some(tx, to_them, before_id, limit)
    return _page(sorted(found, key=lambda row: (row.created_at, row.id), reverse=True), actor, _bounded(limit))


@operation(Action.AUDIT_CONTAINER)
async def get_machine_logs(
    tx: Tx, actor: Actor, container_id: int, *, before_id: int | None = None, limit: int = PAGE
) -> AuditPage:
    """What was done to a container, and by whom. Strangers who found nothing there are not in it.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Forbidden: it is shared with the actor.
    """
    container = await visible(Action.AUDIT_CONTAINER, tx, actor, container_id)
    its_own = and_(
        col(AuditLog.target_type) == "container",
        col(AuditLog.target_id) == str(container_id),
        col(AuditLog.created_at) >= container.created_at,  # the id may have been another's before
        not_(col(AuditLog.message).startswith(f"{NotFound.code}:")),
    )
    return _page(await _some(tx, its_own, before_id, limit), actor, _bounded(limit))


@operation(Action.AUDIT_EXPORT)
async def begin_export(tx: Tx, actor: Actor, wanted: Wanted, form: str) -> None:
    """Let the actor have the rows as a file; services/audit_export.py then gives them."""
    require(actor, Action.AUDIT_EXPORT)
    asked = {name: str(value) for name in Wanted.__slots__ if (value := getattr(wanted, name)) not in (None, "")}
    note("audit", message=f"exported as {form}", asked=asked)


@operation(Action.AUDIT_VERIFY)
async def verify_chain(tx: Tx, actor: Actor) -> ChainReport:
    """Check every row against the chain. `tx` is a snapshot (`reading(snapshot=True)`); rows come in batches."""
    require(actor, Action.AUDIT_VERIFY)
    return await audit_chain.walk(tx)


@operation(Action.AUDIT_PRUNE)
async def prune(tx: Tx, actor: Actor) -> int:
    """Remove a batch of audit and AI usage rows that are older than Config keeps them; returns how many.

    The chain then begins after them. Rows go in the order of the chain, so an older one behind a younger one waits.
    """
    require(actor, Action.AUDIT_PRUNE)
    cutoff = await oldest_kept(tx)
    if cutoff is None:
        return 0
    end = await locked_chain(tx)
    query = select(AuditLog.id, AuditLog.hash, AuditLog.created_at).order_by(col(AuditLog.id)).limit(_PRUNED_AT_ONCE)
    doomed = list(takewhile(lambda row: row[2] < cutoff, (await tx.exec(query)).all()))
    if doomed:
        last_id, last_hash, _ = doomed[-1]
        await tx.exec(delete(AuditLog).where(col(AuditLog.id) <= last_id))
        if last_id >= end.first_id:
            end.first_id, end.before_first = last_id + 1, last_hash
            end.seal = seal_of(end)
        await tx.flush()
    usage = select(AIUsageLog.id).where(col(AIUsageLog.created_at) < cutoff).limit(_PRUNED_AT_ONCE)
    used = (await tx.exec(delete(AIUsageLog).where(col(AIUsageLog.id).in_(usage)))).rowcount
    note("audit", message=f"{len(doomed)} audit rows and {used} AI usage rows were older than {cutoff:%Y-%m-%d}")
    return len(doomed) + used


async def oldest_kept(tx: Tx) -> datetime | None:
    """Audit and AI usage rows from before go; None: all are kept for ever."""
    days = await value_of(tx, AUDIT_RETENTION_DAYS)
    return now() - timedelta(days=days) if days else None


async def is_anything_due(tx: Tx) -> bool:
    """Whether `prune` would find a row."""
    cutoff = await oldest_kept(tx)
    if cutoff is None:
        return False
    first = (await tx.exec(select(AuditLog.created_at).order_by(col(AuditLog.id)).limit(1))).first()
    usage = select(AIUsageLog.id).where(col(AIUsageLog.created_at) < cutoff).limit(1)
    return (first is not None and first < cutoff) or (await tx.exec(usage)).first() is not None


async def _some(tx: Tx, condition: ColumnElement[bool], before_id: int | None, limit: int) -> list[AuditLog]:
    return await newest_of(tx, [condition], before_id=before_id, limit=_bounded(limit) + 1)


def _bounded(limit: int) -> int:
    return max(1, min(limit, _MOST))


def _page(rows: list[AuditLog], actor: Actor, limit: int) -> AuditPage:
    shown = [_view(row, actor) for row in rows[:limit]]
    return AuditPage(shown, shown[-1].id if len(rows) > limit else None)


def _view(row: AuditLog, actor: Actor) -> AuditView:
    """Where somebody else sat is theirs to know; where a stranger guessed at a name, is for the one it belongs to."""
    is_theirs = actor.is_superuser or row.user_id in (None, actor.user_id)
    return AuditView(
        id=row.id,
        at=row.created_at,
        user_id=row.user_id,
        actor_name=row.actor_name,
        action=row.action,
        target_type=row.target_type,
        target_id=row.target_id,
        message=row.message,
        details=row.details if is_theirs else {},
        ip=row.ip if is_theirs else "",
        user_agent=row.user_agent if is_theirs else "",
        via=row.via,
        success=row.success,
        erased=row.erased_at is not None,
    )
