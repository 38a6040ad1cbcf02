"""Containers follow their types; a resize, a new type's size, and what is refused of them."""

import pytest
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import Conflict, Forbidden, Invalid, NoRoom, NotFound, QuotaExceeded
from backend.models import Container, ContainerType, DesiredState, QuotaType, Status
from backend.models.base import now
from backend.rules.policy import SYSTEM, Actor, Scope
from backend.services import containers, sizes, types
from tests.factories import a_container, a_type, a_world, an_actor

pytestmark = pytest.mark.usefixtures("database")


async def _stopped(actor: Actor, node, **more: object) -> int:
    async with transaction() as tx:
        row = await a_container(tx, actor, node, status=Status.STOPPED, desired=DesiredState.STOPPED, **more)
        return row.id


async def _row(container_id: int) -> Container:
    async with reading() as tx:
        return await tx.get_one(Container, container_id)


async def _id_of(name: str) -> int:
    async with reading() as tx:
        return (await a_type(tx, name)).id


async def _resize(actor: Actor, container_id: int, kind: str = "", **more: int) -> None:
    type_id = await _id_of(kind) if kind else None
    async with transaction() as tx:
        await sizes.resize(tx, actor, container_id, container_type_id=type_id, **more)


def _size(row: Container) -> tuple[int, int, int]:
    return row.memory_mb, row.vcpus, row.disk_gib


async def test_a_resize_of_a_stopped_container_applies_at_once_and_its_disk_never_shrinks() -> None:
    actor, node = await a_world()
    box = await _stopped(actor, node)
    await _resize(actor, box, "large")
    assert _size(await _row(box)) == (4096, 4, 25)
    await _resize(actor, box, "small")
    row = await _row(box)
    assert _size(row) == (1024, 1, 25)
    assert (row.disk_made_gib, row.restart_requested_at) == (5, None)


async def test_a_resize_of_what_runs_restarts_it_and_costs_the_difference() -> None:
    actor, node = await a_world(limit=3)
    async with transaction() as tx:
        box = (await a_container(tx, actor, node)).id
    await _resize(actor, box, "medium")
    row = await _row(box)
    assert _size(row) == (2048, 2, 10)
    assert row.restart_requested_at is not None
    with pytest.raises(QuotaExceeded) as refusal:
        await _resize(actor, box, "large")
    assert (refusal.value.used, refusal.value.asked, refusal.value.limit) == (0, 4, 3)
    assert _size(await _row(box)) == (2048, 2, 10)


async def test_a_running_container_is_resized_only_into_the_room_its_node_has_without_it() -> None:
    actor, node = await a_world(limit=20, mem_mb=2048)
    async with transaction() as tx:
        box = (await a_container(tx, actor, node)).id
    await _resize(actor, box, "medium")
    with pytest.raises(NoRoom, match="2048 MiB of memory free, 4096 asked"):
        await _resize(actor, box, "large")
    assert (await _row(box)).container_type_id == await _id_of("medium")


async def test_a_type_outside_the_quota_is_no_way_to_grow() -> None:
    actor, node = await a_world(limit=10)
    box = await _stopped(actor, node)
    async with transaction() as tx:
        gpu = await types.create_type(
            tx, SYSTEM, container_type_name="gpu", memory_mb=512, vcpus=1, disk_gib=4, credits_cost=0, private=True
        )
    for type_id in (gpu.id, 999_999, -1, 2**40):
        with pytest.raises((Conflict, Invalid)):
            async with transaction() as tx:
                await sizes.resize(tx, actor, box, container_type_id=type_id)


async def test_overrides_are_an_administrators_and_hold_whatever_the_type_says() -> None:
    actor, node = await a_world()
    box = await _stopped(actor, node)
    for who in (actor, Actor(1, "root", is_superuser=True, scope=Scope.EXEC)):
        with pytest.raises(Forbidden, match="Only an administrator"):
            await _resize(who, box, memory_mb=2048)
    await _resize(SYSTEM, box, memory_mb=3000, disk_gib=30)
    await _resize(actor, box, "medium")
    assert _size(await _row(box)) == (3000, 2, 30)
    async with reading() as tx:
        assert (await containers.get(tx, actor, box)).overridden == ("memory", "disk")
    await _resize(SYSTEM, box, memory_mb=0, disk_gib=0)
    row = await _row(box)
    assert (_size(row), row.memory_mb_override) == ((2048, 2, 30), None)


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"disk_gib": 4}, "never shrinks"), ({"memory_mb": 1}, "128"), ({"vcpus": 9999}, "256"), ({"disk_gib": -5}, "4")],
)
async def test_numbers_that_cannot_be_are_refused_with_a_sentence(asked: dict[str, int], says: str) -> None:
    actor, node = await a_world()
    box = await _stopped(actor, node)
    with pytest.raises(Invalid, match=says) as refusal:
        await _resize(SYSTEM, box, **asked)
    assert refusal.value.field in asked


