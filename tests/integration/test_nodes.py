"""Three real nodes: containers spread over them, and one that hangs takes nothing and nobody with it."""

import os
import signal
from collections.abc import AsyncGenerator

import pytest
from sqlmodel import select

from backend.db import reading, transaction
from backend.models import Node
from backend.services import containers
from backend.settings import settings
from tests.conftest import in_use
from tests.factories import a_world_on
from tests.integration.world import TaskProcess, World
from tests.machines import PrivateNode
from tests.stores import eventually

pytestmark = [pytest.mark.vm]


@pytest.fixture
async def world(three: list[PrivateNode], fresh_postgresql: str, real_settings: None) -> AsyncGenerator[World]:
    """An installation on PostgreSQL with all three as its nodes."""
    async with in_use(fresh_postgresql):
        settings.cache_clear()
        actor, _ = await a_world_on(three[0].uri)
        async with transaction() as tx:
            tx.add_all(Node(name=f"real-{number}", uri=each.uri) for number, each in enumerate(three[1:], 2))
        yield World(actor, three[0])


async def test_three_nodes_share_the_work_and_one_that_hangs_harms_nobody(
    world: World, three: list[PrivateNode], tasks: TaskProcess
) -> None:
    await world.until_healthy()
    made = [await world.create() for _ in range(3)]
    for each in made:
        await world.until(each, "running")
    views = {view.node_name: view for view in [await world.look(each) for each in made]}
    assert len(views) == 3
    assert all(len(view.placement["weighed"]) == 3 for view in views.values())

    hung = views["real"]
    machine = await world.qemu_of(hung.id)
    os.kill(three[0].pid, signal.SIGSTOP)
    try:
        other = views["real-2"]
        await world.ask(containers.power_off, other.id)
        await world.until(other.id, "stopped")
        await world.until(hung.id, "unknown")
        another = await world.create()
        assert (await world.look(another)).node_name != "real"
        await world.until(another, "running")
    finally:
        os.kill(three[0].pid, signal.SIGCONT)
    await world.until(hung.id, "running")
    assert await world.qemu_of(hung.id) == machine

    for each in (*made, another):
        await world.ask(containers.delete, each)
    for each in (*made, another):
        await world.until_gone(each)
    await eventually("no orphans", lambda: _no_orphans(world))


async def _no_orphans(world: World) -> bool:
    async with reading() as tx:
        return all(not node.orphans for node in (await tx.exec(select(Node))).all())
