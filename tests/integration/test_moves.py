"""Three real nodes, one of which is emptied: shells go on where libvirt can migrate, and nothing is lost where not."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import closing

import libvirt
import pytest
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import Unavailable
from backend.guest.shell import guests
from backend.guest.terminals import terminals
from backend.hypervisor.registry import nodes as hypervisors
from backend.models import Container, Leftover, Node
from backend.rules.policy import SYSTEM
from backend.services import containers, nodes
from backend.services import terminals as doors
from backend.settings import settings
from tests.conftest import in_use
from tests.factories import a_type, a_world_on
from tests.integration.world import BOOT_S, TaskProcess, World, qemu_processes
from tests.machines import PrivateNode, told_of
from tests.stores import eventually

pytestmark = [pytest.mark.vm]
_MOVE_S = 240.0


@pytest.fixture
async def world(
    three: list[PrivateNode], fresh_postgresql: str, real_settings: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[World]:
    """An installation on PostgreSQL with all three as its nodes; whatever is made is made on the first."""
    monkeypatch.setenv("MOVE_WARNING_S", "1")
    async with in_use(fresh_postgresql):
        settings.cache_clear()
        actor, _ = await a_world_on(three[0].uri)
        async with transaction() as tx:
            small = await a_type(tx)
            small.memory_mb = 256
            tx.add_all(
                Node(name=f"real-{number}", uri=each.uri, draining=True) for number, each in enumerate(three[1:], 2)
            )
        yield World(actor, three[0])
        await guests().close_all()
        await hypervisors().close_all()
    for each in three:
        each.sweep()


@pytest.fixture
def not_live(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Task processes that don't migrate what runs."""
    monkeypatch.setenv("LIVE_MIGRATION", "off")


async def _fill(world: World, count: int) -> list[int]:
    """Containers on the first node, running; afterwards the others take some too."""
    await world.until_healthy()
    made = [await world.create() for _ in range(count)]
    for each in made:
        await world.until(each, "running", seconds=2 * BOOT_S)
    async with transaction() as tx:
        for node in (await tx.exec(select(Node))).all():
            node.draining = False
    return made


async def _drain(world: World) -> None:
    async with transaction() as tx:
        first = (await tx.exec(select(Node).where(Node.name == "real"))).one()
        await nodes.drain_node(tx, SYSTEM, first.id)


async def _with_something_to_lose(world: World) -> tuple[int, str]:
    """A container that runs, with 30 MB on its disk, and what `sha256sum` says of them."""
    (made,) = await _fill(world, 1)
    await _run(made, "head -c 30000000 /dev/urandom > /root/kept; sync")
    return made, await _run(made, "sha256sum /root/kept")


async def _run(container_id: int, command: str) -> str:
    """A command's output. Just after a migration the guest's sshd may still see off whom it knew on the other node."""

    faults: list[str] = []

    async def tried() -> tuple[str] | None:
        async with reading() as tx:
            door = await doors.look(tx, SYSTEM, container_id)
        try:
            done = await guests().run(await door.address(), command, timeout_s=60)
        except Unavailable as fault:
            faults.append(str(fault))
            return None
        if done.timed_out:
            faults.append("it did not end")
            return None
        return (done.stdout.decode().strip(),)

    try:
        return (await eventually(f"“{command}” to run", tried, seconds=120))[0]
    except TimeoutError as late:
        raise TimeoutError("\n".join((str(late), *faults, await _told_of(container_id)))) from late


async def _told_of(container_id: int) -> str:
    async with reading() as tx:
        row = await tx.get_one(Container, container_id)
        node = await tx.get_one(Node, row.node_id)
    return await asyncio.to_thread(told_of, node.uri, row.domain_name)


