"""What only a real libvirtd can show: losses, hangs, full disks, and ways into guests."""

import asyncio
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from uuid import uuid4

import pytest

from backend.errors import ImageMissing, NodeDiskFull, NodeFault, Unavailable
from backend.guest.readiness import await_ready
from backend.hypervisor import local_libvirtd
from backend.hypervisor.driver import READY, Acceleration, DomainSpec, GuestImage, Hypervisor, Preparation
from backend.hypervisor.images import load_image
from backend.hypervisor.libvirt_connection import close_connection, open_connection
from backend.hypervisor.libvirt_driver import LibvirtNode
from backend.hypervisor.memory import MemoryNode
from backend.rules.lifecycle import OffReason, Power
from tests.contract.conftest import Bench, clear
from tests.machines import PrivateNode, private_node
from tests.stores import eventually

pytestmark = pytest.mark.vm

_DEADLINE_S = 3.0


@pytest.fixture
def own_libvirtd() -> Generator[PrivateNode]:
    """A libvirtd to be hurt."""
    with private_node() as node:
        yield node


@pytest.fixture
async def hurt(own_libvirtd: PrivateNode, image: GuestImage) -> AsyncGenerator[Bench]:
    """A prepared node whose libvirtd the test may kill or stop."""
    node = LibvirtNode(own_libvirtd.uri, deadline_s=_DEADLINE_S)
    wanted = Preparation(image, Acceleration.TCG)
    await node.prepare(wanted)
    yield Bench("qemu", node, wanted)
    own_libvirtd.start()
    await eventually("the node answers again", lambda: _answers(node))
    await clear(node)
    await node.close()


@pytest.fixture
async def whole(libvirtd: PrivateNode, image: GuestImage) -> AsyncGenerator[Bench]:
    """A prepared node whose guests boot to the end."""
    node = LibvirtNode(libvirtd.uri)
    bench = Bench("qemu", node, Preparation(image, Acceleration.TCG))
    await node.prepare(bench.wanted)
    yield bench
    await clear(node)
    await node.close()


async def _answers(node: LibvirtNode) -> bool:
    try:
        await node.facts()
    except Unavailable:
        return False
    return True


async def _ready(node: Hypervisor, spec: DomainSpec) -> None:
    await await_ready(node, spec.name, 60)


async def test_a_guest_that_is_asked_shuts_down_and_says_so(whole: Bench) -> None:
    node, spec = whole.node, await whole.running()
    await _ready(node, spec)

    async def is_off() -> bool:
        """A guest that is still starting services does not hear the power button yet: so it is asked again."""
        await node.ask_off(spec.name)
        return (await node.observe(spec.name)).power is Power.OFF

    await eventually("the guest is off", is_off, seconds=60, pause_s=1)
    assert (await node.observe(spec.name)).off_reason is OffReason.SHUT_DOWN


async def test_a_killed_qemu_is_a_crash(hurt: Bench, own_libvirtd: PrivateNode) -> None:
    spec = await hurt.running()
    woken = asyncio.Event()
    hurt.node.on_change(woken.set)
    os.kill(int((own_libvirtd.folder / "run" / "qemu" / f"{spec.name}.pid").read_text()), signal.SIGKILL)
    await asyncio.wait_for(woken.wait(), 10)

    async def is_off() -> bool:
        return (await hurt.node.observe(spec.name)).power is Power.OFF

    await eventually("the domain is off", is_off)
    assert (await hurt.node.observe(spec.name)).off_reason is OffReason.CRASHED


async def test_nobody_at_the_socket_is_unavailable_at_once(socket_of_nobody: str) -> None:
    node = LibvirtNode(socket_of_nobody)
    began = time.monotonic()
    with pytest.raises(Unavailable) as refusal:
        await node.facts()
    assert not isinstance(refusal.value, NodeFault)
    assert time.monotonic() - began < 2
    await node.close()


async def test_machines_outlive_a_killed_libvirtd(hurt: Bench, own_libvirtd: PrivateNode) -> None:
    spec = await hurt.running()
    woken = asyncio.Event()
    hurt.node.on_change(woken.set)
    os.kill(own_libvirtd.pid, signal.SIGKILL)
    await asyncio.wait_for(woken.wait(), 5)
    with pytest.raises(Unavailable) as refusal:
        await hurt.node.observe(spec.name)
    assert not isinstance(refusal.value, NodeFault)
    own_libvirtd.start()
    assert (await hurt.node.observe(spec.name)).power is Power.ON
    woken.clear()
    await hurt.running()  # events work on the new connection too
    await asyncio.wait_for(woken.wait(), 5)


