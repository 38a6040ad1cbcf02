"""Sleep over the memory driver: what a machine has in memory is kept, and nothing of it is lost without a word."""

import asyncio

import pytest
from sqlmodel import col, select

from backend.db import reading, transaction
from backend.errors import Conflict, NotFound, QuotaExceeded
from backend.models import AuditLog, Container, ContainerType, Notification
from backend.rules.lifecycle import Power
from backend.services import containers, nodes, quotas, sizes, sleeping, types
from backend.services.views import ContainerView
from backend.tasks.runner import running
from tests.factories import a_type, an_actor
from tests.stores import eventually
from tests.unit.test_moves import World, quick, still, world  # noqa: F401 - fixtures

pytestmark = pytest.mark.usefixtures("database", "quick")


async def _ask(world: World, wish, made: int) -> ContainerView:  # noqa: F811
    async with transaction() as tx:
        return await wish(tx, world.actor, made)


async def _view(world: World, made: int) -> ContainerView:  # noqa: F811
    async with reading() as tx:
        return await containers.get(tx, world.actor, made)


async def _asleep(world: World) -> int:  # noqa: F811
    made = await world.create()
    await _ask(world, sleeping.sleep, made)

    async def is_asleep() -> bool:
        row = await world.row(made)
        return row.asleep and row.status == "stopped"

    await eventually("it to sleep", is_asleep)
    return made


async def _told(world: World) -> list[str]:  # noqa: F811
    async with reading() as tx:
        rows = (await tx.exec(select(Notification).where(Notification.user_id == world.actor.user_id))).all()
    return [each.title for each in rows]


async def test_what_sleeps_costs_nothing_and_wakes_in_the_same_boot(world: World) -> None:  # noqa: F811
    made = await _asleep(world)
    row = await world.row(made)
    async with reading() as tx:
        assert (await quotas.my_credits(tx, world.actor)).used == 0
    assert (await _view(world, made)).is_asleep
    machine = world.one.machines[row.domain_name]
    assert (machine.power, world.one.kept) == (Power.OFF, {row.domain_name: True})
    await _ask(world, containers.power_on, made)
    await world.until(made, "running")
    assert (machine.boots, machine.power, machine.clock_is_set, world.one.kept) == (1, Power.ON, True, {})
    assert not (await _view(world, made)).is_asleep
    assert await _told(world) == []


async def test_only_what_runs_can_be_put_to_sleep_and_twice_is_once(world: World) -> None:  # noqa: F811
    made = await world.create(runs=False)
    with pytest.raises(Conflict):
        await _ask(world, sleeping.sleep, made)
    with pytest.raises(Conflict):
        await _ask(world, sleeping.start_afresh, made)
    sleeper = await _asleep(world)
    assert (await _ask(world, sleeping.sleep, sleeper)).is_asleep
    assert (await _ask(world, containers.power_off, sleeper)).is_asleep


async def test_what_cannot_be_kept_runs_on_and_its_owner_is_told(world: World) -> None:  # noqa: F811
    made = await world.create()
    world.one.full = True
    await _ask(world, sleeping.sleep, made)

    async def runs_on() -> bool:
        view = await _view(world, made)
        return view.activity == "running" and await _told(world) != []

    await eventually("it to run on", runs_on)
    assert world.one.machines[(await world.row(made)).domain_name].boots == 1
    assert "could not be put to sleep" in (await _told(world))[0]


async def test_what_cannot_be_woken_sleeps_on_until_its_owner_lets_it_be_forgotten(world: World) -> None:  # noqa: F811
    made = await _asleep(world)
    name = (await world.row(made)).domain_name
    world.one.kept[name] = False
    await _ask(world, containers.power_on, made)
    await world.until(made, "error")
    view = await _view(world, made)
    assert view.is_asleep
    assert "could not be woken" in view.reason
    assert name in world.one.kept
    await _ask(world, sleeping.start_afresh, made)
    await world.until(made, "running")
    assert (world.one.machines[name].boots, world.one.kept) == (2, {})
    assert not (await world.row(made)).forgets_memory


