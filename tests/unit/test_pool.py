"""Machines that are kept warm: made, claimed once each, told who they are now, and gone when their room is needed."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select, update

from backend.db import reading, transaction
from backend.errors import BadCredentials, NoRoom, QuotaExceeded
from backend.hypervisor.memory import MemoryNode
from backend.hypervisor.registry import nodes
from backend.models import Container, ContainerType, Status, User
from backend.models.base import now
from backend.rules import pool as rules
from backend.rules.placement import NodeFacts, Size
from backend.rules.policy import SYSTEM, Actor
from backend.rules.pool import Warm
from backend.services import containers, farewell, identity, pool
from backend.services.views import ContainerView
from backend.tasks import node_probe
from backend.tasks.runner import running
from tests.factories import a_node, a_type, a_world, an_actor
from tests.stores import eventually

_AT = datetime.fromisoformat("2026-11-22T12:00:00+00:00")


@pytest.fixture
def any_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory driver boots anything: no image has to be built for it."""
    monkeypatch.setattr(node_probe, "load_image", lambda _folder: None)


@pytest.fixture
async def world(database: str, any_image: None) -> AsyncGenerator[tuple[Actor, MemoryNode]]:
    actor, node = await a_world(limit=100)
    machine = MemoryNode()
    nodes().put(node.uri, machine)
    async with running():
        yield actor, machine


async def _keep(many: int, **more: object) -> int:
    async with transaction() as tx:
        kind = await a_type(tx)
        values = {"poolable": True, "pool_target": many, **more}
        await tx.exec(update(ContainerType).where(col(ContainerType.id) == kind.id).values(values))
        return kind.id


async def _pooled(*, up: bool = True) -> list[Container]:
    async with reading() as tx:
        query = select(Container).where(col(Container.pooled), col(Container.delete_requested_at).is_(None))
        return [each for each in (await tx.exec(query)).all() if not up or each.status is Status.RUNNING]


async def _until_warm(many: int) -> list[Container]:
    async def there() -> list[Container] | None:
        found = await _pooled()
        return found if len(found) == many else None

    return await eventually(f"{many} machines to be warm", there) if many else await _pooled()


async def _create(actor: Actor, kind_id: int, name: str = "") -> ContainerView:
    async with transaction() as tx:
        return await containers.create(tx, actor, container_type_id=kind_id, name=name)


async def _row(container_id: int) -> Container:
    async with reading() as tx:
        return await tx.get_one(Container, container_id)


async def _ready(container_id: int) -> Container:
    async def is_up() -> Container | None:
        row = await _row(container_id)
        return row if row.status is Status.RUNNING else None

    return await eventually("it to run", is_up)


async def test_who_creates_one_gets_a_warm_machine_with_a_name_and_keys_of_its_own(
    world: tuple[Actor, MemoryNode],
) -> None:
    actor, machine = world
    kind_id = await _keep(1)
    (before,) = await _until_warm(1)
    view = await _create(actor, kind_id, "mine")
    assert view.id == before.id
    after = await _ready(view.id)
    seen = machine.machines[after.domain_name]
    assert (after.user_id, after.name, after.pooled, after.rekeys) == (actor.user_id, "mine", False, False)
    assert after.public_key != before.public_key
    assert after.private_key_sealed != before.private_key_sealed
    assert after.host_key == f"ssh-ed25519 {seen.host_key}" != before.host_key
    assert (seen.became, seen.boot_id) == ("mine", before.boot_id)
    assert after.placement["warm"] is True
    (next_one,) = await _until_warm(1)
    assert next_one.id != view.id


async def test_many_who_create_at_once_get_each_machine_once(world: tuple[Actor, MemoryNode]) -> None:
    actor, _ = world
    kind_id = await _keep(4)
    warm = {each.id for each in await _until_warm(4)}
    got = await asyncio.gather(*(_create(actor, kind_id) for _ in range(12)))
    ids = [each.id for each in got]
    assert len(set(ids)) == 12
    assert warm <= set(ids)
    for each in ids:
        row = await _ready(each)
        assert (row.user_id, row.rekeys) == (actor.user_id, False)


async def test_a_pool_that_is_switched_off_or_of_another_size_is_emptied(world: tuple[Actor, MemoryNode]) -> None:
    kind_id = await _keep(2)
    await _until_warm(2)
    async with transaction() as tx:
        await tx.exec(update(ContainerType).where(col(ContainerType.id) == kind_id).values(memory_mb=512))

    async def renewed() -> bool:
        found = await _pooled()
        return len(found) == 2 and {each.memory_mb for each in found} == {512}

    await eventually("machines of the new size", renewed)
    await _keep(0, poolable=False)

    async def is_empty() -> bool:
        return not await _pooled(up=False)

    await eventually("nothing to be kept warm", is_empty)


