"""Emptying a node with three real machines, each with a shell: how long it takes, and how many shells it costs."""

import os
import tempfile
import time
from contextlib import suppress

from sqlmodel import select

from backend import db, settings
from backend.db import reading, transaction
from backend.errors import Unavailable
from backend.events.bus import bus
from backend.guest import dtach
from backend.guest.shell import guests
from backend.migrations import migrate
from backend.models import Container, Node
from backend.rules.policy import SYSTEM, Actor
from backend.seed import seed
from backend.services import containers, nodes
from backend.services import terminals as doors
from backend.tasks.runner import running
from tests.bench.report import Figure
from tests.factories import a_type, a_world_on
from tests.machines import built_image, private_node
from tests.stores import eventually

_MACHINES = 3
_SHELL = "bench"


async def measure() -> list[Figure]:
    """From two libvirtds, each in a network namespace of its own, under software emulation."""
    with private_node() as one, private_node() as two, tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "DATABASE_URL": f"sqlite:///{home}/bench.sqlite3",
            "IMAGE_DIR": str(built_image().base.parent),
            "NODE_ACCELERATION": "tcg",
        }
        settings.settings.cache_clear()
        bus.cache_clear()
        try:
            await migrate()
            await seed()
            actor, first = await a_world_on(one.uri)
            async with transaction() as tx:
                (await a_type(tx)).memory_mb = 256
                other = Node(name="other", uri=two.uri, draining=True)
                tx.add(other)
            async with running():
                return await _drained(actor, first.id, other.id)
        finally:
            await db.dispose()


async def _drained(actor: Actor, first: int, other: int) -> list[Figure]:
    await eventually("the nodes", _ready, seconds=120)
    made = [await _create(actor) for _ in range(_MACHINES)]
    await eventually("the machines", lambda: _all_run_off(made, other), seconds=240)
    before = {each: await _shells(each, start=True) for each in made}
    async with transaction() as tx:
        await nodes.undrain_node(tx, SYSTEM, other)
        await nodes.drain_node(tx, SYSTEM, first)
    began = time.perf_counter()
    await eventually("the drain", lambda: _all_run_off(made, first), seconds=600)
    taken_s = time.perf_counter() - began
    after = {each: await _shells(each) for each in made}
    lost = sum(after[each] != before[each] or b"alive" not in after[each] for each in made)
    return [
        Figure(f"drain of a node with {_MACHINES} running machines", taken_s, "s", 1),
        Figure("shells lost by it", lost, "", _MACHINES, 0),
    ]


async def _ready() -> bool:
    async with reading() as tx:
        return all(node.healthy and node.prepared for node in (await tx.exec(select(Node))).all())


async def _create(actor: Actor) -> int:
    async with transaction() as tx:
        return (await containers.create(tx, actor, container_type_id=(await a_type(tx)).id)).id


async def _all_run_off(made: list[int], node_id: int) -> bool:
    """All run, and none of them on that node."""
    async with reading() as tx:
        rows = [await tx.get_one(Container, each) for each in made]
    return all(row.status == "running" and row.node_id != node_id for row in rows)


async def _shells(container_id: int, *, start: bool = False) -> bytes:
    """The guest's boot, the process of its shell, and that it is alive."""
    async with reading() as tx:
        door = await doors.look(tx, SYSTEM, container_id)
    begin = f"({dtach.start_command(_SHELL, 80, 24)}); sleep 1; " if start else ""
    pid = f"{dtach.socket_of(_SHELL)}.pid"
    command = f"{begin}cat /proc/sys/kernel/random/boot_id {pid}; {dtach.fate_command(_SHELL)}"
    for _ in range(5):
        with suppress(Unavailable):  # the guest's sshd sees off whom it knew on the other node
            return (await guests().run(await door.address(), command, timeout_s=60)).stdout
    return b""