async def _until_moved(world: World, made: list[int]) -> None:
    async def moved() -> bool:
        async with reading() as tx:
            rows = [await tx.get_one(Container, each) for each in made]
            left = (await tx.exec(select(Leftover))).all()
            first = (await tx.exec(select(Node.id).where(Node.name == "real"))).one()
        return not left and all(row.node_id != first and row.status == row.desired_state for row in rows)

    await eventually("everything to have moved", moved, seconds=_MOVE_S)
    assert [path.name for path in world.node.pool.glob("pqk-*")] == []
    async with reading() as tx:
        for each in made:
            row = await tx.get_one(Container, each)
            assert len(qemu_processes(row.domain_name)) == (1 if row.desired_state == "running" else 0)
    assert await world.orphans() == []


async def _delete_all(world: World, made: list[int]) -> None:
    for each in made:
        await world.ask(containers.delete, each)
    for each in made:
        await world.until_gone(each)


async def test_a_drained_nodes_shells_go_on(world: World, three: list[PrivateNode], tasks: TaskProcess) -> None:
    made = await _fill(world, 3)
    before = {each: await _run(each, "cat /proc/sys/kernel/random/boot_id") for each in made}
    async with reading() as tx:
        door = await doors.look(tx, SYSTEM, made[0])
    terminal = await terminals().open(await door.address(), "main", 80, 24)
    viewer = terminal.attach(80, 24)
    await eventually("the shell", lambda: _answers(terminal, viewer, b"KEPT=in-this-shell; "), seconds=60)
    await _drain(world)
    await _until_moved(world, made)
    assert {each: await _run(each, "cat /proc/sys/kernel/random/boot_id") for each in made} == before
    async with reading() as tx:
        door = await doors.look(tx, SYSTEM, made[0])
    terminals().readdress(await door.address())  # what an open tab does
    await eventually("the shell to be reached again", lambda: _answers(terminal, viewer), seconds=60)
    terminal.detach(viewer)
    await terminals().forget_all()
    await _delete_all(world, made)


_WRITER = """\
import time
memory, number, said = bytearray(16 << 20), 0, open("/run/said", "a", buffering=1)
while set(memory[::4096]) == {number % 256}:
    number += 1
    memory[::4096] = bytes([number % 256]) * (len(memory) // 4096)
    print(number, file=said)
    time.sleep(0.02)
print("lost", sorted(set(memory[::4096])), file=said)
"""


async def test_what_is_written_in_memory_while_it_moves_arrives(
    world: World, three: list[PrivateNode], tasks: TaskProcess
) -> None:
    (made,) = await _fill(world, 1)
    await _run(made, f"cat > /root/writer.py << 'END'\n{_WRITER}END\nsystemd-run --quiet python3 /root/writer.py")

    async def goes_on(since: int) -> bool:
        said = await _run(made, "tail -n 1 /run/said || true") or "0"
        assert said.isdigit(), said
        return int(said) > since + 20

    await eventually("it to write", lambda: goes_on(0), seconds=60)
    await _drain(world)
    await _until_moved(world, [made])
    assert await _pages_sent_again(made) == 0  # an emulated processor's writes while it is copied may be lost
    before = int(await _run(made, "tail -n 1 /run/said"))
    await eventually("it to write on", lambda: goes_on(before), seconds=60)
    await _delete_all(world, [made])


async def _pages_sent_again(container_id: int) -> int:
    """How many pages of its memory were copied a second time when it came here, as they had been written meanwhile."""
    async with reading() as tx:
        row = await tx.get_one(Container, container_id)
        node = await tx.get_one(Node, row.node_id)
    with closing(libvirt.open(node.uri)) as connection:
        stats = connection.lookupByName(row.domain_name).jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
    print(f"held still for {stats[libvirt.VIR_DOMAIN_JOB_DOWNTIME]} ms")
    sent = stats[libvirt.VIR_DOMAIN_JOB_MEMORY_CONSTANT] + stats[libvirt.VIR_DOMAIN_JOB_MEMORY_NORMAL]
    return sent - stats[libvirt.VIR_DOMAIN_JOB_MEMORY_TOTAL] // stats[libvirt.VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE]


