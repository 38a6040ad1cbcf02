"""What people see of teams, and the one way from a team's id to its row."""

from sqlmodel import col, func, or_, select

from backend.db import Tx
from backend.errors import NotFound
from backend.models import Container, ContainerShare, Team, TeamMembership, User
from backend.operation import note, operation, require
from backend.rules.policy import Action, Actor, Role, TeamRole, allowed
from backend.services.views import MemberView, TeamPageView, TeamShareView, TeamView


@operation(Action.TEAM_LIST)
async def list_teams(tx: Tx, actor: Actor) -> list[TeamView]:
    """The teams that the actor owns or is actively in, by name."""
    require(actor, Action.TEAM_LIST)
    mine = or_(Team.owner_id == actor.user_id, col(TeamMembership.id).is_not(None))
    rows = await tx.exec(_with_surroundings(actor).where(mine).order_by(func.lower(Team.name)))
    return [_view(actor, *row) for row in rows.all()]


@operation(Action.TEAM_READ)
async def get_team(tx: Tx, actor: Actor, team_id: int) -> TeamPageView:
    """One team: who is in it, the owner first, and what is shared with it.

    Raises:
        NotFound: no such team, or the actor is not in it.
    """
    await team_for(tx, actor, Action.TEAM_READ, team_id)
    team = await shown(tx, actor, team_id)
    people = await _members(tx, team, with_inactive=Action.TEAM_CHANGE_MEMBER in team.allowed)
    return TeamPageView(team, tuple(people), tuple(await _shares(tx, team_id)))


async def team_for(tx: Tx, person: Actor, action: Action, team_id: int, *, locks: bool = False) -> Team:
    """The team, if the person may do this. `locks`: who may is read behind the lock, so that changes take turns.

    Raises:
        NotFound: no such team, or they are not actively in it.
        Forbidden: their role does not reach so far.
    """
    note("team", team_id)
    team = await tx.get(Team, team_id, with_for_update=locks, populate_existing=locks)
    role = await role_in(tx, team_id, person.user_id) if team is not None else None
    require(person, action, owner_id=team.owner_id if team else None, role=role, what="That team")
    if team is None:
        raise NotFound("That team")
    return team


async def shown(tx: Tx, person: Actor, team_id: int) -> TeamView:
    """The team as the person sees it, who was let see it."""
    return _view(person, *(await tx.exec(_with_surroundings(person).where(Team.id == team_id))).one())


async def role_in(tx: Tx, team_id: int, user_id: int | None) -> TeamRole | None:
    """What the user is in the team now; None where they are not actively in it."""
    query = select(TeamMembership.role).where(
        TeamMembership.team_id == team_id, TeamMembership.user_id == user_id, col(TeamMembership.active)
    )
    found = (await tx.exec(query)).first()
    return TeamRole(found) if found is not None else None


async def _members(tx: Tx, team: TeamView, *, with_inactive: bool) -> list[MemberView]:
    query = (
        select(TeamMembership, User.username)
        .join(User, col(User.id) == col(TeamMembership.user_id))
        .where(TeamMembership.team_id == team.id)
        .order_by(func.lower(User.username))
    )
    rows = [
        MemberView(row.user_id, name, TeamRole(row.role), row.active, row.user_id == team.owner_id, row.created_at)
        for row, name in (await tx.exec(query)).all()
        if row.active or with_inactive
    ]
    return sorted(rows, key=lambda each: not each.is_owner)


async def _shares(tx: Tx, team_id: int) -> list[TeamShareView]:
    query = (
        select(ContainerShare, Container, User.username)
        .join(Container, col(Container.id) == col(ContainerShare.container_id))
        .join(User, col(User.id) == col(Container.user_id))
        .where(ContainerShare.team_id == team_id)
        .order_by(col(Container.name), col(Container.id))
    )
    return [
        TeamShareView(share.id, box.id, box.name, box.user_id, owner, Role(share.role))
        for share, box, owner in (await tx.exec(query)).all()
    ]


def _with_surroundings(person: Actor):  # a query's type would say less than the query
    """Teams with their owner's name, the person's active membership if there is one, and how many are in each."""
    in_it = select(TeamMembership.team_id, func.count().label("people")).where(col(TeamMembership.active))
    people = in_it.group_by(col(TeamMembership.team_id)).subquery()
    return (
        select(Team, User.username, TeamMembership.role, func.coalesce(people.c.people, 0))
        .join(User, col(User.id) == col(Team.owner_id))
        .join(
            TeamMembership,
            (col(TeamMembership.team_id) == col(Team.id))
            & (col(TeamMembership.user_id) == person.user_id)
            & col(TeamMembership.active),
            isouter=True,
        )
        .join(people, people.c.team_id == Team.id, isouter=True)
    )


def _view(person: Actor, team: Team, owner: str, raw_role: str | None, people: int) -> TeamView:
    role = TeamRole(raw_role) if raw_role is not None else None
    return TeamView(
        id=team.id,
        name=team.name,
        description=team.description,
        owner_id=team.owner_id,
        owner=owner,
        active=team.active,
        created_at=team.created_at,
        people=people,
        role=role,
        allowed=allowed(person, owner_id=team.owner_id, role=role),
    )
