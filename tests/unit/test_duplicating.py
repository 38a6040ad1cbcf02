"""Copies over the memory driver: made whole or not at all, beside an original that keeps still meanwhile."""

import pytest
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import Conflict, Forbidden, NameTaken, NoRoom, NotFound, QuotaExceeded
from backend.hypervisor.memory import MemoryNode
from backend.models import Container, DesiredState, Leftover, Node, QuotaType
from backend.models.base import now
from backend.rules.lifecycle import Power, Step
from backend.services import containers, duplicating, naming, nodes, quotas, sleeping
from backend.tasks import duplicating as tasks
from backend.tasks import leases
from backend.tasks.helm import Helm
from backend.tasks.runner import running
from tests.factories import an_actor
from tests.stores import eventually
from tests.unit.test_moves import _CONTENT, World, quick, still, world  # noqa: F401 - fixtures

pytestmark = pytest.mark.usefixtures("database", "quick")


async def _copy(world: World, made: int, **more: object) -> int:  # noqa: F811
    async with transaction() as tx:
        return (await duplicating.duplicate(tx, world.actor, made, **more)).id  # type: ignore[arg-type]


async def _until_whole(world: World, copy: int) -> Container:  # noqa: F811
    async def whole() -> bool:
        return (await world.row(copy)).copy_of is None

    await eventually("the copy to be whole", whole)
    return await world.row(copy)


async def _ask(world: World, wish, made: int) -> None:  # noqa: F811
    async with transaction() as tx:
        await wish(tx, world.actor, made)


async def _used(world: World) -> int:  # noqa: F811
    async with reading() as tx:
        return (await quotas.my_credits(tx, world.actor)).used


@pytest.mark.parametrize("runs", [True, False])
async def test_a_copy_has_the_same_disk_and_nothing_else_of_the_original(world: World, runs: bool) -> None:  # noqa: F811
    made = await world.create(runs=runs)
    copy = await _copy(world, made)
    row, original = await _until_whole(world, copy), await world.row(made)
    assert world.one.contents[row.disk_name] == _CONTENT
    assert (row.status, row.desired_state, row.name) == ("stopped", "stopped", f"{original.name}-copy")
    assert row.uuid != original.uuid
    assert row.domain_name not in world.one.machines
    assert await _used(world) == (1 if runs else 0)
    await _ask(world, containers.power_on, copy)
    await world.until(copy, "running")
    row = await world.row(copy)
    assert row.public_key not in ("", original.public_key)
    assert not any(each.is_frozen for each in world.one.machines.values())
    await _ask(world, containers.delete, made)

    async def gone() -> bool:
        return original.disk_name not in world.one.disks

    await eventually("the original to be gone", gone)
    assert world.one.contents[row.disk_name] == _CONTENT
    async with reading() as tx:
        assert [each.orphans for each in (await tx.exec(select(Node))).all()] == [[], []]


async def test_one_that_is_to_start_starts_when_its_disk_is_there(world: World) -> None:  # noqa: F811
    made = await world.create()
    copy = await _copy(world, made, name="Twin", starts=True)
    await world.until(copy, "running")
    row = await world.row(copy)
    assert (row.name, world.one.contents[row.disk_name]) == ("twin", _CONTENT)
    assert await _used(world) == 2


async def test_whatever_the_quota_forbids_is_not_copied(world: World) -> None:  # noqa: F811
    made = await world.create()
    async with transaction() as tx:
        quota = await quotas.locked_quota(tx, world.actor.person_id)
        quota.credits = 1
    with pytest.raises(QuotaExceeded):
        await _copy(world, made, starts=True)
    await _until_whole(world, await _copy(world, made))  # one that is stopped costs nothing
    async with transaction() as tx:
        (await quotas.locked_quota(tx, world.actor.person_id)).max_containers = 2
    with pytest.raises(Conflict, match="your quota allows 2"):
        await _copy(world, made)
    async with transaction() as tx:
        quota = await quotas.locked_quota(tx, world.actor.person_id)
        quota.max_containers = 10
        for each in (await tx.exec(select(QuotaType).where(QuotaType.quota_id == quota.id))).all():
            await tx.delete(each)
    with pytest.raises(Conflict, match="does not allow the type"):
        await _copy(world, made)
    async with transaction() as tx:
        (await quotas.locked_quota(tx, world.actor.person_id)).active = False
    with pytest.raises(Forbidden):
        await _copy(world, made)


async def test_names_rooms_and_states_are_looked_at_before(world: World) -> None:  # noqa: F811
    made = await world.create()
    name = (await world.row(made)).name
    with pytest.raises(NameTaken):
        await _copy(world, made, name=name)
    with pytest.raises(NotFound):
        async with transaction() as tx:
            await duplicating.duplicate(tx, await an_actor(tx), made)
    await world.ask(nodes.drain_node)
    with pytest.raises(NoRoom, match="is being emptied"):
        await _copy(world, made)
    await world.ask(nodes.undrain_node)
    await _ask(world, sleeping.sleep, made)
    with pytest.raises(Conflict, match="asleep"):
        await _copy(world, made)


