"""Where the containers of a node that is being emptied are to go, and why not."""

from dataclasses import dataclass

import pytest

from backend.db import reading, transaction
from backend.models import Container, DesiredState, Leftover, Node, Status
from backend.models.base import now
from backend.rules.policy import SYSTEM, Actor
from backend.services import nodes
from backend.services.moves import plan_moves
from tests.factories import a_container, a_node, a_world

pytestmark = pytest.mark.usefixtures("database")


@dataclass(frozen=True, slots=True)
class World:
    """One user and two nodes."""

    actor: Actor
    rows: tuple[Node, Node]

    async def ask(self, wish) -> None:
        async with transaction() as tx:
            await wish(tx, SYSTEM, self.rows[0].id)

    async def row(self, container_id: int) -> Container:
        async with reading() as tx:
            return await tx.get_one(Container, container_id)


@pytest.fixture
async def still() -> World:
    actor, one = await a_world(limit=10)
    async with transaction() as tx:
        return World(actor, (one, await a_node(tx, mem_mb=16_000)))


async def test_undrain_calls_off_what_has_not_begun(still: World) -> None:
    async with transaction() as tx:
        row = await a_container(tx, still.actor, still.rows[0])
        begun = await a_container(tx, still.actor, still.rows[0], status=Status.STOPPED, desired=DesiredState.STOPPED)
        asked = await a_container(tx, still.actor, still.rows[0], stop_asked_at=now())
    await still.ask(nodes.drain_node)
    async with transaction() as tx:
        assert await plan_moves(tx, still.rows[0].id) == 3
        (await tx.get_one(Container, begun.id)).move_disk = "pqk-begun.1"
    await still.ask(nodes.undrain_node)
    kept, going, back = [await still.row(each.id) for each in (row, begun, asked)]
    assert (kept.move_to_node_id, kept.restart_requested_at) == (None, None)
    assert going.move_to_node_id == still.rows[1].id
    assert back.move_to_node_id is None
    assert back.restart_requested_at is not None  # its guest shuts down already: it is to come back
    async with transaction() as tx:
        assert await plan_moves(tx, still.rows[0].id) == 0


async def test_room_is_given_out_once_and_who_finds_none_is_told_why(still: World) -> None:
    async with transaction() as tx:
        (await tx.get_one(Node, still.rows[1].id)).capacity_mem_mb = 2048
        other = await a_node(tx, mem_mb=16_000)
        other.arch = "aarch64"
        rows = [await a_container(tx, still.actor, still.rows[0]) for _ in range(3)]
        kept = await a_container(tx, still.actor, still.rows[0], desired=DesiredState.STOPPED, status=Status.STOPPED)
    await still.ask(nodes.drain_node)
    async with transaction() as tx:
        assert await plan_moves(tx, still.rows[0].id) == 3
        assert await plan_moves(tx, still.rows[0].id) == 0
    aims = [(await still.row(each.id)).move_to_node_id for each in (*rows, kept)]
    assert aims == [still.rows[1].id, still.rows[1].id, None, still.rows[1].id]
    reason = (await still.row(rows[2].id)).move_reason
    assert "0 MiB of memory free" in reason
    assert "aarch64 is not x86_64" in reason
    used = await _used(still.rows[1].id)
    assert used == 2048  # what is on its way has its room already


async def _used(node_id: int) -> int:
    async with reading() as tx:
        return (await nodes.get_used_resources(tx, node_id)).memory_mb


async def test_where_a_given_node_has_gone_another_is_looked_for(still: World) -> None:
    async with transaction() as tx:
        row = await a_container(tx, still.actor, still.rows[0])
        third = await a_node(tx, mem_mb=8000)
    await still.ask(nodes.drain_node)
    async with transaction() as tx:
        await plan_moves(tx, still.rows[0].id)
        assert (await tx.get_one(Container, row.id)).move_to_node_id == still.rows[1].id
        (await tx.get_one(Node, still.rows[1].id)).healthy = False
    async with transaction() as tx:
        await plan_moves(tx, still.rows[0].id)
    assert (await still.row(row.id)).move_to_node_id == third.id
    async with transaction() as tx:
        (await tx.get_one(Node, third.id)).draining = True
    async with transaction() as tx:
        await plan_moves(tx, still.rows[0].id)
    kept = await still.row(row.id)
    assert kept.move_to_node_id is None
    assert "is being emptied" in kept.move_reason


async def test_nothing_is_sent_where_something_of_it_is_still_to_be_deleted(still: World) -> None:
    async with transaction() as tx:
        row = await a_container(tx, still.actor, still.rows[0])
        tx.add(Leftover(node_id=still.rows[1].id, domain=row.domain_name, disk=f"{row.domain_name}.1"))
    await still.ask(nodes.drain_node)
    async with transaction() as tx:
        assert await plan_moves(tx, still.rows[0].id) == 0
    assert "an earlier copy is being deleted there" in (await still.row(row.id)).move_reason


async def test_what_was_asked_to_shut_down_comes_back_when_there_is_nowhere_to_go(still: World) -> None:
    async with transaction() as tx:
        row = await a_container(tx, still.actor, still.rows[0], stop_asked_at=now(), move_to_node_id=still.rows[1].id)
        (await tx.get_one(Node, still.rows[1].id)).healthy = False
    await still.ask(nodes.drain_node)
    async with transaction() as tx:
        await plan_moves(tx, still.rows[0].id)
    kept = await still.row(row.id)
    assert kept.move_to_node_id is None
    assert kept.restart_requested_at is not None
