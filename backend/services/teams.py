"""Teams: who is in them, and who runs them. The owner always has an admin membership.

Who is removed is gone: the row goes. Who is in a team that is made inactive keeps an inactive membership, which
gives nothing; when the team is made active again, the owner's is, and every other stays inactive until an admin
makes it active: nobody comes back without somebody wanting it.
"""

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, func, select, update

from backend.db import Tx
from backend.errors import Conflict, Invalid
from backend.events.bus import AccessChanged, announce
from backend.models import Container, ContainerShare, Team, TeamMembership, User
from backend.operation import note, operation, require
from backend.rules import names
from backend.rules.notices import Notice
from backend.rules.policy import Action, Actor, TeamRole, Via
from backend.services.access import members_of
from backend.services.inbox import tell
from backend.services.team_views import shown, team_for
from backend.services.views import TeamView

_MAX_OWNED = 20
_MAX_PEOPLE = 200


@operation(Action.TEAM_CREATE)
async def create_team(
    tx: Tx, actor: Actor, *, name: str, description: str = "", owner_id: int | None = None
) -> TeamView:
    """Make a team; the actor owns it (a superuser may say who does).

    Raises:
        Invalid, Conflict: the name is out of bounds or taken, or there are too many of theirs.
    """
    require(actor, Action.TEAM_CREATE)
    owner = owner_id if owner_id is not None and actor.is_superuser else actor.user_id
    if owner is None or await tx.get(User, owner, with_for_update=True) is None:
        raise Invalid("Choose who owns the team.", field="owner_id")
    owned = (await tx.exec(select(func.count()).where(Team.owner_id == owner))).one()
    if owned >= _MAX_OWNED:
        raise Conflict(f"{_MAX_OWNED} teams are the most that one may own. Delete one, or hand one over.")
    team = Team(name=await _free_name(tx, name), description=_description(description), owner_id=owner)
    await _save(tx, team)
    note("team", team.id, team.name)
    return await shown(tx, actor, team.id)


@operation(Action.TEAM_UPDATE)
async def update_team(
    tx: Tx,
    actor: Actor,
    team_id: int,
    *,
    name: str | None = None,
    description: str | None = None,
    owner_id: int | None = None,
    active: bool | None = None,
) -> TeamView:
    """Change what is given and differs. A new owner or another activity are operations of their own, with their rules.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to change.
        Invalid, Conflict: a name out of bounds or taken; as hand_over and set_team_active.
    """
    team = await team_for(tx, actor, Action.TEAM_UPDATE, team_id, locks=True)
    if name is not None and name != team.name:
        team.name = await _free_name(tx, name, team_id)
    if description is not None:
        team.description = _description(description)
    await _save(tx, team)
    note(message=team.name)
    if owner_id is not None and owner_id != team.owner_id:
        await hand_over(tx, actor, team_id, owner_id)
    if active is not None and active is not team.active:
        await set_team_active(tx, actor, team_id, active)
    return await shown(tx, actor, team_id)


@operation(Action.TEAM_SET_ACTIVE)
async def set_team_active(tx: Tx, actor: Actor, team_id: int, active: bool) -> None:
    """Make the team inactive, and all its memberships with it; or active again, with the owner alone.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to change.
    """
    team = await team_for(tx, actor, Action.TEAM_SET_ACTIVE, team_id, locks=True)
    note(message=f"{team.name} {'active' if active else 'inactive'}")
    concerned = await members_of(tx, team_id) | {team.owner_id}
    team.active = active
    if not active:
        await tx.exec(update(TeamMembership).where(col(TeamMembership.team_id) == team_id).values(active=False))
    await _save(tx, team)
    announce(tx, AccessChanged(sorted(concerned)))


@operation(Action.TEAM_HAND_OVER)
async def hand_over(tx: Tx, actor: Actor, team_id: int, user_id: int) -> None:
    """Make another active member the owner. Who owned it stays in it, as an admin.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to hand over.
        Conflict: the other is not actively in the team, or owns too many.
    """
    team = await team_for(tx, actor, Action.TEAM_HAND_OVER, team_id, locks=True)
    heir = await _membership(tx, team_id, user_id)
    if heir is None or not heir.active:
        raise Conflict("Hand it over to somebody who is actively in the team. Add them first.")
    note(message=f"{team.name} to user {user_id}", from_user_id=team.owner_id)
    team.owner_id = user_id
    await _save(tx, team)


@operation(Action.TEAM_DELETE)
async def delete_team(tx: Tx, actor: Actor, team_id: int) -> None:
    """Delete the team. What was shared with it stays its owners' alone.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to delete.
    """
    team = await team_for(tx, actor, Action.TEAM_DELETE, team_id, locks=True)
    note(message=team.name)
    owners = select(Container.user_id).join(ContainerShare).where(ContainerShare.team_id == team_id)
    concerned = {team.owner_id, *await members_of(tx, team_id), *(await tx.exec(owners)).all()}
    await tx.delete(team)
    announce(tx, AccessChanged(sorted(concerned)))


