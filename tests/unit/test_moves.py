"""Emptying a node over the memory driver: everything arrives, once, whatever dies on the way."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import pytest
from sqlmodel import col, select

from backend.db import reading, transaction
from backend.errors import Unavailable
from backend.hypervisor.driver import DiskFacts
from backend.hypervisor.memory import MemoryNode
from backend.hypervisor.registry import nodes as hypervisors
from backend.models import Container, DesiredState, Leftover, Node, Notification, Status
from backend.models.base import now
from backend.rules.lifecycle import Power, Step
from backend.rules.policy import SYSTEM, Actor
from backend.services import containers, nodes
from backend.settings import settings
from backend.tasks import leases, moving, node_probe
from backend.tasks.helm import Helm
from backend.tasks.runner import running
from tests.factories import a_container, a_node, a_type, a_world
from tests.stores import eventually

pytestmark = pytest.mark.usefixtures("database", "quick")
_CONTENT = bytes(range(256)) * 40


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No image has to be built, nobody is warned for long, and leftovers are looked for often."""
    monkeypatch.setattr(node_probe, "load_image", lambda _folder: None)
    monkeypatch.setattr(moving, "_LOOK_AGAIN_S", 0.1)
    monkeypatch.setenv("MOVE_WARNING_S", "0")
    settings.cache_clear()


class World:
    """One user and two nodes. Containers are made on the first."""

    def __init__(self, actor: Actor, one: Node, two: Node) -> None:
        self.actor, self.rows = actor, (one, two)
        self.one, self.two = MemoryNode(), MemoryNode(mem_mb=16384)
        self.connect()

    def connect(self) -> None:
        """A process that ends lets go of its nodes; the machines go on."""
        for row, machine in zip(self.rows, (self.one, self.two), strict=True):
            hypervisors().put(row.uri, machine)

    async def create(self, *, runs: bool = True) -> int:
        """A container on the first node, with something on its disk."""
        async with transaction() as tx:
            view = await containers.create(tx, self.actor, container_type_id=(await a_type(tx)).id)
        await self.until(view.id, "running")
        assert (await self.row(view.id)).node_id == self.rows[0].id
        self.one.contents[(await self.row(view.id)).disk_name] = _CONTENT
        if not runs:
            async with transaction() as tx:
                await containers.power_off(tx, self.actor, view.id)
            await self.until(view.id, "stopped")
        return view.id

    async def ask(self, wish) -> None:
        async with transaction() as tx:
            await wish(tx, SYSTEM, self.rows[0].id)

    async def row(self, container_id: int) -> Container:
        async with reading() as tx:
            return await tx.get_one(Container, container_id)

    async def until(self, container_id: int, status: str) -> None:
        async def reached() -> bool:
            return (await self.row(container_id)).status == status

        await eventually(f"container {container_id} to be {status}", reached)

    async def until_moved(self, *container_ids: int) -> None:
        """On the second node, as wished, with nothing left on the first."""

        async def moved() -> bool:
            rows = [await self.row(each) for each in container_ids]
            arrived = all(row.node_id == self.rows[1].id and row.status == row.desired_state for row in rows)
            return arrived and not self.one.machines and not self.one.disks and not await _leftovers()

        await eventually("everything to be on the other node, and nothing to be left", moved)

    async def check_one_of(self, container_id: int) -> None:
        """One row, one machine at most, one disk, and what stood on it."""
        row = await self.row(container_id)
        homes = [each for each in (self.one, self.two) if row.domain_name in each.machines]
        on = [each for each in homes if each.machines[row.domain_name].power is not Power.OFF]
        assert len(on) == (1 if row.desired_state is DesiredState.RUNNING else 0)
        disks = [(each, disk) for each in (self.one, self.two) for disk in each.disks if disk.startswith("pqk-")]
        assert disks == [(self.two, row.disk_name)]
        assert self.two.contents[row.disk_name] == _CONTENT
        async with reading() as tx:
            assert [node.orphans for node in (await tx.exec(select(Node))).all()] == [[], []]


async def _leftovers() -> list[Leftover]:
    async with reading() as tx:
        return list((await tx.exec(select(Leftover))).all())


async def _told(actor: Actor) -> list[str]:
    async with reading() as tx:
        mine = select(Notification).where(Notification.user_id == actor.user_id).order_by(col(Notification.id))
        return [each.title for each in (await tx.exec(mine)).all()]


@pytest.fixture
async def still() -> World:
    """Nothing reconciles yet. The first node is the better one, until it is drained."""
    actor, one = await a_world(limit=10)
    async with transaction() as tx:
        return World(actor, one, await a_node(tx, mem_mb=16_000))


@pytest.fixture
async def world(still: World) -> AsyncGenerator[World]:
    async with running():
        await _prepared(still)
        yield still