async def test_what_a_killed_libvirtd_had_locked_is_free_again(hurt: Bench, own_libvirtd: PrivateNode) -> None:
    spec, gone = await hurt.running(), asyncio.Event()
    held = await hurt.node.open_channel(spec.name, READY)
    hurt.node.on_change(gone.set)
    os.kill(own_libvirtd.pid, signal.SIGKILL)
    await asyncio.wait_for(gone.wait(), 10)  # until then a start would find it running
    held.close()
    (lock,) = (own_libvirtd.folder / "lock").iterdir()
    lock.write_text(f"{os.getpid():10d}\n")  # another program has its pid by now
    own_libvirtd.start()

    async def is_free() -> bool:
        try:
            (await hurt.node.open_channel(spec.name, READY)).close()
        except Unavailable:
            return False
        return True

    await eventually("the port to be free", is_free, seconds=60)


async def test_another_machine_at_the_same_address_is_noticed(hurt: Bench, own_libvirtd: PrivateNode) -> None:
    before, gone = (await hurt.node.facts()).host_id, asyncio.Event()
    hurt.node.on_change(gone.set)
    os.kill(own_libvirtd.pid, signal.SIGKILL)
    await asyncio.wait_for(gone.wait(), 5)  # until then a start would find it running
    (own_libvirtd.folder / "uuid").write_text(f"{uuid4()}\n")
    own_libvirtd.start()

    async def is_another() -> bool:
        return await _answers(hurt.node) and (await hurt.node.facts()).host_id not in ("", before)

    await eventually("the other machine", is_another)


