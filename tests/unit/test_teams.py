"""Who is in a team, who runs it, and what holds whatever they do at the same moment."""

import asyncio

import pytest
from sqlmodel import col, select

from backend.db import reading, transaction
from backend.errors import Conflict, Forbidden, Invalid, NotFound, PequerokuError
from backend.events.bus import AccessChanged, Event, bus
from backend.models import AuditLog, Notification, Team, TeamMembership
from backend.rules.notices import Notice
from backend.rules.policy import NOBODY, SYSTEM, Action, Actor, TeamRole
from backend.services import team_views, teams
from tests.factories import a_team, an_actor

pytestmark = pytest.mark.usefixtures("database")

OLGA, ADA, MAX, EVE = range(4)


async def _world() -> tuple[list[Actor], int]:
    """Olga owns a team, Ada is an admin of it, Max a member, Eve a stranger."""
    async with transaction() as tx:
        people = [await an_actor(tx) for _ in range(4)]
        return people, await a_team(tx, people[OLGA], people[MAX], admins=(people[ADA],))


async def _rows(team_id: int) -> dict[int, tuple[str, bool]]:
    async with reading() as tx:
        rows = (await tx.exec(select(TeamMembership).where(TeamMembership.team_id == team_id))).all()
    return {row.user_id: (row.role, row.active) for row in rows}


async def _owner(team_id: int) -> int:
    async with reading() as tx:
        return (await tx.get_one(Team, team_id)).owner_id


async def _do(work, *args: object, **kwargs: object):
    async with transaction() as tx:
        return await work(tx, *args, **kwargs)


async def test_the_owner_of_a_team_is_its_admin_from_the_start() -> None:
    people, team_id = await _world()
    assert (await _rows(team_id))[people[OLGA].user_id] == ("admin", True)
    async with reading() as tx:
        page = await team_views.get_team(tx, people[OLGA], team_id)
    assert page.members[0].username == people[OLGA].username
    assert (page.team.role, page.team.people) == (TeamRole.ADMIN, 3)


async def test_every_save_gives_the_owner_the_admin_membership_back() -> None:
    people, team_id = await _world()
    async with transaction() as tx:
        mine = select(TeamMembership).where(
            TeamMembership.team_id == team_id, TeamMembership.user_id == people[OLGA].user_id
        )
        row = (await tx.exec(mine)).one()
        row.role, row.active = "member", False
    await _do(teams.update_team, people[OLGA], team_id, description="Now with words")
    assert (await _rows(team_id))[people[OLGA].user_id] == ("admin", True)


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\x00b", "a\u202eb"])
async def test_a_name_out_of_bounds_is_refused(name: str) -> None:
    people, team_id = await _world()
    for work in (
        lambda: _do(teams.create_team, people[OLGA], name=name),
        lambda: _do(teams.update_team, people[OLGA], team_id, name=name),
    ):
        with pytest.raises(Invalid) as refusal:
            await work()
        assert refusal.value.field == "name"


async def test_a_name_is_taken_however_it_is_written() -> None:
    people, team_id = await _world()
    await _do(teams.update_team, people[OLGA], team_id, name="The  Ops")
    with pytest.raises(Conflict, match="already"):
        await _do(teams.create_team, people[EVE], name="the ops")
    await _do(teams.update_team, people[OLGA], team_id, name="THE OPS")


async def test_two_who_take_one_name_at_once_get_one_team_and_one_sentence() -> None:
    people, _ = await _world()
    done = await asyncio.gather(*(_do(teams.create_team, each, name="Same") for each in people), return_exceptions=True)
    assert [type(each) for each in done if isinstance(each, Exception)] == [Conflict] * 3


async def test_strangers_see_no_team_and_members_change_nothing() -> None:
    people, team_id = await _world()
    for work, args in (
        (teams.update_team, {"name": "x"}),
        (teams.add_member, {"user_id": people[EVE].user_id}),
        (teams.change_member, {"user_id": people[ADA].user_id, "role": "member"}),
        (teams.remove_member, {"user_id": people[ADA].user_id}),
        (teams.set_team_active, {"active": False}),
        (teams.hand_over, {"user_id": people[MAX].user_id}),
        (teams.delete_team, {}),
    ):
        with pytest.raises(NotFound):
            await _do(work, people[EVE], team_id, **args)
        with pytest.raises(Forbidden):
            await _do(work, people[MAX], team_id, **args)
        with pytest.raises(PequerokuError, match="Sign in"):
            await _do(work, NOBODY, team_id, **args)


