"""What a person can ask of containers, and what is refused."""

import asyncio

import pytest
from sqlmodel import func, select

from backend.db import reading, transaction
from backend.errors import Conflict, Forbidden, Invalid, NameTaken, NoRoom, NotFound, PequerokuError, QuotaExceeded
from backend.events.bus import ContainerChanged, FeedWritten, WishChanged, bus
from backend.models import AuditLog, Container, DesiredState, Node, ResourceQuota, Status
from backend.models.base import now
from backend.rules.policy import NOBODY, Actor
from backend.services import containers, quotas
from tests.factories import a_container, a_type, a_world, an_actor

pytestmark = pytest.mark.usefixtures("database")


async def _create(actor: Actor, type_name: str = "small", name: str = "") -> int:
    async with transaction() as tx:
        wanted = await a_type(tx, type_name)
        return (await containers.create(tx, actor, container_type_id=wanted.id, name=name)).id


async def test_a_new_container_takes_its_size_from_its_type_and_is_placed_with_reasons() -> None:
    actor, node = await a_world()
    container_id = await _create(actor, "medium", "My Box")
    async with reading() as tx:
        view = await containers.get(tx, actor, container_id)
    assert (view.name, view.memory_mb, view.vcpus, view.disk_gib) == ("my-box", 2048, 2, 10)
    assert (view.status, view.desired_state, view.phase) == ("created", "running", "placing")
    assert view.node_name == node.name
    assert view.placement["weighed"][0]["score"] == 2.0 * 16_384 + 16


async def test_the_types_that_one_may_choose_are_listed_cheapest_first() -> None:
    actor, _ = await a_world()
    async with reading() as tx:
        assert [each.name for each in await quotas.my_types(tx, actor)] == ["small", "medium", "large"]


async def test_a_container_without_a_name_gets_one_that_people_can_say() -> None:
    actor, _ = await a_world()
    container_id = await _create(actor)
    async with reading() as tx:
        assert len((await containers.get(tx, actor, container_id)).name.split("-")) == 3


async def test_a_taken_name_is_refused_and_nothing_is_made() -> None:
    actor, _ = await a_world()
    await _create(actor, name="box")
    with pytest.raises(NameTaken, match="box"):
        await _create(actor, name="Box")
    async with reading() as tx:
        assert len(await containers.list_visible(tx, actor)) == 1


@pytest.mark.parametrize("name", ["a" * 64, "-a", "ä", "a/b", "../x", "a\x00b"])
async def test_a_name_that_cannot_be_a_hostname_is_refused(name: str) -> None:
    actor, _ = await a_world()
    with pytest.raises(Invalid) as refusal:
        await _create(actor, name=name)
    assert refusal.value.field == "name"


async def test_credits_are_a_cap_on_what_runs() -> None:
    actor, _ = await a_world(limit=3)
    await _create(actor, "medium")
    with pytest.raises(QuotaExceeded) as refusal:
        await _create(actor, "medium")
    assert (refusal.value.used, refusal.value.asked, refusal.value.limit) == (2, 2, 3)
    async with reading() as tx:
        assert (await quotas.my_credits(tx, actor)).left == 1


async def test_a_stopped_container_costs_nothing_and_starting_it_is_checked_again() -> None:
    actor, _ = await a_world(limit=1)
    first = await _create(actor)
    async with transaction() as tx:
        await containers.power_off(tx, actor, first)
    await _create(actor)
    with pytest.raises(QuotaExceeded):
        async with transaction() as tx:
            await containers.power_on(tx, actor, first)


async def test_an_inactive_quota_starts_nothing() -> None:
    actor, _ = await a_world()
    async with transaction() as tx:
        (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == actor.user_id))).one().active = False
    with pytest.raises(Forbidden, match="not active"):
        await _create(actor)


async def test_a_type_outside_the_quota_is_refused() -> None:
    await a_world()
    async with transaction() as tx:
        (await a_type(tx)).private = True
        newcomer = await an_actor(tx)
    with pytest.raises(Conflict, match="does not allow"):
        await _create(newcomer)


@pytest.mark.parametrize(("mem_mb", "healthy", "why"), [(512, True, "512 MiB"), (16_384, False, "does not answer")])
async def test_no_room_says_why_for_each_node(mem_mb: int, healthy: bool, why: str) -> None:
    actor, node = await a_world(mem_mb=mem_mb)
    async with transaction() as tx:
        row = await tx.get(Node, node.id)
        assert row is not None
        row.healthy = healthy
    with pytest.raises(NoRoom, match=why):
        await _create(actor)


async def test_two_hundred_creates_at_once_never_pass_the_credits() -> None:
    actor, _ = await a_world(limit=5)

    async def one() -> bool:
        try:
            await _create(actor)
        except QuotaExceeded:
            return False
        return True

    outcomes = await asyncio.gather(*(one() for _ in range(40)))
    assert sum(outcomes) == 5


