"""What administrators do to quotas, what it does to containers, and what lies ahead of a start."""

import asyncio

import pytest
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import Conflict, DatabaseBusy, Forbidden, Invalid, NoRoom, NotFound, QuotaExceeded
from backend.events.bus import WishChanged, bus
from backend.models import Container, DesiredState, Notification, QuotaType, ResourceQuota, Status
from backend.rules.policy import SYSTEM, Actor
from backend.services import containers, quotas, types
from tests.factories import a_container, a_node, a_type, a_world, an_actor

pytestmark = pytest.mark.usefixtures("database")


async def _quota_of(actor: Actor) -> ResourceQuota:
    async with reading() as tx:
        return (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == actor.user_id))).one()


async def test_a_quota_that_is_switched_off_stops_all_that_its_user_runs_and_says_so_once() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        other = await an_actor(tx)
        mine = [await a_container(tx, actor, node) for _ in range(2)]
        await a_container(tx, actor, node, status=Status.STOPPED, desired=DesiredState.STOPPED)
        theirs = await a_container(tx, other, node)
    heard: list[object] = []
    bus().subscribe(heard.append)
    quota = await _quota_of(actor)
    for _ in range(2):
        async with transaction() as tx:
            await quotas.update_quota(tx, SYSTEM, quota.id, active=False)
            assert heard.count(WishChanged(node.id)) in (0, 2), "events come after the commit"
    assert heard.count(WishChanged(node.id)) == 2
    async with reading() as tx:
        rows = (await tx.exec(select(Container))).all()
        told = (await tx.exec(select(Notification))).one()
    assert {row.id for row in rows if row.desired_state is DesiredState.RUNNING} == {theirs.id}
    assert (told.user_id, told.kind) == (actor.user_id, "container.stopped_by_quota")
    assert all(f"“{each.name}”" in told.text for each in mine)
    with pytest.raises(Forbidden, match="not active"):
        async with transaction() as tx:
            await containers.power_on(tx, actor, mine[0].id)
    async with transaction() as tx:
        await quotas.update_quota(tx, SYSTEM, quota.id, active=True)
    async with transaction() as tx:
        await containers.power_on(tx, actor, mine[0].id)


async def test_types_are_given_and_taken_and_fewer_credits_stop_nothing() -> None:
    actor, node = await a_world(limit=3)
    async with transaction() as tx:
        await a_container(tx, actor, node)
        small, large = (await a_type(tx)).id, (await a_type(tx, "large")).id
    quota = await _quota_of(actor)
    async with transaction() as tx:
        await quotas.update_quota(tx, SYSTEM, quota.id, credits=0, allowed_type_ids=[large])
    async with reading() as tx:
        assert [each.name for each in await quotas.my_types(tx, actor)] == ["large"]
        assert await quotas.credits_left(tx, actor.person_id) == -1
        assert (await tx.exec(select(Container.desired_state))).one() is DesiredState.RUNNING
    with pytest.raises(Conflict, match="does not allow"):
        async with transaction() as tx:
            await containers.create(tx, actor, container_type_id=small)


@pytest.mark.parametrize("change", [{"credits": -1}, {"ai_use_per_day": 10**6}, {"max_containers": -1}])
async def test_every_number_of_a_quota_has_its_bounds(change: dict[str, int]) -> None:
    actor, _ = await a_world()
    quota = await _quota_of(actor)
    with pytest.raises(Invalid) as refusal:
        async with transaction() as tx:
            await quotas.update_quota(tx, SYSTEM, quota.id, **change)
    assert refusal.value.field in change


async def test_what_is_not_there_is_said() -> None:
    actor, _ = await a_world()
    quota = await _quota_of(actor)
    with pytest.raises(Invalid, match="one of the types"):
        async with transaction() as tx:
            await quotas.update_quota(tx, SYSTEM, quota.id, allowed_type_ids=[999_999])
    for quota_id in (0, -1, 2**40, 999_999):
        with pytest.raises(NotFound):
            async with transaction() as tx:
                await quotas.update_quota(tx, SYSTEM, quota_id, credits=1)
    with pytest.raises(NotFound):
        async with reading() as tx:
            await quotas.look_up(tx, SYSTEM, "nobody")


async def test_quotas_are_an_administrators() -> None:
    actor, _ = await a_world()
    quota = await _quota_of(actor)
    for forbidden in (
        lambda tx: quotas.update_quota(tx, actor, quota.id, credits=1000),
        lambda tx: quotas.grant_public_types(tx, actor),
        lambda tx: quotas.look_up(tx, actor, actor.username),
    ):
        with pytest.raises(Forbidden):
            async with transaction() as tx:
                await forbidden(tx)
    assert (await _quota_of(actor)).credits == 3


