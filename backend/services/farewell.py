"""Leaving: take one's data along, and have the account and all that belongs to it removed.

A deletion is a wish like any other: containers are wished away, and the account goes when the last one is gone.
"""

from typing import Any

from sqlalchemy import exists
from sqlmodel import SQLModel, col, delete, select, update

from backend.audit import erase_person, locked_chain
from backend.db import Tx
from backend.errors import Conflict
from backend.events.durable import forget
from backend.models import AIUsageLog, AuditLog, Container, Invitation, LoginThrottle, Team, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules.policy import Action, Actor
from backend.services import containers, sessions
from backend.services.identity import check_password
from backend.services.personal_data import HOLDINGS, Holding
from backend.services.quotas import locked_quota
from backend.services.users import locked_admin


@operation(Action.ACCOUNT_EXPORT)
async def export_my_data(tx: Tx, actor: Actor) -> dict[str, Any]:
    """Everything that is kept about the actor, by table, as JSON can say it; no secrets and no hashes."""
    require(actor, Action.ACCOUNT_EXPORT)
    note("user", actor.user_id)
    found: dict[str, Any] = {"exported_at": now().isoformat()}
    for holding in HOLDINGS:
        query = select(holding.table).where(holding.mine(actor.person_id))
        rows = (await tx.exec(query)).all()
        found[holding.name] = [_exported(holding, row, actor) for row in rows]
    return found


@operation(Action.ACCOUNT_DELETE)
async def delete_my_account(tx: Tx, actor: Actor, password: str) -> None:
    """Ask for the actor's own account to be removed. All sessions end; it can't be taken back.

    Raises:
        BadCredentials: that is not their password.
        Conflict: they own teams, or are the last administrator.
    """
    require(actor, Action.ACCOUNT_DELETE)
    note("user", actor.user_id)
    user = await locked_admin(tx, actor.person_id, "deleted")
    await check_password(tx, user, password)
    await _begin(tx, actor, user)


@operation(Action.USER_DELETE)
async def delete_user(tx: Tx, actor: Actor, user_id: int) -> None:
    """Ask for a user to be removed, with all that is theirs. They are out at once; it can't be taken back.

    Raises:
        NotFound: no such user.
        Conflict: they own teams, or are the last administrator.
    """
    require(actor, Action.USER_DELETE)
    note("user", user_id)
    await _begin(tx, actor, await locked_admin(tx, user_id, "deleted"))


@operation(Action.USER_ERASE)
async def erase_user(tx: Tx, actor: Actor, user_id: int) -> bool:
    """Remove what is left of a user whose deletion was asked for. False: something has to go, or be done, first.

    Rows of the audit log stay, as links of its chain, without what was personal in them (models/audit.py).
    """
    require(actor, Action.USER_ERASE)
    user = await tx.get(User, user_id, with_for_update=True, populate_existing=True)
    if user is None or user.delete_requested_at is None:
        return False
    if await _wish_away(tx, actor, user_id) or await _teams_of(tx, user_id):
        return False
    await locked_chain(tx)  # before the user's row goes, which rows of the log refer to
    await erase_person(tx, user_id)
    await tx.exec(update(AIUsageLog).where(col(AIUsageLog.user_id) == user_id).values(query="", response=""))
    await tx.exec(update(Invitation).where(col(Invitation.accepted_by_id) == user_id).values(email=""))
    await tx.exec(delete(LoginThrottle).where(col(LoginThrottle.key) == f"name:{user.username.lower()}"))
    await tx.exec(delete(User).where(col(User.id) == user_id))
    await forget(tx, user_id)
    note("user", user_id)
    return True


async def leaving(tx: Tx) -> list[int]:
    """The users whose deletion was asked for, and for whom `erase_user` has something to do now."""
    has_container = exists().where(col(Container.user_id) == User.id)
    is_kept = has_container.where(col(Container.delete_requested_at).is_(None))
    owns_team = exists().where(col(Team.owner_id) == User.id)
    query = select(User.id).where(col(User.delete_requested_at).is_not(None), is_kept | ~(has_container | owns_team))
    return list((await tx.exec(query)).all())


def _exported(holding: Holding, row: SQLModel, actor: Actor) -> dict[str, Any]:
    hidden = {*holding.hidden}
    if isinstance(row, AuditLog) and row.user_id != actor.user_id:
        hidden |= {"actor_name", "ip", "user_agent"}  # of whoever did it to them
    spelled = {name: spell(getattr(row, name)) for name, spell in holding.spelled.items()}
    return row.model_dump(mode="json", exclude=hidden | {*spelled}) | spelled


async def _begin(tx: Tx, actor: Actor, user: User) -> None:
    user_id = user.id
    if teams := await _teams_of(tx, user_id):
        listed = ", ".join(f"“{name}”" for name in teams)
        whose = "You own" if actor.user_id == user_id else "They own"
        raise Conflict(f"{whose} {listed}. Hand over or delete what is owned first: others depend on it.")
    await locked_quota(tx, user_id)
    await _wish_away(tx, actor, user_id)
    user.is_active = False
    user.delete_requested_at = user.delete_requested_at or now()
    await sessions.shut_out(tx, user_id)


async def _wish_away(tx: Tx, actor: Actor, user_id: int) -> bool:
    """Ask for all of the user's containers to be deleted. Returns whether there are any still."""
    rows = select(Container.id, Container.delete_requested_at).where(Container.user_id == user_id)
    # Locked: a warm machine that is claimed meanwhile is its new owner's.
    found = (await tx.exec(rows.order_by(col(Container.id)).with_for_update())).all()
    for container_id, asked_at in found:
        if asked_at is None:
            await containers.delete(tx, actor, container_id)
    return bool(found)


async def _teams_of(tx: Tx, user_id: int) -> list[str]:
    return list((await tx.exec(select(Team.name).where(Team.owner_id == user_id).order_by(Team.name))).all())
