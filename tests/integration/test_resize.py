"""A real machine that grows: its guest sees the larger disk, and what was on it is still there."""

import pytest

from backend.db import reading, transaction
from backend.guest.shell import guests, reach
from backend.hypervisor.registry import nodes
from backend.models import Container, Node
from backend.services import containers, sizes
from tests.factories import a_type
from tests.integration.world import TaskProcess, World

pytestmark = [pytest.mark.vm]

_AWAIT_GROWN = """
end=$(($(date +%s) + 150))
while [ "$(df -BG --output=size / | tail -1 | tr -dc 0-9)" -lt 9 ]; do
    if [ "$(date +%s)" -ge $end ]; then
        { lsblk; cat /var/lib/pequeroku/disk-sectors; systemctl list-jobs; systemctl --failed; journalctl -n 40; } >&2
        exit 1
    fi
    sleep 1
done
"""
"""The guest grows its file system as the last thing of its boot; one that does not says what it was about."""


async def _run(container_id: int, command: str) -> str:
    async with reading() as tx:
        row = await tx.get_one(Container, container_id)
        node = await tx.get_one(Node, row.node_id)
    address = await reach(node.uri, row.domain_name, row.private_key_sealed, row.host_key)
    done = await guests().run(address, command, timeout_s=180)
    await guests().drop(row.domain_name)
    assert done.exit_code == 0, done.stderr.decode()
    return done.stdout.decode().strip()


async def _root_gib(container_id: int) -> float:
    return int(await _run(container_id, "df -B1 --output=size / | tail -1")) / 2**30


async def test_a_stopped_container_that_is_resized_has_a_larger_disk_inside_and_all_its_files(
    world: World, tasks: TaskProcess
) -> None:
    await world.until_healthy()
    box = await world.create()
    await world.until(box, "running")
    before = await _root_gib(box)
    digest = await _run(box, "head -c 3000000 /dev/urandom > /root/kept; sync; sha256sum < /root/kept")
    await world.ask(containers.power_off, box)
    await world.until(box, "stopped")
    async with transaction() as tx:
        await sizes.resize(tx, world.actor, box, container_type_id=(await a_type(tx, "medium")).id)
    await world.ask(containers.power_on, box)
    await world.until(box, "running")
    await _run(box, _AWAIT_GROWN)
    assert before < 5.1
    assert 9 < await _root_gib(box) < 10.1
    assert await _run(box, "sha256sum < /root/kept") == digest
    assert await _run(box, "nproc") == "2"
    row = await world.row(box)
    assert row is not None
    assert row.disk_made_gib == 10
    await nodes().close_all()