async def test_public_types_are_given_to_those_quotas_that_lack_them_and_private_ones_to_nobody() -> None:
    actor, _ = await a_world()
    async with transaction() as tx:
        other = await an_actor(tx)
        common = {"memory_mb": 512, "vcpus": 1, "disk_gib": 4, "credits_cost": 1}
        await types.create_type(tx, SYSTEM, container_type_name="tiny", **common)
        await types.create_type(tx, SYSTEM, container_type_name="secret", private=True, **common)
    mine = (await _quota_of(actor)).id
    async with transaction() as tx:
        assert await quotas.grant_public_types(tx, SYSTEM, [mine]) == 1
    async with transaction() as tx:
        assert await quotas.grant_public_types(tx, SYSTEM) == 2, "the other one, and the first administrator"
    async with transaction() as tx:
        assert await quotas.grant_public_types(tx, SYSTEM) == 0
    async with reading() as tx:
        for who in (actor, other):
            assert {each.name for each in await quotas.my_types(tx, who)} == {"tiny", "small", "medium", "large"}
        secret = (await a_type(tx, "secret")).id
        assert (await tx.exec(select(QuotaType).where(QuotaType.container_type_id == secret))).first() is None


async def test_a_look_at_a_quota_says_of_each_type_whether_it_could_be_created_or_why_not() -> None:
    actor, node = await a_world(limit=3)
    async with transaction() as tx:
        await a_container(tx, actor, node)
        await a_container(tx, actor, node, container_type_id=None)
    async with reading() as tx:
        view = await quotas.look_up(tx, SYSTEM, actor.username)
    assert (view.credits, view.used, view.types["small"]) == (3, 2, "")
    assert "this needs 2, and 1 of 3 are left" in view.types["medium"]


async def test_the_forecast_says_what_each_start_would_leave() -> None:
    actor, node = await a_world(limit=3)
    async with transaction() as tx:
        await a_container(tx, actor, node)
        medium = (await a_type(tx, "medium")).id
        box = await a_container(
            tx, actor, node, status=Status.STOPPED, desired=DesiredState.STOPPED, container_type_id=medium
        )
    async with reading() as tx:
        kinds = {each.name: (each.leaves, each.affordable) for each in await quotas.my_types(tx, actor)}
        view = await containers.get(tx, actor, box.id)
    assert kinds == {"small": (1, True), "medium": (0, True), "large": (-2, False)}
    assert (view.leaves, view.limit) == (0, 3)
    async with transaction() as tx:
        await containers.power_on(tx, actor, box.id)
    async with reading() as tx:
        assert (await quotas.my_credits(tx, actor)).left == 0


async def test_of_two_hundred_creates_at_once_exactly_the_hundred_that_credits_and_nodes_allow_succeed() -> None:
    async with transaction() as tx:
        kind = await a_type(tx)
        kind.memory_mb, kind.vcpus = 128, 1
        rich = await an_actor(tx, limit=60)
        others = [await an_actor(tx, limit=1) for _ in range(60)]
        for actor in (rich, *others):
            (
                await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == actor.user_id))
            ).one().max_containers = 99
        for _ in range(4):
            await a_node(tx, mem_mb=128 * 25, vcpus=64)
    outcomes: list[str] = []

    async def one(actor: Actor) -> None:
        try:
            async with transaction() as tx:
                await containers.create(tx, actor, container_type_id=kind.id)
        except DatabaseBusy:  # “Nothing was changed; try again in a moment.”
            await one(actor)
        except (QuotaExceeded, NoRoom) as refusal:
            outcomes.append(refusal.code)
        else:
            outcomes.append("made")

    await asyncio.gather(*(one(rich) for _ in range(80)), *(one(actor) for actor in others for _ in range(2)))
    async with reading() as tx:
        rows = (await tx.exec(select(Container.node_id, Container.user_id))).all()
    assert (len(outcomes), outcomes.count("made"), len(rows)) == (200, 100, 100)
    per_node = {node: sum(on == node for on, _ in rows) for node, _ in rows}
    assert set(per_node.values()) == {25}
    assert sum(by == rich.user_id for _, by in rows) <= 60
    assert all(sum(by == actor.user_id for _, by in rows) <= 1 for actor in others)