async def _prepared(world: World) -> None:
    async def ready() -> bool:
        async with reading() as tx:
            found = (await tx.exec(select(Node))).all()
        beats = all(node.heartbeat_at is not None for node in found)  # their real sizes are known
        return beats and world.one.prepared is not None and world.two.prepared is not None

    await eventually("the nodes to be ready", ready)


async def test_what_runs_moves_without_a_boot_and_its_owner_is_told(world: World) -> None:
    made = [await world.create() for _ in range(2)]
    await world.ask(nodes.drain_node)
    await world.until_moved(*made)
    rows = [await world.row(each) for each in made]
    assert [world.two.machines[row.domain_name].boots for row in rows] == [1, 1]
    assert all("is on node" in title for title in await _told(world.actor))
    assert all(world.two.contents[row.disk_name] == _CONTENT for row in rows)


async def test_what_cannot_be_moved_as_it_runs_is_announced_stopped_copied_and_booted(world: World) -> None:
    world.two.takes_live = False
    made = await world.create()
    await world.ask(nodes.drain_node)
    await world.until_moved(made)
    await world.check_one_of(made)
    warning, arrival = await _told(world.actor)
    assert "will be stopped" in warning
    assert "is on node" in arrival


@pytest.mark.parametrize(("breaks_off", "is_stopped"), [(2, False), (3, True)])
async def test_a_migration_that_breaks_off_is_tried_three_times_before_anything_is_stopped(
    world: World, breaks_off: int, is_stopped: bool
) -> None:
    world.one.breaks_off = breaks_off
    made = await world.create()
    await world.ask(nodes.drain_node)
    await world.until_moved(made)
    await world.check_one_of(made)
    assert any("will be stopped" in each for each in await _told(world.actor)) is is_stopped


async def test_what_is_stopped_arrives_stopped_and_starts_there(world: World) -> None:
    made = await world.create(runs=False)
    await world.ask(nodes.drain_node)
    await world.until_moved(made)
    await world.check_one_of(made)
    async with transaction() as tx:
        await containers.power_on(tx, world.actor, made)
    await world.until(made, "running")
    await world.check_one_of(made)


async def test_a_disk_goes_to_the_node_that_the_row_names_when_the_copy_begins(still: World) -> None:
    async with transaction() as tx:
        third, stopped = await a_node(tx), {"status": Status.STOPPED, "desired": DesiredState.STOPPED}
        row = await a_container(tx, still.actor, still.rows[0], move_to_node_id=still.rows[1].id, **stopped)
    elsewhere = MemoryNode()
    hypervisors().put(third.uri, elsewhere)
    still.one.disks[row.disk_name], still.one.contents[row.disk_name] = 5, _CONTENT
    helm = Helm(still.rows[0].id, "me", await leases.take(still.rows[0].id, "me") or 0, still.one)
    seen = await helm.load(row.id, Step.COPY_DISK_AWAY)
    assert seen is not None
    async with transaction() as tx:  # the second node is drained, too, and another place was found
        (await tx.get_one(Container, row.id)).move_to_node_id = third.id
    await moving.copy_disk_away(helm, seen)
    moved = await still.row(row.id)
    assert (moved.node_id, elsewhere.contents) == (third.id, {moved.disk_name: _CONTENT})
    assert not still.two.disks


async def test_back_again(world: World) -> None:
    made = await world.create()
    await world.ask(nodes.drain_node)
    await world.until_moved(made)
    async with transaction() as tx:
        await nodes.undrain_node(tx, SYSTEM, world.rows[0].id)
        await nodes.drain_node(tx, SYSTEM, world.rows[1].id)

    async def is_back() -> bool:
        row = await world.row(made)
        return row.node_id == world.rows[0].id and row.status is Status.RUNNING and not world.two.disks

    await eventually("it to be back", is_back)
    row = await world.row(made)
    assert (row.moves, list(world.one.disks)) == (2, [f"{row.domain_name}.2"])
    assert world.one.contents[row.disk_name] == _CONTENT


async def test_the_image_that_a_disk_stands_on_comes_along(world: World) -> None:
    made = await world.create(runs=False)
    world.one.base, world.one.contents["image-1"] = "image-1", b"an older image"
    await world.ask(nodes.drain_node)
    await world.until_moved(made)
    assert world.two.bases == {"image-1"}
    assert world.two.contents["image-1"] == b"an older image"


