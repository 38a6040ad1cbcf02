"""Links that let their holder make an account, join a team, or both: good once, for a week."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select

from backend.db import Tx
from backend.errors import Conflict, Invalid, InvitationSpent, NotFound
from backend.models import AuditLog, Invitation, Team, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules import names
from backend.rules.config_keys import PUBLIC_URL
from backend.rules.policy import SYSTEM, Action, Actor, TeamRole, Verdict, judge
from backend.services import mail, teams
from backend.services.config import value_of
from backend.services.team_views import role_in, team_for
from backend.settings import settings

LASTS = timedelta(days=7)
_MOST = 100
"""Open invitations of one person; and how many, taken back or not, are made in a day: each may be a letter."""


@dataclass(frozen=True, slots=True)
class Invited:
    """A new invitation. The link is shown, or sent, this once."""

    id: int
    link: str
    email: str
    team_name: str
    by: str


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation as who made it, or who holds its link, sees it."""

    id: int
    email: str
    team_id: int | None
    team_name: str
    role: str
    by: str
    created_at: datetime
    expires_at: datetime


@operation(Action.INVITATION_CREATE)
async def invite(
    tx: Tx, actor: Actor, *, email: str = "", team_id: int | None = None, role: str = TeamRole.MEMBER
) -> Invited:
    """Make an invitation: into a team by its admins, and without one by administrators. `deliver` sends it.

    Raises:
        Invalid: that is no address, or no role.
        NotFound, Forbidden: not the actor's to invite to.
        Conflict: too many are open.
    """
    if team_id is None:
        require(actor, Action.INVITATION_CREATE, what="That page")
        team = None
    else:
        team = await team_for(tx, actor, Action.INVITATION_CREATE, team_id)
    if role not in list(TeamRole):
        raise Invalid("Choose what they become: member or admin.", field="role")
    mine = select(func.count()).where(Invitation.invited_by_id == actor.user_id, *_is_open())
    if (await tx.exec(mine)).one() >= _MOST:
        raise Conflict(f"{_MOST} invitations of yours are open. Take some back first.")
    if await _made_in_a_day(tx, actor) >= _MOST:
        raise Conflict(f"You have made {_MOST} invitations within a day. Go on tomorrow.")
    token = secrets.token_urlsafe(32)
    row = Invitation(
        token_hash=_digest(token),
        email=names.email(email),
        team_id=team_id,
        team_role=role,
        invited_by_id=actor.user_id,
        expires_at=now() + LASTS,
    )
    tx.add(row)
    await tx.flush()
    note("invitation", row.id, team_id=team_id, role=role)
    home = await value_of(tx, PUBLIC_URL) or settings().origins[-1]
    link = f"{home.rstrip('/')}/join/{token}"
    return Invited(row.id, link, row.email, team.name if team else "", actor.username)


async def deliver(invited: Invited) -> bool:
    """Send the link to whom it is for. False: no address, or no mail server: then the inviter passes it on.

    Raises:
        Unavailable: the mail server did not take it.
    """
    if not invited.email:
        return False
    what = f"join the team “{invited.team_name}”" if invited.team_name else "make an account"
    text = (
        f"{invited.by} invites you to {what} at Pequeroku: real virtual machines in your browser.\n\n"
        f"{invited.link}\n\n"
        f"The link is good once, for {LASTS.days} days. If you did not expect it, there is nothing to do.\n"
    )
    return await mail.send(invited.email, f"An invitation to {what}", text)


@operation(Action.INVITATION_LIST)
async def list_invitations(tx: Tx, actor: Actor, *, team_id: int | None = None) -> list[InvitationView]:
    """The actor's own open invitations, newest first; of one team where it is named."""
    require(actor, Action.INVITATION_LIST)
    query = _open().where(Invitation.invited_by_id == actor.user_id).order_by(col(Invitation.id).desc())
    if team_id is not None:
        query = query.where(Invitation.team_id == team_id)
    return [_view(*row) for row in (await tx.exec(query)).all()]


