"""Sleep, copies of disks and consoles: what every driver does alike."""

from collections.abc import Generator
from contextlib import closing, contextmanager

import libvirt
import pytest

from backend.errors import NodeFault, Unavailable
from backend.guest.readiness import await_ready
from backend.hypervisor import libvirt_copies
from backend.hypervisor.driver import DomainSpec
from backend.hypervisor.memory import MemoryNode
from backend.rules.lifecycle import Power, Seen
from tests.contract.conftest import Bench
from tests.stores import eventually


async def test_what_sleeps_is_off_and_kept_and_goes_on(bench: Bench) -> None:
    node, spec = bench.node, await bench.running()
    for _ in range(2):
        await node.sleep(spec.name)
        seen = await node.observe(spec.name)
        assert (seen.power, seen.saved) == (Power.OFF, True)
        assert (await node.survey()).machines[spec.name] == seen
    for _ in range(2):
        await node.wake(spec.name)
        assert await node.observe(spec.name) == Seen(defined=True, power=Power.ON, disk=True)
    await node.sleep("pqk-nobody")


async def test_what_was_kept_can_be_forgotten_and_nothing_is_woken_then(bench: Bench) -> None:
    node, spec = bench.node, await bench.running()
    await node.forget_memory(spec.name)
    assert (await node.observe(spec.name)).power is Power.ON
    await node.sleep(spec.name)
    for _ in range(2):
        await node.forget_memory(spec.name)
        assert not (await node.observe(spec.name)).saved
    with pytest.raises(NodeFault):
        await node.wake(spec.name)
    await node.boot(spec)
    assert await node.observe(spec.name) == Seen(defined=True, power=Power.ON, disk=True)
    await node.forget_memory("pqk-nobody")


async def test_what_is_undefined_keeps_nothing(bench: Bench) -> None:
    node, spec = bench.node, await bench.running()
    await node.sleep(spec.name)
    await node.undefine(spec.name)
    assert await node.observe(spec.name) == Seen(disk=True)


async def test_a_disk_is_cloned_once_and_stands_by_itself(bench: Bench) -> None:
    node, spec = bench.node, await bench.running()
    copy = f"{bench.spec().name}.1"
    await node.power_off(spec.name)
    await node.clone_disk(spec.name, copy)
    assert copy in (await node.survey()).disks
    if bench.kind != "mock":  # whose volumes stand on nothing
        assert await node.disk_facts(copy) == await node.disk_facts(spec.name)
    with pytest.raises(NodeFault):
        await node.clone_disk(spec.name, copy)
    with pytest.raises(NodeFault):
        await node.clone_disk("pqk-nobody", f"{copy}1")
    await node.undefine(spec.name)
    await node.delete_disk(spec.name)
    assert copy in (await node.survey()).disks
    await node.delete_disk(copy)


async def test_what_cannot_be_held_still_is_not_copied_and_runs_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bench.kind == "mock":
        pytest.skip("libvirt's mock has no guests")
    node, spec = bench.node, await bench.running()
    monkeypatch.setattr(libvirt_copies, "_AGENT_BEGINS_S", 0.0)
    with _deaf(bench, spec.name), pytest.raises(NodeFault):
        await node.clone_running(spec.name, spec.name, f"{spec.name}.1")
    await node.end_clone(spec.name)
    await node.end_clone("pqk-nobody")
    assert (await node.observe(spec.name)).power is Power.ON


@contextmanager
def _deaf(bench: Bench, name: str) -> Generator[None]:
    """A guest whose agent answers nobody: the fake has none, a real one stands still."""
    if isinstance(bench.node, MemoryNode):
        bench.node.has_agents = False
        yield
        return
    with closing(libvirt.open(bench.uri)) as connection:
        domain = connection.lookupByName(name)
        domain.suspend()
        yield
        domain.resume()


async def test_consoles_are_heard_by_one_at_a_time(bench: Bench) -> None:
    if bench.kind == "mock":
        pytest.skip("libvirt's mock has no consoles")
    node, spec = bench.node, await bench.running()
    one, other = node.consoles(), node.consoles()
    await one.read()
    assert spec.name not in await other.read() or bench.kind == "memory"
    await one.close()
    await other.close()


@pytest.mark.vm
async def test_a_guest_that_slept_is_in_the_same_boot(bench: Bench) -> None:
    node, spec = bench.node, await bench.running()
    if bench.kind == "mock":
        pytest.skip("libvirt's mock has no guests")
    before = await _ready(bench, spec)
    await node.sleep(spec.name)
    with pytest.raises(Unavailable):
        await await_ready(node, spec.name, 1)
    await node.wake(spec.name)
    after = await eventually("the guest to answer", lambda: _ready(bench, spec), seconds=60)
    assert after == before


async def _ready(bench: Bench, spec: DomainSpec) -> object:
    return await await_ready(bench.node, spec.name, 60, sets_clock=True)