_CALLS = [
    ("source", "migrate"), ("source", "read_disk"), ("source", "delete_disk"), ("source", "undefine"),
    ("source", "disk_facts"), ("target", "write_disk"), ("target", "read_disk"), ("target", "boot"),
]  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("live", [True, False], ids=["live", "stopping"])
@pytest.mark.parametrize(("side", "call"), _CALLS)
async def test_what_reconciles_may_be_ended_at_any_call(
    still: World, side: str, call: str, live: bool, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    still.two.takes_live = live
    machine = still.one if side == "source" else still.two
    async with running():
        await _prepared(still)
        made = await still.create()
        reached = asyncio.Event()
        with monkeypatch.context() as broken:
            broken.setattr(machine, call, _hanging(getattr(machine, call), reached, when))
            await still.ask(nodes.drain_node)
            await eventually("that call, or the end", lambda: _is_over(still, made, reached))
    still.connect()
    async with running():
        await still.until_moved(made)
        await still.check_one_of(made)


async def _never() -> None:
    await asyncio.Event().wait()


async def _is_over(world: World, made: int, reached: asyncio.Event) -> bool:
    row = await world.row(made)
    return reached.is_set() or (row.node_id == world.rows[1].id and row.status == "running" and not world.one.disks)


def _hanging(real, reached: asyncio.Event, when: str):
    """The same call, at which everything stops: before it has done anything, or when it has done it all."""
    if real.__name__ == "read_disk":

        async def pieces(disk: str) -> AsyncIterator[bytes]:
            async for piece in real(disk):
                if when == "after":
                    yield piece
                reached.set()
                await _never()

        return pieces

    async def call(*given: object) -> object:
        if when == "after":
            await real(*given)
        reached.set()
        await _never()
        return None

    return call


async def test_a_target_that_dies_in_the_middle_costs_nothing_but_time(world: World) -> None:
    made = await world.create()
    world.two.takes_live = False
    real = world.two.write_disk

    async def dies(disk: str, facts: DiskFacts, content: AsyncIterator[bytes]) -> None:
        world.two.silent = True
        await real(disk, facts, content)

    world.two.write_disk = dies  # type: ignore[method-assign]
    await world.ask(nodes.drain_node)
    await eventually("the target to die", lambda: world.two.silent)
    await world.until(made, "running")
    row = await world.row(made)
    assert (row.node_id, row.disk, row.move_to_node_id) == (world.rows[0].id, "", None)
    assert row.move_reason
    world.two.write_disk = real  # type: ignore[method-assign]
    world.two.silent = False
    async with transaction() as tx:
        (await tx.get_one(Container, made)).move_after = now()
    await world.until_moved(made)
    await world.check_one_of(made)


async def test_a_copy_that_is_not_the_same_is_never_booted(world: World) -> None:
    made = await world.create(runs=False)
    real = world.two.write_disk

    async def loses(disk: str, facts: DiskFacts, content: AsyncIterator[bytes]) -> None:
        await real(disk, facts, content)
        world.two.contents[disk] = world.two.contents[disk][:-1] + b"!"

    world.two.write_disk = loses  # type: ignore[method-assign]
    await world.ask(nodes.drain_node)

    async def told() -> bool:
        return "not what was sent" in (await world.row(made)).move_reason

    await eventually("the difference to be noticed", told)
    row = await world.row(made)
    assert (row.node_id, world.one.contents[row.disk_name]) == (world.rows[0].id, _CONTENT)
    await eventually("the bad copy to be deleted", lambda: not world.two.disks)


async def test_a_deletion_in_the_middle_of_a_move_leaves_nothing_anywhere(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.two.takes_live = False
    made = await world.create()
    reached = asyncio.Event()
    go_on = asyncio.Event()
    real = world.two.write_disk

    async def slow(disk: str, facts: DiskFacts, content: AsyncIterator[bytes]) -> None:
        reached.set()
        await go_on.wait()
        await real(disk, facts, content)

    world.two.write_disk = slow  # type: ignore[method-assign]
    await world.ask(nodes.drain_node)
    await asyncio.wait_for(reached.wait(), 20)
    async with transaction() as tx:
        await containers.delete(tx, world.actor, made)
    go_on.set()

    async def nothing() -> bool:
        async with reading() as tx:
            gone = await tx.get(Container, made) is None
        both = (world.one, world.two)
        return gone and not any(each.machines or each.disks for each in both) and not await _leftovers()

    await eventually("everything to be gone", nothing)


async def test_a_target_that_dies_after_a_migration_is_waited_for_and_nothing_boots_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await world.create()
    real = world.one.migrate

    async def moves_and_dies(*given: object) -> None:
        await real(*given)  # type: ignore[arg-type]
        world.two.silent = True
        raise Unavailable("The connection broke.")

    monkeypatch.setattr(world.one, "migrate", moves_and_dies)
    await world.ask(nodes.drain_node)

    async def told() -> bool:
        return "is left as it is until that node is back" in (await world.row(made)).status_reason

    await eventually("the wait for the other node", told)
    assert world.one.machines == {}
    world.two.silent = False
    await world.until_moved(made)
    await world.check_one_of(made)
    assert world.two.machines[(await world.row(made)).domain_name].boots == 1
