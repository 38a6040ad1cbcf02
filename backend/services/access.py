"""Whose containers a person sees beside their own, in what role, and who sees a container.

A share is the whole of what somebody else may do: being an admin of a team adds nothing to it (ADR-0013).
"""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import ColumnElement, false
from sqlmodel import col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.db import Tx
from backend.models import Container, ContainerShare, Team, TeamMembership, User
from backend.rules.policy import Action, Actor, Role, allowed, highest
from backend.services.views import ContainerView


def visible_containers_for(person: Actor) -> ColumnElement[bool]:
    """The condition on Container that holds for what is the person's own or shared with them."""
    shared = select(ContainerShare.container_id).where(_reaches(person.user_id))
    return or_(col(Container.user_id) == person.user_id, col(Container.id).in_(shared))


async def can_view_container(tx: Tx, person: Actor, container_id: int) -> bool:
    """Whether the container is the person's own or shared with them."""
    query = select(Container.id).where(Container.id == container_id, visible_containers_for(person))
    return (await tx.exec(query)).first() is not None


async def role_of(tx: Tx, person: Actor, container: Container) -> Role | None:
    """The person's role in somebody's container: the highest of all the ways it is shared with them."""
    query = select(ContainerShare.role).where(ContainerShare.container_id == container.id, _reaches(person.user_id))
    return highest(Role(each) for each in (await tx.exec(query)).all())


async def as_seen_by(tx: Tx, person: Actor, views: list[ContainerView]) -> list[ContainerView]:
    """These views with what the person may do, and with whom the containers are shared where they may know that."""
    ways = await _ways_to(tx, person, {view.id for view in views if view.user_id != person.user_id})
    seen = [_as_seen(view, person, ways.get(view.id, [])) for view in views]
    shared = await _shared_with(tx, {view.id for view in seen if Action.SHARE_LIST in view.allowed})
    return [replace(view, shared_with=tuple(shared.get(view.id, ()))) for view in seen]


async def seen_by(tx: Tx, container_ids: Iterable[int]) -> set[int]:
    """Everybody these containers are shared with; not their owners."""
    wanted = col(ContainerShare.container_id).in_(set(container_ids))
    alone = select(ContainerShare.user_id).where(wanted, col(ContainerShare.user_id).is_not(None))
    together = select(TeamMembership.user_id).join(
        ContainerShare, col(ContainerShare.team_id) == col(TeamMembership.team_id)
    )
    together = together.where(wanted, col(TeamMembership.active))
    return {each for query in (alone, together) for each in (await tx.exec(query)).all() if each is not None}


async def members_of(tx: Tx, team_id: int) -> set[int]:
    """Who is actively in the team."""
    query = select(TeamMembership.user_id).where(TeamMembership.team_id == team_id, col(TeamMembership.active))
    return set((await tx.exec(query)).all())


def _reaches(user_id: int | None) -> ColumnElement[bool]:
    """The condition on ContainerShare: it is with this user, or with a team that they are actively in."""
    if user_id is None:
        return false()  # nobody: NULL would match every share with a team
    teams: SelectOfScalar[int] = select(TeamMembership.team_id).where(
        TeamMembership.user_id == user_id, col(TeamMembership.active)
    )
    return or_(col(ContainerShare.user_id) == user_id, col(ContainerShare.team_id).in_(teams))


async def _ways_to(tx: Tx, person: Actor, container_ids: set[int]) -> dict[int, list[ContainerShare]]:
    """The shares that reach the person, by the container's id."""
    if not container_ids:
        return {}
    query = select(ContainerShare).where(col(ContainerShare.container_id).in_(container_ids), _reaches(person.user_id))
    found: dict[int, list[ContainerShare]] = {}
    for share in (await tx.exec(query)).all():
        found.setdefault(share.container_id, []).append(share)
    return found


def _as_seen(view: ContainerView, person: Actor, ways: list[ContainerShare]) -> ContainerView:
    role = highest(Role(each.role) for each in ways)
    may = allowed(person, owner_id=view.user_id, role=role)
    if all(each.user_id is None for each in ways):
        may -= {Action.SHARE_LEAVE}  # there is nothing to leave: it is their own, or comes through a team
    return replace(view, is_mine=view.user_id == person.user_id, role=role, allowed=may)


async def _shared_with(tx: Tx, container_ids: set[int]) -> dict[int, list[str]]:
    """The names of the teams and people that each of these containers is shared with, teams first."""
    if not container_ids:
        return {}
    query = (
        select(ContainerShare.container_id, Team.name, User.username)
        .select_from(ContainerShare)
        .join(Team, col(Team.id) == col(ContainerShare.team_id), isouter=True)
        .join(User, col(User.id) == col(ContainerShare.user_id), isouter=True)
        .where(col(ContainerShare.container_id).in_(container_ids))
        .order_by(col(ContainerShare.team_id).is_(None), col(ContainerShare.id))
    )
    found: dict[int, list[str]] = {}
    for container_id, team, person in (await tx.exec(query)).all():
        found.setdefault(container_id, []).append(team or person)
    return found
