"""Who sees and does what with containers that are shared, and what is left when it ends."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.events.bus import AccessChanged, Event, bus
from backend.models import Container, ContainerShare, DesiredState, Notification, ResourceQuota, Status
from backend.rules.deeds import deeds_of, unsaid
from backend.rules.notices import Notice
from backend.rules.policy import (
    NOBODY,
    Action,
    Actor,
    Role,
    Scope,
    TeamRole,
    Verdict,
    allowed,
    allowed_to,
    highest,
    judge,
)
from backend.services import access, containers, sharing, teams, terminals
from tests.factories import a_container, a_node, a_team, an_actor

ROLES = list(Role)
_ORDER = [Verdict.HIDE, Verdict.FORBID, Verdict.ALLOW]


class World:
    """Olga has a container; Max and Ada are in her team, Ada as an admin; Eve is a stranger."""

    olga: Actor
    max: Actor
    ada: Actor
    eve: Actor
    team_id: int
    box: int

    async def share(self, role: str = "viewer", **target: object) -> None:
        async with transaction() as tx:
            await sharing.share(tx, self.olga, self.box, role=role, **(target or {"team_id": self.team_id}))

    async def shares(self) -> list[ContainerShare]:
        async with reading() as tx:
            return list((await tx.exec(select(ContainerShare))).all())

    async def sees(self, person: Actor) -> bool:
        """On the list, by its id, and by the question itself: all three say the same."""
        async with reading() as tx:
            listed = self.box in [each.id for each in await containers.list_visible(tx, person)]
            asked = await access.can_view_container(tx, person, self.box)
            try:
                await containers.get(tx, person, self.box)
                found = True
            except NotFound:
                found = False
        assert listed == asked == found
        return found

    async def role(self, person: Actor) -> Role | None:
        async with reading() as tx:
            return await access.role_of(tx, person, await tx.get_one(Container, self.box))


@pytest.fixture
async def world(database: str) -> World:
    world = World()
    async with transaction() as tx:
        world.olga, world.max, world.ada, world.eve = [await an_actor(tx) for _ in range(4)]
        world.team_id = await a_team(tx, world.olga, world.max, admins=(world.ada,))
        world.box = (await a_container(tx, world.olga, await a_node(tx))).id
    return world


# --- The table ------------------------------------------------------------------------------------------------------

actions, roles = st.sampled_from(list(Action)), st.sampled_from([*Role, *TeamRole])
scopes, owners = st.sampled_from(list(Scope)), st.sampled_from([1, 2, None])


@given(actions, st.sampled_from(ROLES), st.sampled_from(ROLES), scopes)
def test_a_higher_role_never_may_less(action: Action, one: Role, other: Role, scope: Scope) -> None:
    low, high = sorted((one, other), key=ROLES.index)
    actor = Actor(2, "somebody", scope=scope)
    verdicts = [_ORDER.index(judge(actor, action, owner_id=1, role=each)) for each in (low, high)]
    assert verdicts == sorted(verdicts)


@given(actions, roles, scopes, owners)
def test_the_owner_may_all_that_any_role_may(action: Action, role: Role, scope: Scope, owner: int | None) -> None:
    actor = Actor(1, "owner", scope=scope)
    if judge(actor, action, owner_id=owner, role=role) is Verdict.ALLOW:
        assert judge(actor, action, owner_id=1) is Verdict.ALLOW


@given(actions, roles, owners)
def test_whoever_has_a_role_sees_and_whoever_has_none_does_not(
    action: Action, role: Role | TeamRole, owner: int | None
) -> None:
    stranger = Actor(3, "stranger")
    with_role, without = (judge(stranger, action, owner_id=owner, role=each) for each in (role, None))
    assert with_role is not Verdict.HIDE
    assert without is Verdict.HIDE or without is with_role


@given(actions, roles, owners)
def test_nobody_gets_nothing_by_a_role(action: Action, role: Role | TeamRole, owner: int | None) -> None:
    assert judge(NOBODY, action, owner_id=owner, role=role) is judge(NOBODY, action, owner_id=owner)


@given(actions, roles)
def test_what_a_role_is_shown_to_allow_is_what_it_allows(action: Action, role: Role | TeamRole) -> None:
    shown = action in allowed_to(role)
    may = judge(Actor(3), action, owner_id=1, role=role) is Verdict.ALLOW
    assert shown == (may and judge(Actor(3), action, owner_id=1) is not Verdict.ALLOW)
    assert may == (action in allowed(Actor(3), owner_id=1, role=role))


@given(st.lists(st.sampled_from(ROLES)))
def test_of_many_roles_the_highest_counts(given_roles: list[Role]) -> None:
    assert highest(given_roles) == (sorted(given_roles, key=ROLES.index)[-1] if given_roles else None)


def test_people_are_told_in_words_of_all_that_a_role_may_do() -> None:
    assert unsaid() == set()
    for lower, higher in pairwise(ROLES):
        assert set(deeds_of(lower)) < set(deeds_of(higher))


def test_a_role_in_a_team_opens_no_container_and_a_role_in_a_container_no_team() -> None:
    for team_role in TeamRole:
        assert not {each for each in allowed_to(team_role) if not each.value.startswith(("team.", "invitation."))}
    for role in Role:
        assert not {each for each in allowed_to(role) if each.value.startswith("team.")}


# --- Sharing --------------------------------------------------------------------------------------------------------


async def test_what_is_shared_with_a_team_is_seen_by_who_is_in_it_and_by_nobody_else(world: World) -> None:
    assert not await world.sees(world.max)
    await world.share("operator")
    assert [await world.sees(each) for each in (world.max, world.ada, world.eve)] == [True, True, False]
    async with reading() as tx:
        view = (await containers.list_visible(tx, world.max))[0]
        mine = (await containers.list_visible(tx, world.olga))[0]
    assert (view.owner, view.role, view.shared_with) == (world.olga.username, Role.OPERATOR, ())
    assert (mine.role, len(mine.shared_with)) == (None, 1)


async def test_a_team_admin_may_with_a_container_what_the_share_says_and_no_more(world: World) -> None:
    await world.share("viewer")
    assert await world.role(world.ada) is Role.VIEWER
    with pytest.raises(Forbidden):
        async with transaction() as tx:
            await containers.power_off(tx, world.ada, world.box)


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_may_what_the_table_says(world: World, role: Role) -> None:
    await world.share(role, username=world.eve.username)
    async with reading() as tx:
        view = await containers.get(tx, world.eve, world.box)
        for enter in (terminals.enter, terminals.look):
            if role is Role.VIEWER:
                with pytest.raises(Forbidden, match="You may look at this"):
                    await enter(tx, world.eve, world.box)
            else:
                await enter(tx, world.eve, world.box)
        with pytest.raises(Forbidden):
            await containers.delete(tx, world.eve, world.box)
    assert set(allowed_to(role)) <= view.allowed
    assert (Action.SHARE_SET in view.allowed) == (role is Role.MANAGER)


async def test_the_highest_of_two_ways_counts_until_it_ends(world: World) -> None:
    await world.share("viewer")
    await world.share("manager", username=world.max.username)
    assert await world.role(world.max) is Role.MANAGER
    direct = next(each for each in await world.shares() if each.user_id)
    async with transaction() as tx:
        await sharing.unshare(tx, world.max, world.box, direct.id)
    assert await world.role(world.max) is Role.VIEWER


async def test_sharing_again_changes_the_role_and_tells_once(world: World) -> None:
    await world.share("viewer", username=world.eve.username)
    await world.share("operator", username=world.eve.username.upper())
    assert [each.role for each in await world.shares()] == ["operator"]
    async with reading() as tx:
        told = (await tx.exec(select(Notification).where(Notification.kind == Notice.SHARED))).all()
    assert [(each.user_id, each.container_id, each.link) for each in told] == [
        (world.eve.user_id, world.box, f"/containers/{world.box}")
    ]


async def test_a_team_is_told_each_of_it_but_not_who_shared(world: World) -> None:
    await world.share("viewer")
    async with reading() as tx:
        told = (await tx.exec(select(Notification.user_id).where(Notification.kind == Notice.SHARED))).all()
    assert set(told) == {world.max.user_id, world.ada.user_id}


async def test_who_leaves_is_removed_or_whose_team_ends_sees_it_no_more(world: World) -> None:
    await world.share("manager")
    async with transaction() as tx:
        await teams.leave_team(tx, world.max, world.team_id)
    assert not await world.sees(world.max)
    assert await world.sees(world.ada)
    async with transaction() as tx:
        await teams.set_team_active(tx, world.olga, world.team_id, False)
    assert not await world.sees(world.ada)
    assert await world.sees(world.olga)
    async with transaction() as tx:
        await teams.set_team_active(tx, world.olga, world.team_id, True)
    assert not await world.sees(world.ada)
    async with transaction() as tx:
        await teams.change_member(tx, world.olga, world.team_id, world.ada.person_id, active=True)
    assert await world.sees(world.ada)
    async with transaction() as tx:
        await teams.delete_team(tx, world.olga, world.team_id)
    assert not await world.sees(world.ada)
    assert await world.shares() == []


async def test_whoever_loses_it_hears_of_it(world: World) -> None:
    await world.share("manager")
    heard: list[Event] = []
    bus().subscribe(heard.append)
    async with transaction() as tx:
        await sharing.unshare(tx, world.olga, world.box, (await world.shares())[0].id)
    told = {user_id for event in heard if isinstance(event, AccessChanged) for user_id in event.user_ids}
    assert told == {world.olga.user_id, world.max.user_id, world.ada.user_id}
    async with reading() as tx:
        assert await access.seen_by(tx, [world.box]) == set()


async def test_a_share_of_another_container_cannot_be_ended_through_mine(world: World) -> None:
    await world.share("viewer")
    async with transaction() as tx:
        theirs = (await a_container(tx, world.eve, await a_node(tx))).id
    share_id = (await world.shares())[0].id
    with pytest.raises(NotFound, match="That share"):
        async with transaction() as tx:
            await sharing.unshare(tx, world.eve, theirs, share_id)
    assert len(await world.shares()) == 1


async def test_what_is_refused_says_why(world: World) -> None:
    async with transaction() as tx:
        other_team = await a_team(tx, world.eve)
    for fault, target in (
        (Invalid, {"username": "nobody at all"}),
        (Invalid, {"username": " "}),
        (Conflict, {"username": world.olga.username}),
        (NotFound, {"team_id": other_team}),
        (NotFound, {"team_id": -1}),
        (NotFound, {"team_id": 2**40}),
    ):
        with pytest.raises(fault):
            await world.share("viewer", **target)
    with pytest.raises(Invalid, match="viewer, operator or manager"):
        await world.share("owner")
    async with transaction() as tx:
        await teams.set_team_active(tx, world.olga, world.team_id, False)
    with pytest.raises(Conflict, match="not active"):
        await world.share("viewer")
    assert await world.shares() == []


async def test_one_gives_up_what_was_shared_with_one_alone(world: World) -> None:
    await world.share("viewer", username=world.eve.username)
    await world.share("viewer")
    async with transaction() as tx:
        await sharing.leave(tx, world.eve, world.box)
    assert not await world.sees(world.eve)
    for who, why in ((world.max, "Leave the team"), (world.olga, "delete it")):
        with pytest.raises(Conflict, match=why):
            async with transaction() as tx:
                await sharing.leave(tx, who, world.box)


async def test_many_shares_at_once_leave_one_of_each(world: World) -> None:
    targets = [{"team_id": world.team_id}, {"username": world.eve.username}] * 4
    done = await asyncio.gather(*(world.share("viewer", **each) for each in targets), return_exceptions=True)
    assert [each for each in done if each is not None] == []
    assert len(await world.shares()) == 2


async def test_an_operator_starts_it_on_its_owners_credits(world: World) -> None:
    await world.share("operator")
    async with transaction() as tx:
        box = await tx.get_one(Container, world.box)
        box.desired_state, box.status = DesiredState.STOPPED, Status.STOPPED
        quota = (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == world.olga.user_id))).one()
        quota.credits = 0
    with pytest.raises(Conflict, match=f"It runs on {world.olga.username}’s credits"):
        async with transaction() as tx:
            await containers.power_on(tx, world.max, world.box)
    async with transaction() as tx:
        quota = (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == world.olga.user_id))).one()
        quota.credits = 1
        theirs = (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == world.max.user_id))).one()
        theirs.credits, theirs.active = 0, False
    async with transaction() as tx:
        assert (await containers.power_on(tx, world.max, world.box)).desired_state == "running"


async def test_nobody_signed_out_is_reached_by_shares_with_teams(world: World) -> None:
    await world.share("manager")
    async with reading() as tx:
        assert await access.role_of(tx, NOBODY, await tx.get_one(Container, world.box)) is None
        assert not await access.can_view_container(tx, NOBODY, world.box)