@pytest.mark.usefixtures("database")
async def test_what_is_warm_makes_room_for_who_needs_it() -> None:
    async with transaction() as tx:
        actor = await an_actor(tx, limit=10)
        node = await a_node(tx, mem_mb=4096)
    kind_id = await _keep(2)
    async with transaction() as tx:
        assert await pool.refill(tx) == 2
    for _ in range(4):
        await _create(actor, kind_id)
    assert await _pooled(up=False) == []
    with pytest.raises(NoRoom):
        await _create(actor, kind_id)
    async with transaction() as tx:
        assert await pool.refill(tx) == 0
    assert node.id


@pytest.mark.usefixtures("database")
async def test_a_claim_counts_against_the_owners_credits_and_nobody_is_the_pool() -> None:
    actor, _ = await a_world(limit=1)
    kind_id = await _keep(3)
    async with transaction() as tx:
        await pool.refill(tx)
        await tx.exec(update(Container).values(status=Status.RUNNING, host_key="ssh-ed25519 A"))
    await _create(actor, kind_id)
    with pytest.raises(QuotaExceeded):
        await _create(actor, kind_id)
    assert len(await _pooled()) == 2
    async with reading() as tx:
        keeper = (await tx.exec(select(User).where(User.username == pool.KEEPER))).one()
    assert (keeper.is_active, keeper.password_hash) == (False, "")


async def test_the_pools_account_may_be_removed_and_is_made_anew(world: tuple[Actor, MemoryNode]) -> None:
    await _keep(1)
    (before,) = await _until_warm(1)
    async with transaction() as tx:
        await farewell.delete_user(tx, SYSTEM, before.user_id)

    async def is_another() -> bool:
        async with reading() as tx:
            keeper = (await tx.exec(select(User).where(User.username == pool.KEEPER))).first()
        return keeper is not None and keeper.created_at > before.created_at and len(await _pooled()) == 1

    await eventually("another account with a warm machine", is_another)


async def test_nobody_signs_in_as_the_pool(world: tuple[Actor, MemoryNode]) -> None:
    await _keep(1)
    await _until_warm(1)
    for password in ("", "a password", "x" * 2000):
        with pytest.raises(BadCredentials):
            async with transaction() as tx:
                await identity.sign_in(tx, Actor(None), pool.KEEPER, password)


@pytest.mark.usefixtures("database")
async def test_what_nobody_creates_for_a_day_is_kept_warm_once() -> None:
    await a_world()
    kind_id = await _keep(3, pool_wanted_at=now() - timedelta(days=2))
    async with transaction() as tx:
        await pool.refill(tx)
    assert len(await _pooled(up=False)) == 1
    async with transaction() as tx:
        await tx.exec(update(ContainerType).where(col(ContainerType.id) == kind_id).values(pool_wanted_at=now()))
        await pool.refill(tx)
    assert len(await _pooled(up=False)) == 3


def _node(memory_mb: int, vcpus: int) -> NodeFacts:
    return NodeFacts(1, "one", True, vcpus, memory_mb, 0, 0, 0)


_SIZES = st.builds(Size, st.integers(1, 4096), st.integers(1, 8))


@given(_SIZES, st.integers(0, 50_000), st.integers(0, 64), st.integers(0, 20), st.integers(0, 20))
def test_a_pool_leaves_half_of_what_is_free(size: Size, memory_mb: int, vcpus: int, have: int, keep: int) -> None:
    new = rules.lacking(_node(memory_mb, vcpus), size, have=have, keep=keep)
    assert 0 <= new <= max(0, keep - have)
    assert 2 * new * size.memory_mb <= memory_mb
    assert 2 * new * size.vcpus <= vcpus


@given(st.lists(_SIZES, max_size=6), _SIZES, st.integers(0, 8192), st.integers(0, 16))
def test_no_more_is_let_go_than_has_to_be(sizes: list[Size], wanted: Size, memory_mb: int, vcpus: int) -> None:
    warm = [Warm(number, 1, 1, each) for number, each in enumerate(sizes)]
    going = rules.evicted(warm, _node(memory_mb, vcpus), wanted)
    free = Size(memory_mb + sum(each.memory_mb for each in sizes), vcpus + sum(each.vcpus for each in sizes))
    assert (going is None) == (free.memory_mb < wanted.memory_mb or free.vcpus < wanted.vcpus)
    if going:
        less = going[:-1]
        assert (
            memory_mb + sum(each.size.memory_mb for each in less) < wanted.memory_mb
            or vcpus + sum(each.size.vcpus for each in less) < wanted.vcpus
        )


def test_a_type_rests_a_day_after_the_last_one_was_created() -> None:
    moments = (None, _AT, _AT - timedelta(hours=23), _AT - rules.REST)
    assert [rules.wanted(5, each, _AT) for each in moments] == [5, 5, 5, 1]
