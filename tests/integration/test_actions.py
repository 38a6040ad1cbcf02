"""Sleep, copies and consoles with real guests."""

import asyncio
import time

import pytest

from backend.db import reading, transaction
from backend.errors import Unavailable
from backend.guest.shell import guests
from backend.guest.terminals import terminals
from backend.hypervisor.registry import nodes as hypervisors
from backend.rules.policy import SYSTEM
from backend.services import containers, duplicating, logs, quotas, sleeping
from backend.services import terminals as doors
from backend.services.sizes import resize
from tests.factories import a_type
from tests.integration.world import TaskProcess, World
from tests.stores import eventually

pytestmark = [pytest.mark.vm]


@pytest.fixture(autouse=True)
async def _hung_up(world: World):
    yield
    await terminals().forget_all()
    await guests().close_all()
    await hypervisors().close_all()


async def _run(container_id: int, command: str) -> str:
    async def tried() -> tuple[str] | None:
        async with reading() as tx:
            door = await doors.look(tx, SYSTEM, container_id)
        try:
            done = await guests().run(await door.address(), command, timeout_s=60)
        except Unavailable:
            return None
        return (done.stdout.decode().strip(),)

    return (await eventually(f"“{command}” to run", tried, seconds=120))[0]


async def _created(world: World) -> int:
    await world.until_healthy()
    made = await world.create()
    await world.until(made, "running")
    return made


async def _used(world: World) -> int:
    async with reading() as tx:
        return (await quotas.my_credits(tx, world.actor)).used


async def test_what_sleeps_goes_on_where_it_was_and_knows_what_time_it_is(world: World, tasks: TaskProcess) -> None:
    made = await _created(world)
    boot = await _run(made, "cat /proc/sys/kernel/random/boot_id")
    await _run(made, "nohup sh -c 'while :; do sleep 0.2; echo x >> /run/beats; done' >/dev/null 2>&1 &")
    await world.ask(sleeping.sleep, made)
    view = await world.until(made, "stopped")
    assert view.is_asleep
    assert await _used(world) == 0
    assert await world.qemu_of(made) == []
    tasks.kill()
    tasks.start()
    await asyncio.sleep(3)  # what its clock must have made good
    await world.ask(containers.power_on, made)
    view = await world.until(made, "running")
    assert not view.is_asleep
    assert await _run(made, "cat /proc/sys/kernel/random/boot_id") == boot
    before = int(await _run(made, "wc -l < /run/beats"))
    await eventually("what ran in it to run on", lambda: _is_more(made, before), seconds=30)
    told = float(await _run(made, "date +%s.%N"))

    assert abs(told - time.time()) < 2
    async with reading() as tx:
        kinds = [each.kind for each in await logs.events(tx, world.actor, made)]
    assert kinds[:4] == ["running", "wake", "note-asleep", "sleep"]


async def _is_more(container_id: int, than: int) -> bool:
    return int(await _run(container_id, "wc -l < /run/beats")) > than


async def test_a_stopped_containers_copy_is_another_machine_with_the_same_files(
    world: World, tasks: TaskProcess
) -> None:
    made = await _created(world)
    await _run(made, "echo precious > /root/kept; sync")
    identity = await _run(made, "cat /etc/machine-id /etc/ssh/pequeroku_host_ed25519_key.pub")
    await world.ask(containers.power_off, made)
    await world.until(made, "stopped")
    copy = await _copied(world, made)
    assert await _used(world) == 0
    await world.ask(containers.power_on, made)
    await world.ask(containers.power_on, copy)
    await world.until(made, "running")
    await world.until(copy, "running")
    assert await _used(world) == 2
    assert [await _run(each, "cat /root/kept") for each in (made, copy)] == ["precious", "precious"]
    await _run(copy, "echo other > /root/kept; sync")
    assert await _run(made, "cat /root/kept") == "precious"
    assert await _run(made, "cat /etc/machine-id /etc/ssh/pequeroku_host_ed25519_key.pub") == identity
    others = await _run(copy, "cat /etc/machine-id /etc/ssh/pequeroku_host_ed25519_key.pub; hostname")
    assert not set(others.split()) & (set(identity.split()) - {"ssh-ed25519", "pequeroku"})
    await world.ask(containers.delete, made)
    await world.until_gone(made)
    assert await _run(copy, "cat /root/kept; ls /usr | wc -l") != ""
    assert await world.orphans() == []


async def _copied(world: World, made: int, *, starts: bool = False) -> int:
    async with transaction() as tx:
        copy = (await duplicating.duplicate(tx, world.actor, made, starts=starts)).id

    async def whole() -> bool:
        row = await world.row(copy)
        assert row is not None
        assert row.status != "error", row.status_reason
        return row.copy_of is None

    await eventually("the copy to be whole", whole, seconds=120)
    return copy


async def test_what_runs_is_copied_as_it_is_at_one_moment_and_runs_on(world: World, tasks: TaskProcess) -> None:
    made = await _created(world)
    await eventually("the guest's agent", lambda: _has_agent(made), seconds=200, pause_s=1)
    boot = await _run(made, "cat /proc/sys/kernel/random/boot_id")
    await _run(made, "echo not-synced > /root/kept")
    copy = await _copied(world, made, starts=True)
    assert await _run(made, "echo on > /root/after; sync; cat /proc/sys/kernel/random/boot_id") == boot
    await world.until(copy, "running")
    assert await _run(copy, "cat /root/kept; ls /root") == "not-synced\nkept"
    assert await _run(copy, "dmesg | grep -ci 'recovery\\|corrupt\\|error' || true") is not None
    assert await _used(world) == 2
    assert [path.name for path in world.node.pool.glob("*.1.qcow2")] != []


async def _has_agent(container_id: int) -> bool:
    """It comes with the second stage of the boot."""
    said = await _run(container_id, "systemctl is-active qemu-guest-agent; systemctl list-jobs | tail -5")
    print(said)  # pytest shows it beside a failure
    return said.splitlines()[0] == "active"


async def test_what_a_guest_writes_to_its_console_is_kept_as_text(world: World, tasks: TaskProcess) -> None:
    made = await _created(world)

    async def said() -> bool:
        await _run(made, r"printf '\033[31mhello\033[0m\000 world\r\n' > /dev/console")
        async with reading() as tx:
            return "hello world\n" in (await logs.console(tx, world.actor, made)).text

    await eventually("the console", said, seconds=60)
    await _run(made, "(timeout 5 cat /dev/urandom > /dev/console; echo) 2>/dev/null || true")
    async with reading() as tx:
        text = (await logs.console(tx, world.actor, made)).text
    assert len(text) <= 64 * 1024
    assert text.isprintable() or set(text) - {each for each in text if each.isprintable()} <= {"\n", "\t"}
    async with transaction() as tx:
        assert (await resize(tx, world.actor, made, container_type_id=(await a_type(tx)).id)).id == made
