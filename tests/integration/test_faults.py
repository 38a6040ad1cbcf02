"""kill -9 in the middle of create, start, stop and delete: afterwards the state is as wished, with one machine or none.

Each test takes one container through its whole life and kills something in every step of it.
"""

import os
import signal

import pytest

from backend.db import reading, transaction
from backend.guest.shell import guests
from backend.hypervisor.registry import nodes
from backend.models import Container
from backend.rules.policy import SYSTEM
from backend.services import containers
from backend.services import terminals as doors
from tests.integration.world import SERVER, TASKS, TaskProcess, World, qemu_processes
from tests.stores import eventually

pytestmark = [pytest.mark.vm]


async def _exactly_one_machine(world: World, container_id: int) -> None:
    assert len(await world.qemu_of(container_id)) == 1
    assert await world.orphans() == []


async def _nothing_left(world: World, container_id: int, domain: str) -> None:
    assert await world.row(container_id) is None
    assert qemu_processes(domain) == []
    assert [path.name for path in world.node.pool.glob("pqk-*")] == []
    assert await world.orphans() == []


@pytest.mark.parametrize("tasks", [TASKS, SERVER], ids=["tasks", "server"], indirect=True)
async def test_what_reconciles_killed_in_the_middle_of_everything(world: World, tasks: TaskProcess) -> None:
    await world.until_healthy()
    container_id = await world.create()
    for phase in ("disk", "booting", "guest"):
        await world.until_phase(container_id, phase)
        tasks.kill()
        tasks.start()
    await world.until(container_id, "running")
    await _exactly_one_machine(world, container_id)

    await world.ask(containers.power_off, container_id)
    await world.until_phase(container_id, "stopping")
    tasks.kill()
    tasks.start()
    await world.until(container_id, "stopped")
    assert await world.qemu_of(container_id) == []

    await world.ask(containers.power_on, container_id)
    await world.until_phase(container_id, "booting")
    tasks.kill()
    tasks.start()
    await world.until(container_id, "running")
    await _exactly_one_machine(world, container_id)

    row = await world.row(container_id)
    assert row is not None
    await world.ask(containers.delete, container_id)
    await eventually("the power to be cut", lambda: _is_off(world, container_id))
    tasks.kill()
    tasks.start()
    await world.until_gone(container_id)
    await _nothing_left(world, container_id, row.domain_name)


async def test_libvirtd_killed_in_the_middle_of_everything(world: World, tasks: TaskProcess) -> None:
    await world.until_healthy()
    container_id = await world.create()
    for phase in ("disk", "guest"):
        await world.until_phase(container_id, phase)
        await world.kill_libvirtd()
    await world.until(container_id, "running")
    await _exactly_one_machine(world, container_id)
    before = await world.qemu_of(container_id)

    await world.kill_libvirtd()
    await world.until(container_id, "running")
    assert await world.qemu_of(container_id) == before

    await world.ask(containers.power_off, container_id)
    await world.until_phase(container_id, "stopping")
    await world.kill_libvirtd()
    await world.until(container_id, "stopped")

    await world.ask(containers.power_on, container_id)
    await world.until_phase(container_id, "booting")
    await world.kill_libvirtd()
    await world.until(container_id, "running")
    await _exactly_one_machine(world, container_id)

    row = await world.row(container_id)
    assert row is not None
    await world.ask(containers.delete, container_id)
    await world.kill_libvirtd()
    await world.until_gone(container_id)
    await _nothing_left(world, container_id, row.domain_name)


async def test_qemu_killed_in_the_middle_of_everything(world: World, tasks: TaskProcess) -> None:
    await world.until_healthy()
    container_id = await world.create()
    await world.until_phase(container_id, "guest")
    first = await _kill_qemu(world, container_id)
    await world.until(container_id, "running")
    await _exactly_one_machine(world, container_id)

    second = await _kill_qemu(world, container_id)
    await eventually("another machine", lambda: _runs_anew(world, container_id, {*first, *second}), seconds=90)
    await world.until(container_id, "running")

    await world.ask(containers.power_off, container_id)
    await world.until_phase(container_id, "stopping")
    await _kill_qemu(world, container_id)
    await world.until(container_id, "stopped")
    assert await world.qemu_of(container_id) == []

    row = await world.row(container_id)
    assert row is not None
    await world.ask(containers.power_on, container_id)
    await world.until_phase(container_id, "guest")
    await world.ask(containers.delete, container_id)
    await _kill_qemu(world, container_id)
    await world.until_gone(container_id)
    await _nothing_left(world, container_id, row.domain_name)


async def test_power_that_goes_while_a_guest_writes_its_keys_costs_nothing_but_the_keys(
    world: World, tasks: TaskProcess
) -> None:
    """What was not on the disk yet is there as empty files: that is how ext4 leaves them."""
    await world.until_healthy()
    container_id = await world.create()
    await world.until(container_id, "running")
    empty = "cd /etc/ssh; for each in pequeroku_host*_key*; do : > $each; done; : > /var/lib/pequeroku/instance; sync"
    async with reading() as tx:
        door = await doors.look(tx, SYSTEM, container_id)
    assert (await guests().run(await door.address(), empty, timeout_s=60)).exit_code == 0
    await guests().close_all()
    await nodes().close_all()
    before = await _kill_qemu(world, container_id)
    await eventually("another machine", lambda: _runs_anew(world, container_id, set(before)), seconds=90)
    await world.until(container_id, "running")


async def test_two_task_processes_never_drive_one_node_and_the_second_takes_over(
    world: World, tasks: TaskProcess, more_tasks: TaskProcess
) -> None:
    await world.until_healthy()
    more_tasks.start()
    container_id = await world.create()
    await world.until_phase(container_id, "guest")
    async with transaction() as tx:  # SQLite's one lock is ours meanwhile: who hangs with it would hold up us all
        await tx.get(Container, container_id)
        tasks.suspend()  # a holder that hangs: its lease runs out, and what it writes afterwards must not count
    await world.until(container_id, "running")
    tasks.resume()
    await world.ask(containers.restart, container_id)
    await eventually("the restart to be through", lambda: _is_settled(world, container_id), seconds=240)
    await _exactly_one_machine(world, container_id)


async def _is_off(world: World, container_id: int) -> bool:
    return not await world.qemu_of(container_id)


async def _is_settled(world: World, container_id: int) -> bool:
    view = await world.look(container_id)
    return view.status == "running" and not view.restarting


async def _kill_qemu(world: World, container_id: int) -> list[int]:
    pids = await world.qemu_of(container_id)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return pids


async def _runs_anew(world: World, container_id: int, before: set[int]) -> bool:
    pids = await world.qemu_of(container_id)
    return bool(pids) and not before & set(pids)