async def test_a_full_disk_is_told_and_tried_again_and_leaves_nothing(world: World) -> None:  # noqa: F811
    made = await world.create(runs=False)
    world.one.full = True
    copy = await _copy(world, made)
    await world.until(copy, "error")
    assert "full" in (await world.row(copy)).status_reason
    world.one.full = False
    row = await _until_whole(world, copy)
    assert row.status == "stopped"

    async def swept() -> bool:
        async with reading() as tx:
            return not (await tx.exec(select(Leftover))).all()

    await eventually("the node to be swept", swept)
    assert set(world.one.disks) == {row.disk_name, (await world.row(made)).disk_name}


async def test_a_guest_that_cannot_be_held_still_is_copied_once_it_is_stopped(world: World) -> None:  # noqa: F811
    world.one.has_agents = False
    made = await world.create()
    copy = await _copy(world, made)
    await world.until(copy, "error")
    assert "Stop it first" in (await world.row(copy)).status_reason
    await _ask(world, containers.power_off, made)
    await _until_whole(world, copy)


async def test_without_its_original_there_is_no_copy_and_that_is_said(still: World) -> None:  # noqa: F811
    async with running():
        made = await still.create(runs=False)
    copy = await _copy(still, made)
    async with transaction() as tx:
        await tx.delete(await tx.get_one(Container, made))
    still.connect()
    async with running():
        await still.until(copy, "error")
        assert "deleted" in (await still.row(copy)).status_reason
        await _ask(still, containers.delete, copy)

        async def gone() -> bool:
            async with reading() as tx:
                return await tx.get(Container, copy) is None

        await eventually("it to be gone", gone)


@pytest.mark.parametrize("then", ["go on", "delete"])
async def test_what_reconciles_may_die_with_the_original_held_still(still: World, then: str) -> None:  # noqa: F811
    async with running():
        made = await still.create()
    copy = await _copy(still, made)
    original = await still.row(made)
    async with transaction() as tx:  # killed between the freeze and the thaw
        row = await tx.get_one(Container, copy)
        row.moves, row.copy_disk = 1, f"{row.domain_name}.1"
        still.one.disks[row.copy_disk] = 5
    still.one.machines[original.domain_name].is_frozen = True
    if then == "delete":
        await _ask(still, containers.delete, copy)
    still.connect()
    async with running():

        async def done() -> bool:
            async with reading() as tx:
                row, left = await tx.get(Container, copy), (await tx.exec(select(Leftover))).all()
            return not left and (row is None if then == "delete" else row is not None and row.copy_of is None)

        await eventually("that to be settled", done)
    assert not still.one.machines[original.domain_name].is_frozen
    kept = {original.disk_name} | ({(await still.row(copy)).disk_name} if then == "go on" else set())
    assert set(still.one.disks) == kept
    assert not any(each.endswith(".1") for each in still.one.disks)


async def test_the_original_waits_for_its_copy_and_then_does_as_it_was_told(still: World) -> None:  # noqa: F811
    async with running():
        made = await still.create(runs=False)
    copy = await _copy(still, made)
    helm = Helm(still.rows[0].id, "me", await leases.take(still.rows[0].id, "me") or 0, still.one)
    seen = await helm.load(copy, Step.COPY_DISK)
    assert seen is not None
    assert await tasks._begin(helm, copy, seen.copy_of) is not None  # type: ignore[arg-type]
    await _ask(still, containers.power_on, made)
    assert await helm.load(made, Step.BOOT) is None  # whoever looked before the copy began does not boot it now
    await leases.release(still.rows[0].id, "me")
    still.connect()
    async with running():
        await _until_whole(still, copy)
        await still.until(made, "running")
    assert still.one.machines[(await still.row(made)).domain_name].power is Power.ON


async def test_a_copy_follows_an_original_that_has_moved(still: World) -> None:  # noqa: F811
    async with running():
        made = await still.create(runs=False)
    copy = await _copy(still, made)
    async with transaction() as tx:
        row = await tx.get_one(Container, made)
        row.node_id = still.rows[1].id
        still.two.disks[row.disk_name], still.two.contents[row.disk_name] = 5, _CONTENT
        still.one = MemoryNode()
    still.connect()
    async with running():
        row = await _until_whole(still, copy)
    assert (row.node_id, still.two.contents[row.disk_name]) == (still.rows[1].id, _CONTENT)


async def test_a_container_is_renamed_for_everybody_and_its_guest_at_the_next_boot(world: World) -> None:  # noqa: F811
    made, other = await world.create(), await world.create()
    async with transaction() as tx:
        assert (await naming.rename(tx, world.actor, made, "My Box")).name == "my-box"
    name = (await world.row(made)).domain_name
    assert world.one.machines[name].spec.hostname != "my-box"
    await _ask(world, containers.restart, made)

    async def renamed() -> bool:
        return world.one.machines[name].spec.hostname == "my-box"

    await eventually("the guest to be called so", renamed)
    with pytest.raises(NameTaken, match="You already have"):
        async with transaction() as tx:
            await naming.rename(tx, world.actor, other, "my-box")
    async with transaction() as tx:
        admin = await an_actor(tx, is_superuser=True)
    with pytest.raises(NameTaken, match=world.actor.username):
        async with transaction() as tx:
            await naming.rename(tx, admin, other, "my-box")
    async with transaction() as tx:
        await naming.rename(tx, world.actor, made, "my-box")
        (await tx.get_one(Container, made)).delete_requested_at = now()
    with pytest.raises(Conflict):
        async with transaction() as tx:
            await naming.rename(tx, world.actor, made, "too-late")
    assert (await world.row(other)).desired_state is DesiredState.RUNNING
