"""What a person is told when something is missing, silent, full or locked; and that nothing is lost by it."""

import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest
from sqlmodel import select

from backend import db
from backend.db import reading, transaction
from backend.errors import DatabaseBusy, NoRoom
from backend.guest.shell import guests
from backend.hypervisor import local_libvirtd
from backend.hypervisor.registry import nodes
from backend.models import Container, Node
from backend.services import containers, terminals
from backend.services.views import ContainerView
from tests.integration.world import TaskProcess, World
from tests.machines import PrivateNode, built_image, private_node
from tests.stores import eventually

pytestmark = [pytest.mark.vm]
_MIB = 1024 * 1024


@pytest.fixture
def image(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with links to the real image, to be spoilt; the tasks that start from now on use it."""
    folder = tmp_path / "image"
    folder.mkdir()
    for part in built_image().base.parent.iterdir():
        (folder / part.name).symlink_to(part.resolve())
    monkeypatch.setenv("IMAGE_DIR", str(folder))
    return folder


@pytest.fixture
def small_node() -> Generator[PrivateNode]:
    """A node with a disk of its own that is soon full."""
    with private_node() as node:
        local_libvirtd.stop(node.folder)
        images = node.folder / "lib" / "images"
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(images)], check=True)
        try:
            node.start()
            yield node
        finally:
            local_libvirtd.stop(node.folder, with_machines=True)
            subprocess.run(["umount", str(images)], check=True)


@pytest.fixture
async def small_world(world: World, small_node: PrivateNode) -> World:
    """The same installation, on the node with the small disk."""
    async with transaction() as tx:
        (await tx.exec(select(Node))).one().uri = small_node.uri
    return World(world.actor, small_node)


async def test_a_missing_image_is_told_and_mended_without_a_restart(
    world: World, image: Path, more_tasks: TaskProcess
) -> None:
    more_tasks.start()
    await world.until_healthy()
    base = image / built_image().base.name
    real = base.readlink()
    base.unlink()
    for uploaded in world.node.pool.glob("image-*.qcow2"):
        uploaded.unlink()

    container_id = await world.create()
    view = await world.until(container_id, "error")
    _tells_of_the_image(view.reason)
    await eventually("the node to be known as unprepared", lambda: _is_unprepared(world))
    with pytest.raises(NoRoom) as refusal:
        await world.create()
    _tells_of_the_image(refusal.value.message)
    assert await _how_many(world) == 1

    # A process that has never seen the image has to say so too.
    more_tasks.kill()
    more_tasks.start()
    await world.ask(containers.power_on, container_id)
    view = await world.until(container_id, "error")
    _tells_of_the_image(view.reason)

    base.symlink_to(real)
    await world.ask(containers.power_on, container_id)
    await world.until(container_id, "running")
    await _is_as_wished(world, container_id)


async def test_a_guest_that_never_answers_is_left_for_a_look_and_booted_anew_by_a_retry(
    world: World, image: Path, more_tasks: TaskProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = image / "manifest.json"
    good = manifest.read_text()
    silent = json.loads(good)
    silent["cmdline"] += " systemd.unit=basic.target"  # it boots, and tells nobody
    manifest.unlink()
    manifest.write_text(json.dumps(silent))
    monkeypatch.setenv("BOOT_TIMEOUT_S", "1")  # it has 10 s all the same
    more_tasks.start()
    await world.until_healthy()

    container_id = await world.create()
    view = await world.until(container_id, "error")
    assert re.fullmatch(r"The guest did not answer within \d+ s of booting\. Retry boots it again\.", view.reason)
    assert (view.phase, view.desired_state) == ("", "running")
    silent_machine = await world.qemu_of(container_id)
    assert len(silent_machine) == 1
    disk = await _disk(world, container_id)

    more_tasks.kill()
    manifest.write_text(good)
    monkeypatch.delenv("BOOT_TIMEOUT_S")
    more_tasks.start()
    await world.until_healthy()
    assert (await world.look(container_id)).status == "error"  # nobody cuts its power unasked
    await world.ask(containers.power_on, container_id)
    await world.until(container_id, "running")
    await _is_as_wished(world, container_id)
    assert await world.qemu_of(container_id) != silent_machine
    assert await _disk(world, container_id) == disk


async def test_a_full_disk_refuses_new_machines_and_pauses_running_ones_until_there_is_room(
    small_world: World, more_tasks: TaskProcess
) -> None:
    world, ballast = small_world, small_world.node.folder / "lib" / "images" / "ballast"
    more_tasks.start()
    await world.until_healthy()
    _fill(ballast, leave_bytes=0)
    container_id = await world.create()
    view = await world.until(container_id, "error")
    assert view.reason == "The disk of node “real” is full. An operator has to free some space there."
    ballast.unlink()
    await world.ask(containers.power_on, container_id)
    await world.until(container_id, "running")

    machine = await world.qemu_of(container_id)
    await _inside(world, container_id, "systemctl is-system-running --wait")  # its start writes, too
    _fill(ballast, leave_bytes=16 * _MIB)
    write = "head -c 40M /dev/urandom | tee much | sha256sum > sum; sync; touch written"
    await _inside(world, container_id, f"(setsid sh -c '{write}') > /dev/null 2>&1 &")
    view = await world.until(container_id, "error")
    assert view.reason == "The disk of node “real” is full. An operator has to free some space there."
    ballast.unlink()
    await world.until(container_id, "running")
    assert await world.qemu_of(container_id) == machine  # it went on; it was not booted anew
    await _inside(world, container_id, "until [ -e written ]; do sleep 0.1; done; echo 3 > /proc/sys/vm/drop_caches")
    assert await _inside(world, container_id, "sha256sum < much | cmp - sum && stat -c %s much") == str(40 * _MIB)
    await _is_as_wished(world, container_id)


async def test_a_locked_database_refuses_wishes_and_loses_none(
    world: World, tasks: TaskProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await db.dispose()
    monkeypatch.setattr(db, "_LOCK_WAIT_S", 1)  # for the person; the task process waits its full time
    await world.until_healthy()
    container_id = await world.create()
    await world.until_phase(container_id, "booting")
    log = tmp_path / "tasks.log"
    with closing(sqlite3.connect(tmp_path / "test.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        before = await world.look(container_id)
        for refused in (world.ask(containers.delete, container_id), world.create()):
            with pytest.raises(DatabaseBusy, match="Nothing was changed; try again in a moment"):
                await refused
        await eventually("the tasks to give up waiting", lambda: "database is busy" in log.read_text(), seconds=40)
        assert await world.look(container_id) == before
        machine = await world.qemu_of(container_id)  # it was started, and its row knows nothing of it
        other.execute("ROLLBACK")

    await world.until(container_id, "running")
    assert await world.qemu_of(container_id) == machine
    assert await _how_many(world) == 1
    await _is_as_wished(world, container_id)
    await world.ask(containers.delete, container_id)
    await world.until_gone(container_id)


def _tells_of_the_image(sentence: str) -> None:
    assert "guest image is missing" in sentence
    assert "`make image`" in sentence


def _fill(ballast: Path, *, leave_bytes: int) -> None:
    free = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - leave_bytes)


async def _inside(world: World, container_id: int, command: str) -> str:
    """What a command says in the guest. Nothing is kept open: a link may not outlive a pause."""
    async with reading() as tx:
        address = await (await terminals.look(tx, world.actor, container_id)).address()
    try:
        done = await guests().run(address, f"cd /root; {command}", timeout_s=60)
    finally:
        await guests().close_all()
        await nodes().close_all()
    assert done.exit_code == 0, done
    return done.stdout.decode().strip()


async def _is_unprepared(world: World) -> bool:
    async with reading() as tx:
        return not (await tx.exec(select(Node))).one().prepared


async def _how_many(world: World) -> int:
    async with reading() as tx:
        listed: list[ContainerView] = await containers.list_visible(tx, world.actor)
    return len(listed)


async def _disk(world: World, container_id: int) -> int:
    """Which file it is: another number would be another disk."""
    row = await world.row(container_id)
    assert isinstance(row, Container)
    return (world.node.pool / f"{row.domain_name}.qcow2").stat().st_ino


async def _is_as_wished(world: World, container_id: int) -> None:
    """It runs, once, and nothing reminds of the trouble."""
    view = await world.look(container_id)
    assert (view.status, view.reason, view.phase) == ("running", "", "")
    assert len(await world.qemu_of(container_id)) == 1
    assert await world.orphans() == []