@operation(Action.TEAM_ADD_MEMBER)
async def add_member(
    tx: Tx,
    actor: Actor,
    team_id: int,
    *,
    user_id: int | None = None,
    username: str = "",
    role: str = TeamRole.MEMBER,
) -> None:
    """Put a user into the team, by id or by name; also who is in it inactively. For an invitation: as SYSTEM.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to add to.
        Invalid: no such user or role.
        Conflict: the team is not active or full, or they are in it.
    """
    team = await team_for(tx, actor, Action.TEAM_ADD_MEMBER, team_id, locks=True)
    given = _role(role)
    user = await _user(tx, user_id, username)
    if not team.active:
        raise Conflict(f"The team “{team.name}” is not active. Make it active first.")
    known = await _membership(tx, team_id, user.id)
    if known is not None and known.active:
        raise Conflict("They are in the team already.")
    if len(await members_of(tx, team_id)) >= _MAX_PEOPLE:
        raise Conflict(f"A team has {_MAX_PEOPLE} people at most.")
    row = known or TeamMembership(team_id=team_id, user_id=user.id)
    row.role, row.active = given, True
    tx.add(row)
    note(message=f"user {user.id} into {team.name} as {given}")
    await _save(tx, team)
    if user.id != actor.user_id:
        by = "You joined" if actor.via is Via.SYSTEM else f"{actor.username} added you to"
        title = f"{by} the team “{team.name}”"
        await tell(tx, user.id, Notice.TEAM_JOINED, title, f"You are its {given}.", link=f"/teams/{team_id}")


@operation(Action.TEAM_CHANGE_MEMBER)
async def change_member(
    tx: Tx, actor: Actor, team_id: int, user_id: int, *, role: str | None = None, active: bool | None = None
) -> None:
    """Make a member an admin or the other way round, or their membership inactive or active again.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to change.
        Conflict: it is the owner, or the team is not active.
    """
    team = await team_for(tx, actor, Action.TEAM_CHANGE_MEMBER, team_id, locks=True)
    row = await _other_than_owner(tx, team, user_id)
    if active and not team.active:
        raise Conflict(f"The team “{team.name}” is not active. Make it active first.")
    row.role = _role(role) if role is not None else row.role
    row.active = row.active if active is None else active
    note(message=f"user {user_id} of {team.name}: {row.role}, {'active' if row.active else 'inactive'}")
    await _save(tx, team)
    announce(tx, AccessChanged([user_id]))


@operation(Action.TEAM_REMOVE_MEMBER)
async def remove_member(tx: Tx, actor: Actor, team_id: int, user_id: int) -> None:
    """Take somebody out of the team: what is shared with it is out of their sight at once.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to remove from.
        Conflict: it is the owner.
    """
    team = await team_for(tx, actor, Action.TEAM_REMOVE_MEMBER, team_id, locks=True)
    note(message=f"user {user_id} out of {team.name}")
    await _take_out(tx, team, user_id)


@operation(Action.TEAM_LEAVE)
async def leave_team(tx: Tx, actor: Actor, team_id: int) -> None:
    """Leave the team.

    Raises:
        NotFound: the actor is not in it.
        Conflict: the actor owns it.
    """
    team = await team_for(tx, actor, Action.TEAM_LEAVE, team_id, locks=True)
    note(message=team.name)
    await _take_out(tx, team, actor.person_id)


async def _save(tx: Tx, team: Team) -> None:
    """Write the team, see to its owner's admin membership, and tell everybody in it."""
    tx.add(team)
    try:
        await tx.flush()
    except IntegrityError as fault:
        raise Conflict("There is a team of that name already. Choose another name.") from fault
    row = await _membership(tx, team.id, team.owner_id)
    row = row or TeamMembership(team_id=team.id, user_id=team.owner_id)
    row.role, row.active = TeamRole.ADMIN, team.active
    tx.add(row)
    await tx.flush()
    announce(tx, AccessChanged(sorted({team.owner_id, *await members_of(tx, team.id)})))


async def _membership(tx: Tx, team_id: int, user_id: int) -> TeamMembership | None:
    query = select(TeamMembership).where(TeamMembership.team_id == team_id, TeamMembership.user_id == user_id)
    return (await tx.exec(query.execution_options(populate_existing=True))).first()


async def _other_than_owner(tx: Tx, team: Team, user_id: int) -> TeamMembership:
    if user_id == team.owner_id:
        raise Conflict(f"The owner of “{team.name}” stays its admin. Hand the team over to another member first.")
    row = await _membership(tx, team.id, user_id)
    if row is None:
        raise Conflict(f"They are not in “{team.name}”.")
    return row


async def _take_out(tx: Tx, team: Team, user_id: int) -> None:
    row = await _other_than_owner(tx, team, user_id)
    await tx.delete(row)
    await _save(tx, team)
    announce(tx, AccessChanged([user_id]))


async def _user(tx: Tx, user_id: int | None, username: str) -> User:
    name = username.strip()[:64]
    by = User.id == user_id if user_id is not None else func.lower(User.username) == name.lower()
    found = (await tx.exec(select(User).where(by, col(User.is_active)))).first()
    if found is None:
        what = f"There is nobody named “{name}” here." if name else "Say whom to add: a user name."
        raise Invalid(what, field="username")
    return found


def _role(raw: str) -> TeamRole:
    try:
        return TeamRole(raw)
    except ValueError as fault:
        raise Invalid("Choose what they are in the team: member or admin.", field="role") from fault


async def _free_name(tx: Tx, raw: str, team_id: int = 0) -> str:
    name = names.team_name(raw)
    query = select(Team.id).where(func.lower(Team.name) == name.lower(), Team.id != team_id)
    if (await tx.exec(query)).first() is not None:
        raise Conflict(f"There is a team named “{name}” already. Choose another name.")
    return name


def _description(raw: str) -> str:
    said = " ".join(raw.split())
    if len(said) > 300 or not said.isprintable():
        raise Invalid(f"Use at most 300 characters for the description; these are {len(said)}.", field="description")
    return said