async def test_a_guest_that_had_to_boot_after_all_is_told_of(world: World) -> None:  # noqa: F811
    made = await _asleep(world)
    world.one.machines[(await world.row(made)).domain_name].boot_id = "00000000-0000-4000-8000-000000000000"
    await _ask(world, containers.power_on, made)
    await world.until(made, "running")
    assert "could not go on where it was" in (await _told(world))[0]


async def test_a_sleeping_one_keeps_its_size_until_it_boots(world: World) -> None:  # noqa: F811
    made = await _asleep(world)
    before = await world.row(made)
    async with reading() as tx:
        medium = await a_type(tx, "medium")
    with pytest.raises(Conflict, match="asleep"):
        async with transaction() as tx:
            await sizes.resize(tx, world.actor, made, container_type_id=medium.id)
    async with transaction() as tx:
        small = await a_type(tx)
        admin = world.actor.__class__(world.actor.user_id, world.actor.username, is_superuser=True)
        await types.update_type(tx, admin, small.id, memory_mb=2048)
    await _ask(world, containers.power_on, made)
    await world.until(made, "running")
    assert (await world.row(made)).memory_mb == before.memory_mb
    async with reading() as tx:
        assert (await tx.get_one(ContainerType, small.id)).memory_mb == 2048
    await _ask(world, containers.restart, made)
    assert (await world.row(made)).memory_mb == 2048


async def test_waking_asks_for_credits_and_a_refusal_lets_it_sleep(world: World) -> None:  # noqa: F811
    made = await _asleep(world)
    async with transaction() as tx:
        (await quotas.locked_quota(tx, world.actor.person_id)).credits = 0
    for wish in (containers.power_on, sleeping.start_afresh):
        with pytest.raises(QuotaExceeded):
            await _ask(world, wish, made)
    row = await world.row(made)
    assert (row.asleep, row.forgets_memory, row.desired_state) == (True, False, "stopped")


async def test_a_deletion_takes_what_was_kept_along(world: World) -> None:  # noqa: F811
    made = await _asleep(world)
    await _ask(world, containers.delete, made)

    async def gone() -> bool:
        async with reading() as tx:
            return await tx.get(Container, made) is None

    await eventually("it to be gone", gone)
    assert (world.one.kept, world.one.machines, world.one.disks) == ({}, {}, {})


async def test_a_drain_wakes_it_moves_it_as_it_runs_and_puts_it_to_sleep_there(world: World) -> None:  # noqa: F811
    made = await _asleep(world)
    name = (await world.row(made)).domain_name
    await world.ask(nodes.drain_node)

    async def sleeps_there() -> bool:
        row = await world.row(made)
        return row.node_id == world.rows[1].id and row.asleep and row.status == "stopped"

    await eventually("it to sleep on the other node", sleeps_there)
    assert (world.two.machines[name].boots, world.two.kept, world.one.kept) == (1, {name: True}, {})
    await _ask(world, containers.power_on, made)
    await world.until(made, "running")


async def test_memory_from_another_time_is_never_gone_on_from(world: World) -> None:  # noqa: F811
    made = await world.create()
    name = (await world.row(made)).domain_name
    world.one.kept[name] = True  # a node was killed between keeping it and switching it off
    world.one._wakers.ring()
    await eventually("it to be forgotten", lambda: not world.one.kept)
    assert world.one.machines[name].power is Power.ON


async def test_what_reconciles_may_be_ended_while_it_sleeps(still: World) -> None:  # noqa: F811
    async with running():
        made = await _asleep(still)
    still.connect()
    async with running():
        await asyncio.sleep(0)
        await _ask(still, containers.power_on, made)
        await still.until(made, "running")
    assert still.one.machines[(await still.row(made)).domain_name].boots == 1


async def test_sleep_is_audited_and_nobodys_else_to_ask_for(world: World) -> None:  # noqa: F811
    made = await _asleep(world)
    async with transaction() as tx:
        stranger = await an_actor(tx)
    with pytest.raises(NotFound):
        async with transaction() as tx:
            await sleeping.sleep(tx, stranger, made)
    async with reading() as tx:
        rows = (
            await tx.exec(select(AuditLog).where(AuditLog.action == "container.sleep").order_by(col(AuditLog.id)))
        ).all()
    assert [each.success for each in rows] == [True, False]