async def test_a_node_that_hangs_is_given_up_and_holds_up_nobody(hurt: Bench, own_libvirtd: PrivateNode) -> None:
    await hurt.node.facts()
    other = LibvirtNode("test:///default")
    os.kill(own_libvirtd.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        answers = await asyncio.gather(*(hurt.node.facts() for _ in range(12)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {Unavailable}
        assert time.monotonic() - began < 3 * _DEADLINE_S
        began = time.monotonic()
        await other.facts()
        assert time.monotonic() - began < 1
    finally:
        os.kill(own_libvirtd.pid, signal.SIGCONT)
        await other.close()
    await eventually("the node answers again", lambda: _answers(hurt.node))


@pytest.fixture
def small_libvirtd(own_libvirtd: PrivateNode) -> Generator[PrivateNode]:
    """A libvirtd whose disk is too small for a base image."""
    local_libvirtd.stop(own_libvirtd.folder)
    images = str(own_libvirtd.folder / "lib" / "images")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", images], check=True)
    try:
        own_libvirtd.start()
        yield own_libvirtd
    finally:
        local_libvirtd.stop(own_libvirtd.folder)
        subprocess.run(["umount", images], check=True)


async def test_a_full_disk_is_called_so(small_libvirtd: PrivateNode, image: GuestImage) -> None:
    node = LibvirtNode(small_libvirtd.uri, name="small")
    with pytest.raises(NodeDiskFull, match="small"):
        await node.prepare(Preparation(image, Acceleration.TCG))
    await node.close()


async def test_an_image_that_was_never_built_is_called_missing(libvirtd: PrivateNode, tmp_path: Path) -> None:
    with pytest.raises(ImageMissing, match="make image"):
        load_image(tmp_path)
    node = LibvirtNode(libvirtd.uri)
    absent = GuestImage("never-built", tmp_path / "base", tmp_path / "kernel", tmp_path / "initrd", "quiet")
    with pytest.raises(ImageMissing):
        await node.prepare(Preparation(absent, Acceleration.TCG))
    await node.close()


async def test_an_image_that_went_from_the_node_is_called_missing(hurt: Bench, own_libvirtd: PrivateNode) -> None:
    spec = hurt.spec()
    await hurt.node.make_disk(spec.name, 4)
    for kernel in own_libvirtd.pool.glob("image-*.vmlinux"):
        kernel.unlink()
    with pytest.raises(ImageMissing):
        await hurt.node.boot(spec)


async def test_an_upload_that_was_killed_is_done_again(own_libvirtd: PrivateNode, tmp_path: Path) -> None:
    sizes = {"base": 300_000_000, "kernel": 1000, "initrd": 1000}
    for name, size in sizes.items():
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    (tmp_path / "manifest.json").write_text(
        '{"version": "v1", "base": "base", "kernel": "kernel", "initrd": "initrd", "cmdline": ""}'
    )
    uploading = await asyncio.create_subprocess_exec(sys.executable, "-c", _UPLOAD, own_libvirtd.uri, str(tmp_path))
    base = own_libvirtd.pool / "image-v1.qcow2"
    await eventually("the upload is under way", lambda: base.exists() and base.stat().st_blocks > 0)
    uploading.kill()
    await uploading.wait()
    assert not (own_libvirtd.pool / "image-v1.complete").exists()
    node = LibvirtNode(own_libvirtd.uri)
    await node.prepare(Preparation(load_image(tmp_path), Acceleration.TCG))
    assert {path.name: path.stat().st_size for path in own_libvirtd.pool.iterdir()} == {
        "image-v1.qcow2": sizes["base"],
        "image-v1.vmlinux": sizes["kernel"],
        "image-v1.initrd": sizes["initrd"],
        "image-v1.complete": 0,
    }
    await node.close()


_UPLOAD = """
import asyncio, sys
from pathlib import Path
from backend.hypervisor.driver import Acceleration, Preparation
from backend.hypervisor.images import load_image
from backend.hypervisor.libvirt_connection import close_connection, open_connection
from backend.hypervisor.libvirt_driver import LibvirtNode
asyncio.run(LibvirtNode(sys.argv[1]).prepare(Preparation(load_image(Path(sys.argv[2])), Acceleration.TCG)))
"""


async def test_a_probe_tells_how_a_node_accelerates_and_leaves_nothing(
    libvirtd: PrivateNode, image: GuestImage
) -> None:
    node = LibvirtNode(libvirtd.uri)
    assert await node.prepare(Preparation(image)) in set(Acceleration)
    connection = open_connection(libvirtd.uri)
    assert not [domain.name() for domain in connection.listAllDomains(0) if "probe" in domain.name()]
    close_connection(connection)
    await node.close()


async def test_a_channel_carries_lines_both_ways_until_it_is_taken_over(whole: Bench) -> None:
    node, spec = whole.node, await whole.running()
    await _ready(node, spec)
    first = await node.open_channel(spec.name, READY)
    await first.write(b"?\n")
    assert (await asyncio.wait_for(first.read(), 10)).startswith(b"ready ssh-ed25519 ")
    second = await node.open_channel(spec.name, READY)
    assert await asyncio.wait_for(_until_gone(first), 10)
    await second.write(b"?\n")
    assert (await asyncio.wait_for(second.read(), 10)).startswith(b"ready ssh-ed25519 ")
    await node.power_off(spec.name)
    assert await asyncio.wait_for(_until_gone(second), 10)
    with pytest.raises(Unavailable):
        await second.write(b"?\n")


async def test_a_channel_that_opens_when_nobody_waits_any_more_is_let_go(whole: Bench) -> None:
    node, spec = whole.node, await whole.running()
    first = await node.open_channel(spec.name, READY)
    with pytest.raises(TimeoutError):  # it asks politely for 2 s before it takes the port
        async with asyncio.timeout(0.2):
            await node.open_channel(spec.name, READY)
    assert await asyncio.wait_for(_until_gone(first), 10)
    await eventually(
        "both to be let go", lambda: f"channel {READY}" not in {each.name for each in threading.enumerate()}
    )


async def test_a_guest_that_floods_costs_no_more_than_the_bound(whole: Bench) -> None:
    node, spec = whole.node, await whole.running()
    await _ready(node, spec)
    before = _resident_mb()
    flood = await node.open_channel(spec.name, READY)
    await flood.write(b"\n" * 200_000)  # each is answered with 120 bytes, 24 MB in all
    kept = await asyncio.wait_for(_all_of(flood), 120)
    assert kept <= 9 << 20
    assert _resident_mb() - before < 64


async def _all_of(channel: object) -> int:
    await eventually("the channel is given up", lambda: channel._gone, seconds=110)  # type: ignore[attr-defined]
    count = 0
    while data := await channel.read():  # type: ignore[attr-defined]
        count += len(data)
    return count


async def _until_gone(channel: object) -> bool:
    while await channel.read():  # type: ignore[attr-defined]
        pass
    return True


def _resident_mb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20


async def test_a_fault_of_the_fake_is_raised_until_it_is_taken_back() -> None:
    node = MemoryNode()
    node.fault = NodeDiskFull("fake")
    with pytest.raises(NodeDiskFull):
        await node.facts()
    node.fault, node.silent = None, True
    with pytest.raises(Unavailable):
        await node.facts()
    node.silent = False
    assert await node.facts()


async def test_starting_and_stopping_twice_is_doing_it_once(own_libvirtd: PrivateNode) -> None:
    pid = own_libvirtd.pid
    own_libvirtd.start()
    assert own_libvirtd.pid == pid
    assert local_libvirtd.status(own_libvirtd.folder) == own_libvirtd.uri
    for _ in range(2):
        local_libvirtd.stop(own_libvirtd.folder, with_machines=True)
        assert local_libvirtd.status(own_libvirtd.folder) == ""


async def test_its_socket_is_one_users_alone(own_libvirtd: PrivateNode) -> None:
    socket = own_libvirtd.folder / "run" / "libvirt-sock"
    assert (socket.stat().st_uid, socket.stat().st_mode & 0o777) == (0, 0o700)
    local_libvirtd.start(own_libvirtd.folder, owner="nobody", netns=own_libvirtd.netns)
    assert (socket.owner(), socket.stat().st_mode & 0o777) == ("nobody", 0o700)


async def test_qemu_is_not_root(hurt: Bench, own_libvirtd: PrivateNode) -> None:
    spec = await hurt.running()
    pid = (own_libvirtd.folder / "run" / "qemu" / f"{spec.name}.pid").read_text()
    assert pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name == "libvirt-qemu"