async def test_admins_run_the_team_but_it_stays_its_owners() -> None:
    people, team_id = await _world()
    ada = people[ADA]
    await _do(teams.update_team, ada, team_id, name="Run by Ada")
    await _do(teams.add_member, ada, team_id, username=people[EVE].username.upper(), role="admin")
    await _do(teams.change_member, ada, team_id, people[EVE].user_id, role="member")
    await _do(teams.remove_member, ada, team_id, people[EVE].user_id)
    for work in (
        lambda: _do(teams.delete_team, ada, team_id),
        lambda: _do(teams.set_team_active, ada, team_id, False),
        lambda: _do(teams.hand_over, ada, team_id, ada.user_id),
    ):
        with pytest.raises(Forbidden):
            await work()


async def test_the_owner_cannot_go_or_be_made_less_without_handing_over() -> None:
    people, team_id = await _world()
    olga, ada = people[OLGA], people[ADA]
    for work in (
        lambda: _do(teams.leave_team, olga, team_id),
        lambda: _do(teams.remove_member, ada, team_id, olga.user_id),
        lambda: _do(teams.change_member, ada, team_id, olga.user_id, role="member"),
        lambda: _do(teams.change_member, ada, team_id, olga.user_id, active=False),
    ):
        with pytest.raises(Conflict, match="Hand the team over"):
            await work()
    await _do(teams.hand_over, olga, team_id, people[MAX].user_id)
    assert await _owner(team_id) == people[MAX].user_id
    assert (await _rows(team_id))[people[MAX].user_id] == ("admin", True)
    await _do(teams.leave_team, olga, team_id)
    assert olga.user_id not in await _rows(team_id)


async def test_a_team_is_handed_over_to_active_members_alone() -> None:
    people, team_id = await _world()
    with pytest.raises(Conflict, match="actively"):
        await _do(teams.hand_over, people[OLGA], team_id, people[EVE].user_id)
    await _do(teams.change_member, people[OLGA], team_id, people[MAX].user_id, active=False)
    with pytest.raises(Conflict, match="actively"):
        await _do(teams.hand_over, people[OLGA], team_id, people[MAX].user_id)


async def test_an_inactive_team_has_no_active_members_and_nobody_comes_back_unasked() -> None:
    people, team_id = await _world()
    olga, ada, max_ = people[:3]
    await _do(teams.remove_member, olga, team_id, max_.user_id)
    await _do(teams.set_team_active, olga, team_id, False)
    assert await _rows(team_id) == {olga.user_id: ("admin", False), ada.user_id: ("admin", False)}
    with pytest.raises(NotFound):
        async with reading() as tx:
            await team_views.get_team(tx, ada, team_id)
    with pytest.raises(Conflict, match="not active"):
        await _do(teams.add_member, olga, team_id, user_id=max_.user_id)
    with pytest.raises(Conflict, match="not active"):
        await _do(teams.change_member, olga, team_id, ada.user_id, active=True)
    await _do(teams.set_team_active, olga, team_id, True)
    assert await _rows(team_id) == {olga.user_id: ("admin", True), ada.user_id: ("admin", False)}
    await _do(teams.change_member, olga, team_id, ada.user_id, active=True)
    await _do(teams.add_member, olga, team_id, user_id=max_.user_id)
    assert {each for _, each in (await _rows(team_id)).values()} == {True}


async def test_inactive_members_are_shown_to_those_who_may_change_that() -> None:
    people, team_id = await _world()
    await _do(teams.change_member, people[OLGA], team_id, people[ADA].user_id, active=False)
    async with reading() as tx:
        assert len((await team_views.get_team(tx, people[OLGA], team_id)).members) == 3
        assert len((await team_views.get_team(tx, people[MAX], team_id)).members) == 2


async def test_two_admins_who_demote_each_other_do_not_both_succeed() -> None:
    people, team_id = await _world()
    async with transaction() as tx:
        await teams.change_member(tx, people[OLGA], team_id, people[MAX].person_id, role="admin")
    ada, max_ = people[ADA], people[MAX]
    done = await asyncio.gather(
        _do(teams.change_member, ada, team_id, max_.user_id, role="member"),
        _do(teams.change_member, max_, team_id, ada.user_id, role="member"),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in done) == ["Forbidden", "NoneType"]
    assert sorted(role for role, _ in (await _rows(team_id)).values()) == ["admin", "admin", "member"]


