"""Checkpoints of disks: what every driver does alike."""

from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from backend.errors import NodeFault
from backend.hypervisor.driver import Hypervisor
from backend.hypervisor.libvirt_driver import LibvirtNode
from backend.hypervisor.memory import MemoryNode
from backend.rules.lifecycle import Power, Seen
from tests.contract.conftest import Bench, clear
from tests.machines import private_node


def _skip_mock(bench: Bench) -> None:
    if bench.kind == "mock":
        pytest.skip("libvirt's mock has no disks")


async def test_checkpoints_are_made_as_it_runs_and_forgotten(bench: Bench) -> None:
    _skip_mock(bench)
    node, spec = bench.node, await bench.running()
    assert await node.checkpoints(spec.name) == frozenset()
    for tag in ("one", "two", "one"):
        await node.checkpoint(spec.name, tag)
    assert await node.checkpoints(spec.name) == {"one", "two"}
    for _ in range(2):
        await node.forget_checkpoint(spec.name, "one")
    assert await node.checkpoints(spec.name) == {"two"}
    assert await node.observe(spec.name) == Seen(defined=True, power=Power.ON, disk=True)


async def test_a_disk_is_set_back_when_it_is_off_and_only_to_what_is_on_it(bench: Bench) -> None:
    _skip_mock(bench)
    node, spec = bench.node, await bench.running()
    await node.checkpoint(spec.name, "one")
    with pytest.raises(NodeFault):
        await node.restore(spec.name, "one")
    await node.power_off(spec.name)
    for _ in range(2):
        await node.restore(spec.name, "one")
    with pytest.raises(NodeFault):
        await node.restore(spec.name, "none")
    assert (await node.observe(spec.name)).power is Power.OFF
    await node.boot(spec)
    assert await node.checkpoints(spec.name) == {"one"}


async def test_what_is_off_or_absent_has_none(bench: Bench) -> None:
    node, spec = bench.node, await bench.running()
    await node.power_off(spec.name)
    for name in (spec.name, "pqk-nobody"):
        for call in (node.checkpoint(name, "one"), node.checkpoints(name), node.forget_checkpoint(name, "one")):
            with pytest.raises(NodeFault):
                await call
    with pytest.raises(NodeFault):
        await node.restore("pqk-nobody", "one")


async def test_where_there_are_none_to_be_had_it_runs_on(bench: Bench) -> None:
    if bench.kind != "mock":
        pytest.skip("it has them")
    spec = await bench.running()
    with pytest.raises(NodeFault):
        await bench.node.checkpoint(spec.name, "one")
    assert (await bench.node.observe(spec.name)).power is Power.ON


async def test_a_machine_with_checkpoints_sleeps_is_copied_and_goes(bench: Bench) -> None:
    _skip_mock(bench)
    node, spec, copy = bench.node, await bench.running(), f"{bench.spec().name}.1"
    await node.checkpoint(spec.name, "one")
    await node.sleep(spec.name)
    await node.wake(spec.name)
    assert await node.checkpoints(spec.name) == {"one"}
    await node.power_off(spec.name)
    await node.clone_disk(spec.name, copy)
    await node.restore(spec.name, "one")
    await node.grow_disk(spec.name, 6)
    await node.boot(spec)
    await node.power_off(spec.name)
    await node.undefine(spec.name)
    await node.delete_disk(spec.name)
    await node.delete_disk(copy)
    assert await node.observe(spec.name) == Seen()


async def test_a_machine_that_moves_as_it_runs_leaves_its_checkpoints_behind(bench: Bench) -> None:
    _skip_mock(bench)
    async with _another(bench) as target:
        node, spec = bench.node, await bench.running()
        moved = replace(spec, disk=f"{spec.name}.1")
        await node.checkpoint(spec.name, "one")
        await node.migrate(spec.name, spec.name, target, moved.disk_name)
        assert (await target.observe(spec.name, moved.disk_name)).power is Power.ON
        assert await target.checkpoints(spec.name) == frozenset()
        await target.checkpoint(spec.name, "two")
        await target.power_off(spec.name)
        with pytest.raises(NodeFault):
            await target.restore(spec.name, "one")
        await target.restore(spec.name, "two")
        await target.undefine(spec.name)
        await target.delete_disk(moved.disk_name)


@asynccontextmanager
async def _another(bench: Bench) -> AsyncGenerator[Hypervisor]:
    """A second node of the same kind."""
    with ExitStack() as stack:
        uri = stack.enter_context(private_node()).uri if bench.kind == "qemu" else ""
        target: Hypervisor = LibvirtNode(uri) if uri else MemoryNode()
        await target.prepare(bench.wanted)
        yield target
        await clear(target)
        await target.close()