async def test_creates_of_many_users_at_once_never_overfill_a_node() -> None:
    _, _ = await a_world(mem_mb=4096)
    async with transaction() as tx:
        actors = [await an_actor(tx) for _ in range(12)]

    async def one(actor: Actor) -> bool:
        try:
            await _create(actor)
        except NoRoom:
            return False
        return True

    assert sum(await asyncio.gather(*(one(actor) for actor in actors))) == 4


async def test_starting_again_while_the_guest_goes_down_asks_for_a_restart() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        row = await a_container(tx, actor, node, desired=DesiredState.STOPPED, stop_asked_at=now())
    async with transaction() as tx:
        view = await containers.power_on(tx, actor, row.id)
    assert view.desired_state == "running"
    assert view.restarting


async def test_retry_after_an_error_begins_a_new_start() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        row = await a_container(tx, actor, node, status=Status.ERROR, status_reason="The guest did not answer.")
    async with transaction() as tx:
        view = await containers.power_on(tx, actor, row.id)
    assert (view.status, view.reason, view.phase, view.restarting) == ("provisioning", "", "placing", True)


async def test_a_container_that_is_being_deleted_takes_no_other_wish_and_frees_its_credits() -> None:
    actor, node = await a_world(limit=1)
    async with transaction() as tx:
        row = await a_container(tx, actor, node)
    async with transaction() as tx:
        assert (await containers.delete(tx, actor, row.id)).deleting
    for wish in (containers.power_on, containers.power_off, containers.restart):
        with pytest.raises(Conflict, match="being deleted"):
            async with transaction() as tx:
                await wish(tx, actor, row.id)
    await _create(actor)


async def test_somebody_elses_container_looks_as_if_it_were_not_there() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        row = await a_container(tx, actor, node)
        mallory = await an_actor(tx)
    operations = (containers.get, containers.power_on, containers.power_off, containers.restart, containers.delete)
    for container_id in (row.id, 999_999, -1, 2**40):
        for operation in operations:
            with pytest.raises(NotFound) as refusal:
                async with transaction() as tx:
                    await operation(tx, mallory, container_id)
            assert str(refusal.value) == "That container does not exist, or is not yours to see."
    async with reading() as tx:
        assert await containers.list_visible(tx, mallory) == []


async def test_a_refused_look_leaves_its_trace_too() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        row = await a_container(tx, actor, node)
        mallory = await an_actor(tx)
    with pytest.raises(NotFound):
        async with reading() as tx:
            await containers.get(tx, mallory, row.id)
    async with reading() as tx:
        trace = (await tx.exec(select(AuditLog).where(AuditLog.user_id == mallory.user_id))).one()
    assert (trace.action, trace.success, trace.target_id) == ("container.read", False, str(row.id))


async def test_a_refusal_changes_nothing_but_leaves_its_trace() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        row = await a_container(tx, actor, node)
        mallory = await an_actor(tx)
    with pytest.raises(NotFound):
        async with transaction() as tx:
            await containers.power_off(tx, mallory, row.id)
    async with reading() as tx:
        trace = (await tx.exec(select(AuditLog).where(AuditLog.user_id == mallory.user_id))).one()
        again = await tx.get(Container, row.id)
    assert (trace.action, trace.success, trace.target_id) == ("container.power_off", False, str(row.id))
    assert again is not None
    assert again.desired_state is DesiredState.RUNNING


async def test_nobody_may_do_anything() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        row = await a_container(tx, actor, node)
    for operation in (containers.get, containers.power_on, containers.delete):
        with pytest.raises(PequerokuError, match="Sign in"):
            async with transaction() as tx:
                await operation(tx, NOBODY, row.id)


async def test_what_changed_is_announced_after_the_commit_and_only_then() -> None:
    actor, node = await a_world(limit=1)
    heard: list[object] = []
    bus().subscribe(heard.append)
    container_id = await _create(actor)
    told = FeedWritten([actor.person_id], [container_id])
    assert heard == [told, WishChanged(node.id), ContainerChanged(container_id, actor.person_id)]
    heard.clear()
    with pytest.raises(QuotaExceeded):
        await _create(actor)
    assert heard == []


async def test_every_success_is_audited_with_where_it_came_from() -> None:
    actor, _ = await a_world()
    from_afar = Actor(actor.user_id, actor.username, ip="203.0.113.9", user_agent="curl/8")
    container_id = await _create(from_afar)
    async with reading() as tx:
        row = (await tx.exec(select(AuditLog).where(AuditLog.action == "container.create"))).one()
        others = (await tx.exec(select(func.count()).select_from(AuditLog).where(AuditLog.success == False))).one()  # noqa: E712
    assert (row.target_type, row.target_id, row.ip, row.user_agent) == (
        "container",
        str(container_id),
        "203.0.113.9",
        "curl/8",
    )
    assert others == 0
