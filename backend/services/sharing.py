"""Sharing a container with teams and people, and taking it back. What follows from it is in access.py."""

from sqlmodel import col, func, select

from backend.db import Tx
from backend.errors import Conflict, Invalid, NotFound
from backend.events.bus import AccessChanged, ContainerChanged, announce
from backend.models import Container, ContainerShare, Team, TeamMembership, User
from backend.operation import note, operation
from backend.rules.notices import Notice
from backend.rules.policy import Action, Actor, Role
from backend.services.access import members_of
from backend.services.inbox import tell
from backend.services.targets import visible
from backend.services.views import ShareView

_MAX_SHARES = 50


@operation(Action.SHARE_LIST)
async def list_shares(tx: Tx, actor: Actor, container_id: int) -> list[ShareView]:
    """With whom the container is shared, teams first.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to share.
    """
    await visible(Action.SHARE_LIST, tx, actor, container_id)
    people = (
        select(func.count())
        .where(TeamMembership.team_id == ContainerShare.team_id, col(TeamMembership.active))
        .scalar_subquery()
    )
    query = (
        select(ContainerShare, Team.name, User.username, people)
        .select_from(ContainerShare)
        .join(Team, col(Team.id) == col(ContainerShare.team_id), isouter=True)
        .join(User, col(User.id) == col(ContainerShare.user_id), isouter=True)
        .where(ContainerShare.container_id == container_id)
        .order_by(col(ContainerShare.team_id).is_(None), col(ContainerShare.id))
    )
    return [
        ShareView(share.id, container_id, team or person, share.team_id, share.user_id, Role(share.role), count)
        for share, team, person, count in (await tx.exec(query)).all()
    ]


@operation(Action.SHARE_SET)
async def share(
    tx: Tx, actor: Actor, container_id: int, *, role: str, username: str = "", team_id: int | None = None
) -> None:
    """Share the container with a team or with a person; with whom it is shared already, the role becomes this one.

    Raises:
        NotFound, Forbidden: not the actor's to share; or a team that the actor is not in.
        Invalid: no such role or person.
        Conflict: it is theirs already, the team is not active, or it is shared with too many.
    """
    container = await visible(Action.SHARE_SET, tx, actor, container_id)
    given = _role(role)
    target = (
        await _team(tx, actor, container_id, team_id) if team_id is not None else await _person(tx, container, username)
    )
    await tx.refresh(container, with_for_update=True)
    is_team = isinstance(target, Team)
    note(message=f"{container.name} with {target.name if is_team else f'user {target.id}'} as {given}")
    shares = (await tx.exec(select(ContainerShare).where(ContainerShare.container_id == container_id))).all()
    known = next((each for each in shares if (each.team_id if is_team else each.user_id) == target.id), None)
    if known is not None:
        known.role = given
    elif len(shares) >= _MAX_SHARES:
        raise Conflict(f"It is shared {_MAX_SHARES} times already. End one of them first, or use a team.")
    else:
        tx.add(
            ContainerShare(
                container_id=container_id,
                team_id=target.id if is_team else None,
                user_id=None if is_team else target.id,
                role=given,
            )
        )
    reached = await _reached(tx, target.id if is_team else None, None if is_team else target.id)
    _announce(tx, container, reached)
    if known is None:
        await _tell_them(tx, actor, container, given, reached, target.name if is_team else "")


@operation(Action.SHARE_END)
async def unshare(tx: Tx, actor: Actor, container_id: int, share_id: int) -> None:
    """Take a share back. Whoever had no other loses sight of the container, and its terminals, at once.

    Raises:
        NotFound, Forbidden: not the actor's to share, or no such share.
    """
    container = await visible(Action.SHARE_END, tx, actor, container_id)
    ended = await tx.get(ContainerShare, share_id)
    if ended is None or ended.container_id != container_id:
        raise NotFound("That share")
    note(message=f"{container.name}: share {share_id} ended", team_id=ended.team_id, user_id_of_share=ended.user_id)
    _announce(tx, container, await _reached(tx, ended.team_id, ended.user_id))
    await tx.delete(ended)


@operation(Action.SHARE_LEAVE)
async def leave(tx: Tx, actor: Actor, container_id: int) -> None:
    """Give up a container that somebody shared with the actor.

    Raises:
        NotFound: not shared with the actor.
        Conflict: it is the actor's own, or comes through a team.
    """
    container = await visible(Action.SHARE_LEAVE, tx, actor, container_id)
    mine = select(ContainerShare).where(
        ContainerShare.container_id == container_id, ContainerShare.user_id == actor.person_id
    )
    share_of_mine = (await tx.exec(mine)).first()
    if share_of_mine is None and container.user_id == actor.user_id:
        raise Conflict("It is yours. To be rid of it, delete it.")
    if share_of_mine is None:
        raise Conflict("It is shared with a team that you are in. Leave the team, or ask the owner to end the share.")
    await tx.delete(share_of_mine)
    _announce(tx, container, {actor.person_id})


def _role(raw: str) -> Role:
    try:
        return Role(raw)
    except ValueError as fault:
        raise Invalid("Choose what they may do: viewer, operator or manager.", field="role") from fault


async def _team(tx: Tx, person: Actor, container_id: int, team_id: int) -> Team:
    """A team that the person may share with: one they are in, or that it is shared with already, for another role.

    It is locked, so that it is not deleted meanwhile.
    """
    team = await tx.get(Team, team_id, with_for_update=True, populate_existing=True)
    there = select(ContainerShare.id).where(
        ContainerShare.container_id == container_id, ContainerShare.team_id == team_id
    )
    is_open = team is not None and (
        person.is_superuser
        or person.user_id in {team.owner_id, *await members_of(tx, team_id)}
        or (await tx.exec(there)).first() is not None
    )
    if team is None or not is_open:
        raise NotFound("That team")
    if not team.active:
        raise Conflict(f"The team “{team.name}” is not active. Its owner can make it active again.")
    return team


async def _person(tx: Tx, container: Container, username: str) -> User:
    name = username.strip()[:64]
    if not name:
        raise Invalid("Say with whom: a user name, or one of your teams.", field="username")
    found = (await tx.exec(select(User).where(func.lower(User.username) == name.lower(), col(User.is_active)))).first()
    if found is None:
        raise Invalid(f"There is nobody named “{name}” here.", field="username")
    if found.id == container.user_id:
        raise Conflict("It is theirs already.")
    return found


async def _reached(tx: Tx, team_id: int | None, user_id: int | None) -> set[int]:
    if team_id is not None:
        return await members_of(tx, team_id)
    return {user_id} if user_id is not None else set()


def _announce(tx: Tx, container: Container, reached: set[int]) -> None:
    announce(tx, AccessChanged(sorted(reached)))
    announce(tx, ContainerChanged(container.id, container.user_id))


async def _tell_them(tx: Tx, who: Actor, container: Container, role: Role, reached: set[int], team_name: str) -> None:
    through = f" with the team “{team_name}”" if team_name else " with you"
    for user_id in sorted(reached - {who.user_id, container.user_id}):
        await tell(
            tx,
            user_id,
            Notice.SHARED,
            f"{who.username} shared “{container.name}”{through}",
            f"You are its {role}.",
            link=f"/containers/{container.id}",
            container_id=container.id,
        )