@operation(Action.INVITATION_REVOKE)
async def revoke_invitation(tx: Tx, actor: Actor, invitation_id: int) -> None:
    """Take an invitation back.

    Raises:
        NotFound: no such open invitation, or somebody else's.
    """
    note("invitation", invitation_id)
    row = await tx.get(Invitation, invitation_id, with_for_update=True)
    is_open = row is not None and row.accepted_at is None
    require(
        actor,
        Action.INVITATION_REVOKE,
        owner_id=row.invited_by_id if row is not None and is_open else None,
        what="That invitation",
    )
    if row is None or not is_open:
        raise NotFound("That invitation")
    await tx.delete(row)


@operation(Action.INVITATION_READ)
async def read_invitation(tx: Tx, actor: Actor, token: str) -> InvitationView:
    """What the holder of a link is invited to.

    Raises:
        Conflict: it is none, or was used or taken back, or is too old.
    """
    require(actor, Action.INVITATION_READ)
    found = (await tx.exec(_open().where(Invitation.token_hash == _digest(token)))).first()
    if found is None:
        raise InvitationSpent
    return _view(*found)


@operation(Action.INVITATION_ACCEPT)
async def accept(tx: Tx, actor: Actor, token: str) -> int:
    """Join the team that the link invites to; returns it.

    Raises:
        Conflict: the link is not good, is no team's, or the actor is in the team already.
    """
    require(actor, Action.INVITATION_ACCEPT)
    row = await take(tx, token, for_user_id=actor.person_id)
    if row.team_id is None:
        raise Conflict("You have an account already: pass the link on to who has none.")
    return row.team_id


async def take(tx: Tx, token: str, *, for_user_id: int) -> Invitation:
    """Use the link up for a user, with all that it gives.

    Raises:
        Conflict: it is not good, or who made it may not invite any more.
    """
    query = select(Invitation).where(Invitation.token_hash == _digest(token)).with_for_update()
    row = (await tx.exec(query)).first()
    if row is None or row.accepted_at is not None or row.expires_at <= now() or not await _still_holds(tx, row):
        raise InvitationSpent
    row.accepted_at, row.accepted_by_id = now(), for_user_id
    note("invitation", row.id, invitation_id=row.id)
    if row.team_id is not None:
        await teams.add_member(tx, SYSTEM, row.team_id, user_id=for_user_id, role=row.team_role)
    return row


async def _made_in_a_day(tx: Tx, actor: Actor) -> int:
    """By the audit log, which has those too that were taken back."""
    mine = (AuditLog.user_id == actor.user_id, AuditLog.action == Action.INVITATION_CREATE, col(AuditLog.success))
    query = select(func.count()).where(*mine, col(AuditLog.created_at) >= now() - timedelta(days=1))
    return (await tx.exec(query)).one() if actor.user_id is not None else 0


async def _still_holds(tx: Tx, row: Invitation) -> bool:
    """Whether who made it may still invite: who was shut out, or left the team, left no doors open."""
    if row.invited_by_id is None:
        return True  # from the command line
    inviter = await tx.get(User, row.invited_by_id)
    if inviter is None or not inviter.is_active:
        return False
    team = await tx.get(Team, row.team_id) if row.team_id is not None else None
    role = await role_in(tx, row.team_id, inviter.id) if row.team_id is not None else None
    actor = Actor(inviter.id, inviter.username, inviter.is_superuser)
    verdict = judge(actor, Action.INVITATION_CREATE, owner_id=team.owner_id if team else None, role=role)
    return verdict is Verdict.ALLOW


def _open():  # a query's type would say less than the query
    query = select(Invitation, Team.name, User.username).select_from(Invitation)
    query = query.join(Team, col(Team.id) == col(Invitation.team_id), isouter=True)
    query = query.join(User, col(User.id) == col(Invitation.invited_by_id), isouter=True)
    return query.where(*_is_open())


def _is_open() -> tuple[ColumnElement[bool], ...]:
    return col(Invitation.accepted_at).is_(None), col(Invitation.expires_at) > now()


def _digest(token: str) -> str:
    return sha256(token.encode(errors="replace")).hexdigest()


def _view(row: Invitation, team_name: str | None, by: str | None) -> InvitationView:
    return InvitationView(
        id=row.id,
        email=row.email,
        team_id=row.team_id,
        team_name=team_name or "",
        role=row.team_role,
        by=by or "",
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