async def _until_seen(viewer, mark: bytes) -> None:
    seen = b""
    while mark not in seen:
        item = await viewer.next()
        data = item if isinstance(item, bytes) else getattr(item, "data", b"")
        viewer.ack(len(data))
        seen += data


async def _answers(terminal, viewer, first: bytes = b"") -> bool:
    terminal.type(first + b"echo =$KEPT=\n")
    try:
        await asyncio.wait_for(_until_seen(viewer, b"=in-this-shell="), 5)
    except TimeoutError:
        return False
    return True


async def test_what_runs_and_cannot_be_migrated_is_stopped_moved_and_booted(
    world: World, three: list[PrivateNode], not_live: None, tasks: TaskProcess
) -> None:
    (made,) = await _fill(world, 1)
    await _run(made, "echo precious > /root/kept; sync")
    before = await _run(made, "cat /proc/sys/kernel/random/boot_id")
    await _drain(world)
    await _until_moved(world, [made])
    assert await _run(made, "cat /root/kept") == "precious"
    assert await _run(made, "cat /proc/sys/kernel/random/boot_id") != before
    await _delete_all(world, [made])


async def test_what_is_stopped_moves_with_its_disk_and_a_killed_task_process_costs_nothing(
    world: World, three: list[PrivateNode], tasks: TaskProcess
) -> None:
    made, digest = await _with_something_to_lose(world)
    await world.ask(containers.power_off, made)
    await world.until(made, "stopped", seconds=120)
    await _drain(world)
    await eventually("the copy to have begun", lambda: _is_copying(made), seconds=60)
    tasks.kill()
    tasks.start()
    await _until_moved(world, [made])
    await world.ask(containers.power_on, made)
    await world.until(made, "running")
    assert await _run(made, "sha256sum /root/kept") == digest
    await _delete_all(world, [made])


async def test_a_task_process_killed_in_a_live_migration_leaves_one_machine(
    world: World, three: list[PrivateNode], tasks: TaskProcess
) -> None:
    made, digest = await _with_something_to_lose(world)
    await _drain(world)
    await eventually("the migration to have begun", lambda: _is_copying(made), seconds=60)
    await eventually("a second QEMU", lambda: _machines(made, 2), seconds=60)
    tasks.kill()
    tasks.start()
    await _until_moved(world, [made])
    assert await _run(made, "sha256sum /root/kept") == digest
    await _delete_all(world, [made])


async def test_a_target_that_dies_in_the_middle(world: World, three: list[PrivateNode], tasks: TaskProcess) -> None:
    made, digest = await _with_something_to_lose(world)
    await world.ask(containers.power_off, made)
    await world.until(made, "stopped", seconds=120)
    await _drain(world)
    await eventually("the copy to have begun", lambda: _is_copying(made), seconds=60)
    async with reading() as tx:
        row = await tx.get_one(Container, made)
        aim = await tx.get_one(Node, row.move_to_node_id)
    hurt = next(each for each in three if each.uri == aim.uri)
    os.kill(hurt.pid, signal.SIGKILL)
    await world.ask(containers.power_off, made)
    await eventually("another try, or the end of it", lambda: _has_left(made), seconds=_MOVE_S)
    await asyncio.to_thread(hurt.start)
    await _until_moved(world, [made])
    await world.ask(containers.power_on, made)
    await world.until(made, "running")
    assert await _run(made, "sha256sum /root/kept") == digest
    await _delete_all(world, [made])


async def _has_left(container_id: int) -> bool:
    async with reading() as tx:
        row = await tx.get_one(Container, container_id)
        first = (await tx.exec(select(Node.id).where(Node.name == "real"))).one()
    return row.node_id != first


async def _is_copying(container_id: int) -> bool:
    async with reading() as tx:
        row = await tx.get_one(Container, container_id)
    return bool(row.move_disk)


async def _machines(container_id: int, count: int) -> bool:
    async with reading() as tx:
        row = await tx.get_one(Container, container_id)
    return len(qemu_processes(row.domain_name)) >= count