async def test_a_team_handed_over_and_left_at_once_always_has_an_owner_who_is_an_admin() -> None:
    for _ in range(5):
        people, team_id = await _world()
        await asyncio.gather(
            _do(teams.hand_over, people[OLGA], team_id, people[MAX].user_id),
            _do(teams.leave_team, people[MAX], team_id),
            _do(teams.remove_member, people[ADA], team_id, people[MAX].user_id),
            return_exceptions=True,
        )
        assert (await _rows(team_id))[await _owner(team_id)] == ("admin", True)


async def test_one_who_is_added_twice_at_once_is_in_it_once() -> None:
    people, team_id = await _world()
    done = await asyncio.gather(
        *(_do(teams.add_member, people[ADA], team_id, user_id=people[EVE].user_id) for _ in range(4)),
        return_exceptions=True,
    )
    assert [type(each) for each in done if each is not None] == [Conflict] * 3
    assert len(await _rows(team_id)) == 4


async def test_who_is_added_is_told_and_who_joins_by_invitation_too() -> None:
    people, team_id = await _world()
    async with transaction() as tx:
        await teams.add_member(tx, SYSTEM, team_id, user_id=people[EVE].user_id, role="admin")
    async with reading() as tx:
        said = {row.user_id: row for row in (await tx.exec(select(Notification))).all()}
    assert {row.kind for row in said.values()} == {Notice.TEAM_JOINED}
    assert said[people[MAX].person_id].title.startswith(f"{people[OLGA].username} added you to the team")
    assert said[people[EVE].person_id].title.startswith("You joined the team")
    assert said[people[EVE].person_id].link == f"/teams/{team_id}"


async def test_whoever_is_concerned_hears_of_it() -> None:
    people, team_id = await _world()
    heard: list[Event] = []
    bus().subscribe(heard.append)
    await _do(teams.remove_member, people[OLGA], team_id, people[MAX].user_id)
    told = {user_id for event in heard if isinstance(event, AccessChanged) for user_id in event.user_ids}
    assert told == {each.user_id for each in people[:3]}


async def test_update_team_does_all_that_a_form_holds_each_under_its_own_rule() -> None:
    people, team_id = await _world()
    olga, ada, max_ = people[:3]
    with pytest.raises(Forbidden):
        await _do(teams.update_team, ada, team_id, name="Ada's", owner_id=ada.user_id)
    await _do(teams.update_team, ada, team_id, name="Ours", owner_id=olga.user_id, active=True)
    await _do(teams.update_team, olga, team_id, owner_id=max_.user_id)
    assert await _owner(team_id) == max_.user_id
    async with reading() as tx:
        rows = (await tx.exec(select(AuditLog).where(col(AuditLog.success)).order_by(col(AuditLog.id)))).all()
    assert [row.action for row in rows][-2:] == [Action.TEAM_HAND_OVER, Action.TEAM_UPDATE]


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"username": "no such"}, "username"), ({"username": ""}, "username"), ({"user_id": -1}, "username")],
)
async def test_nobody_known_cannot_be_added(fields: dict[str, object], field: str) -> None:
    people, team_id = await _world()
    with pytest.raises(Invalid) as refusal:
        await _do(teams.add_member, people[OLGA], team_id, **fields)
    assert refusal.value.field == field
    with pytest.raises(Invalid):
        await _do(teams.add_member, people[OLGA], team_id, user_id=people[EVE].user_id, role="owner")


@pytest.mark.parametrize("team_id", [0, -1, 2**31, 2**70, 999_999])
async def test_an_id_of_any_size_is_just_not_found(team_id: int) -> None:
    people, _ = await _world()
    with pytest.raises(NotFound):
        await _do(teams.leave_team, people[OLGA], team_id)


async def test_the_list_holds_mine_and_no_others() -> None:
    people, team_id = await _world()
    async with transaction() as tx:
        await a_team(tx, people[EVE])
    async with reading() as tx:
        for who in (OLGA, ADA, MAX):
            assert [each.id for each in await team_views.list_teams(tx, people[who])] == [team_id]
        assert await team_views.list_teams(tx, SYSTEM) == []
