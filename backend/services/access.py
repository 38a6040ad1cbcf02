"""Whose containers a person sees beside their own, in what role, and who sees a container.

A share is the whole of what somebody else may do: being an admin of a team adds nothing to it (ADR-0013).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import ColumnElement, bindparam, false
from sqlmodel import col, func, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.db import Tx
from backend.models import Container, ContainerShare, Team, TeamMembership, User
from backend.rules.policy import Action, Actor, Role, allowed, highest


def visible_containers_for(person: Actor) -> ColumnElement[bool]:
    """The condition on Container that holds for what is the person's own or shared with them."""
    return or_(col(Container.user_id) == person.user_id, col(Container.id).in_(shared_with(person)))


def shared_with(person: Actor) -> SelectOfScalar[int]:
    """The query for the ids of what is shared with them."""
    return select(ContainerShare.container_id).where(_reaches(person.user_id))


async def can_view_container(tx: Tx, person: Actor, container_id: int) -> bool:
    """Whether the container is the person's own or shared with them."""
    query = select(Container.id).where(Container.id == container_id, visible_containers_for(person))
    return (await tx.exec(query)).first() is not None


async def count_visible(tx: Tx, person: Actor) -> int:
    """How many containers are the person's own or shared with them."""
    return (await tx.exec(select(func.count()).select_from(Container).where(visible_containers_for(person)))).one()


async def role_of(tx: Tx, person: Actor, container: Container) -> Role | None:
    """The person's role in somebody's container: the highest of all the ways it is shared with them."""
    query = select(ContainerShare.role).where(ContainerShare.container_id == container.id, _reaches(person.user_id))
    return highest(Role(each) for each in (await tx.exec(query)).all())


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person is to a container."""

    is_mine: bool
    role: Role | None
    """In somebody else's container."""
    allowed: frozenset[Action]
    """All that they may do with it."""
    shared_with: tuple[str, ...]
    """Teams and people, for whoever may know that."""


async def standings(tx: Tx, person: Actor, owners: Mapping[int, int]) -> dict[int, Standing]:
    """What the person is to these containers, given with their owners."""
    ways = await _ways_to(tx, person, {each for each, owner_id in owners.items() if owner_id != person.user_id})
    unshared = {owner_id: _standing(owner_id, person, []) for owner_id in set(owners.values())}
    seen = {
        each: _standing(owner_id, person, ways[each]) if each in ways else unshared[owner_id]
        for each, owner_id in owners.items()
    }
    shared = await _shared_with(tx, {each for each, (_, may) in seen.items() if Action.SHARE_LIST in may})
    return {
        each: Standing(owners[each] == person.user_id, role, may, tuple(shared.get(each, ())))
        for each, (role, may) in seen.items()
    }


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


def _standing(owner_id: int, person: Actor, ways: list[ContainerShare]) -> tuple[Role | None, frozenset[Action]]:
    """The person's role in a container, and all that they may do with it."""
    role = highest(Role(each.role) for each in ways)
    may = allowed(person, owner_id=owner_id, role=role)
    if all(each.user_id is None for each in ways):
        may -= {Action.SHARE_LEAVE}  # there is nothing to leave: it is their own, or comes through a team
    return role, may


async def _shared_with(tx: Tx, container_ids: set[int]) -> dict[int, list[str]]:
    """The names of the teams and people that each of these containers is shared with, teams first."""
    if not container_ids:
        return {}
    found: dict[int, list[str]] = {}
    for container_id, team, person in (await tx.exec(_names_of_sharers(), params={"ids": list(container_ids)})).all():
        found.setdefault(container_id, []).append(team or person)
    return found


@lru_cache
def _names_of_sharers():  # a query's type would say less than the query
    """Kept: lists ask it for each page, and to build it takes longer than to ask."""
    return (
        select(ContainerShare.container_id, Team.name, User.username)
        .select_from(ContainerShare)
        .join(Team, col(Team.id) == col(ContainerShare.team_id), isouter=True)
        .join(User, col(User.id) == col(ContainerShare.user_id), isouter=True)
        .where(col(ContainerShare.container_id).in_(bindparam("ids", expanding=True)))
        .order_by(col(ContainerShare.team_id).is_(None), col(ContainerShare.id))
    )