async def test_a_type_that_changes_reaches_stopped_containers_at_once_and_running_ones_when_they_start() -> None:
    actor, node = await a_world(limit=5)
    still = await _stopped(actor, node)
    async with transaction() as tx:
        runs = (await a_container(tx, actor, node)).id
    async with transaction() as tx:
        await types.update_type(tx, SYSTEM, (await a_type(tx)).id, memory_mb=1500, disk_gib=4)
    assert _size(await _row(still)) == (1500, 1, 5)
    assert _size(await _row(runs)) == (1024, 1, 5)
    async with reading() as tx:
        ahead = (await containers.get(tx, actor, runs)).next_size
    assert ahead is not None
    assert ahead.memory_mb == 1500
    for wish in (containers.power_off, containers.power_on):
        async with transaction() as tx:
            await wish(tx, actor, runs)
    assert _size(await _row(runs)) == (1500, 1, 5)


async def test_a_restart_takes_the_new_size_where_there_is_room_and_keeps_the_old_one_where_not() -> None:
    actor, node = await a_world(limit=5, mem_mb=2000)
    async with transaction() as tx:
        box = (await a_container(tx, actor, node)).id
    for memory_mb, got in ((1500, 1500), (3000, 1500)):
        async with transaction() as tx:
            await types.update_type(tx, SYSTEM, (await a_type(tx)).id, memory_mb=memory_mb)
        async with transaction() as tx:
            await containers.restart(tx, actor, box)
        assert (await _row(box)).memory_mb == got


async def test_a_start_whose_new_size_does_not_fit_is_refused_and_changes_nothing() -> None:
    actor, node = await a_world(limit=5, mem_mb=2048)
    box = await _stopped(actor, node)
    async with transaction() as tx:
        await types.update_type(tx, SYSTEM, (await a_type(tx)).id, memory_mb=3000)
    with pytest.raises(NoRoom):
        async with transaction() as tx:
            await containers.power_on(tx, actor, box)
    assert (await _row(box)).desired_state is DesiredState.STOPPED


async def test_a_type_in_use_is_not_deleted_and_one_that_is_not_takes_its_grants_along() -> None:
    actor, node = await a_world()
    await _stopped(actor, node)
    small, large = await _id_of("small"), await _id_of("large")
    with pytest.raises(Conflict, match="1 container has the type “small”"):
        async with transaction() as tx:
            await types.delete_type(tx, SYSTEM, small)
    async with transaction() as tx:
        await types.delete_type(tx, SYSTEM, large)
    async with reading() as tx:
        assert (await tx.exec(select(QuotaType).where(QuotaType.container_type_id == large))).first() is None
    for type_id in (large, 0, -1, 2**40):
        with pytest.raises(NotFound):
            async with transaction() as tx:
                await types.delete_type(tx, SYSTEM, type_id)


_FIELDS = {"container_type_name": "tiny", "memory_mb": 256, "vcpus": 1, "disk_gib": 4, "credits_cost": 1}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"container_type_name": " "}, "container_type_name"),
        ({"container_type_name": "x" * 65}, "container_type_name"),
        ({"container_type_name": "a\x1b[2J"}, "container_type_name"),
        ({"memory_mb": 127}, "memory_mb"),
        ({"vcpus": 0}, "vcpus"),
        ({"disk_gib": 1}, "disk_gib"),
        ({"credits_cost": -1}, "credits_cost"),
        ({"idle_stop_min": 1}, "idle_stop_min"),
        ({"lifetime_h": -1}, "lifetime_h"),
        ({"lifetime_h": 10**9}, "lifetime_h"),
    ],
)
async def test_every_field_of_a_type_has_its_bounds(change: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        async with transaction() as tx:
            await types.create_type(tx, SYSTEM, **(_FIELDS | change))  # type: ignore[arg-type]
    assert refusal.value.field == field


async def test_a_types_name_is_its_own_whatever_its_case() -> None:
    for name in ("SMALL", "small "):
        with pytest.raises(Conflict, match="already"):
            async with transaction() as tx:
                await types.create_type(tx, SYSTEM, **(_FIELDS | {"container_type_name": name}))  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="already"):
        async with transaction() as tx:
            await types.update_type(tx, SYSTEM, await _id_of("large"), container_type_name="Small")
    async with transaction() as tx:
        await types.update_type(tx, SYSTEM, (await a_type(tx)).id, container_type_name="Small")


async def test_the_catalogue_is_an_administrators() -> None:
    async with transaction() as tx:
        actor = await an_actor(tx)
        small = (await a_type(tx)).id
    for forbidden in (
        lambda tx: types.list_types(tx, actor),
        lambda tx: types.create_type(tx, actor, **_FIELDS),
        lambda tx: types.update_type(tx, actor, small, memory_mb=128),
        lambda tx: types.delete_type(tx, actor, small),
    ):
        with pytest.raises(Forbidden):
            async with transaction() as tx:
                await forbidden(tx)
    async with reading() as tx:
        assert (await tx.get_one(ContainerType, small)).memory_mb == 1024


async def test_a_lifetime_that_is_brought_in_ends_nothing_at_once() -> None:
    actor, node = await a_world()
    box = await _stopped(actor, node)
    async with transaction() as tx:
        (await tx.get_one(Container, box)).created_at = now().replace(year=2020)
    async with transaction() as tx:
        await types.update_type(tx, SYSTEM, (await a_type(tx)).id, lifetime_h=48)
    row = await _row(box)
    assert row.expires_at is not None
    assert (row.expires_at - now()).total_seconds() > 23 * 3600
    async with transaction() as tx:
        await types.update_type(tx, SYSTEM, (await a_type(tx)).id, lifetime_h=0)
    assert (await _row(box)).expires_at is None
