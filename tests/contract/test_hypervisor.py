"""What every driver does alike, whatever is behind it."""

import asyncio
import time
from dataclasses import replace

import libvirt
import pytest

from backend.errors import NodeFault, Unavailable
from backend.hypervisor.domain_xml import POOL, disk_name
from backend.hypervisor.driver import READY
from backend.hypervisor.libvirt_driver import LibvirtNode
from backend.hypervisor.memory import MemoryNode
from backend.rules.lifecycle import OffReason, Power, Seen
from tests.contract.conftest import Bench
from tests.stores import eventually


async def test_a_node_says_what_it_is_made_of(bench: Bench) -> None:
    facts = await bench.node.facts()
    assert facts.cpus > 0
    assert facts.mem_mb > 0
    assert facts.arch


async def test_preparing_again_changes_nothing(bench: Bench) -> None:
    spec = await bench.running()
    assert await bench.node.prepare(bench.wanted) is bench.wanted.acceleration
    assert (await bench.node.observe(spec.name)).power is Power.ON


async def test_both_ways_of_looking_agree_from_nothing_to_nothing(bench: Bench) -> None:
    node, spec = bench.node, bench.spec()

    async def look() -> Seen:
        seen = await node.observe(spec.name)
        assert (await node.survey()).machines.get(spec.name, Seen()) == seen
        return seen

    assert await look() == Seen()
    await node.make_disk(spec.name, 4)
    assert await look() == Seen(disk=True)
    await node.boot(spec)
    assert await look() == Seen(defined=True, power=Power.ON, disk=True)
    await node.power_off(spec.name)
    assert await look() == Seen(defined=True, power=Power.OFF, off_reason=OffReason.UNKNOWN, disk=True)
    await node.undefine(spec.name)
    assert await look() == Seen(disk=True)
    await node.delete_disk(spec.name)
    assert await look() == Seen()


async def test_asking_for_what_is_so_already_changes_nothing(bench: Bench) -> None:
    node, spec = bench.node, await bench.running()
    before = await node.observe(spec.name)
    await node.make_disk(spec.name, 4)
    await node.boot(spec)
    await node.resume(spec.name)
    assert await node.observe(spec.name) == before
    for _ in range(2):
        await node.power_off(spec.name)
        await node.ask_off(spec.name)
        await node.resume(spec.name)
    assert (await node.observe(spec.name)).power is Power.OFF
    for _ in range(2):
        await node.undefine(spec.name)
        await node.delete_disk(spec.name)
    assert await node.observe(spec.name) == Seen()


async def test_what_runs_is_not_pulled_from_under_itself(bench: Bench) -> None:
    spec = await bench.running()
    with pytest.raises(NodeFault):
        await bench.node.undefine(spec.name)
    with pytest.raises(NodeFault):
        await bench.node.delete_disk(spec.name)
    assert await bench.node.observe(spec.name) == Seen(defined=True, power=Power.ON, disk=True)


async def test_a_new_size_holds_from_the_next_boot(bench: Bench) -> None:
    if bench.kind == "mock":
        pytest.skip("libvirt's mock tells no figures")
    node, spec = bench.node, await bench.running()
    bigger = replace(spec, vcpus=2)
    await node.boot(bigger)
    assert (await node.usage())[spec.name].vcpus == 1
    await node.power_off(spec.name)
    await node.boot(bigger)
    usage = await eventually("figures of the machine", lambda: _usage_of(bench, spec.name))
    assert usage.vcpus == 2


async def _usage_of(bench: Bench, name: str) -> object:
    return (await bench.node.usage()).get(name)


async def test_whatever_else_lives_on_a_node_is_not_seen(bench: Bench) -> None:
    if isinstance(bench.node, MemoryNode):
        bench.node.disks["somebody-elses"] = 1
    assert all(name.startswith("pqk-") for name in (await bench.node.survey()).machines)
    assert all(name.startswith("pqk-") for name in await bench.node.usage())


async def test_changes_wake_who_listens(bench: Bench) -> None:
    woken = asyncio.Event()
    bench.node.on_change(woken.set)
    spec = await bench.running()
    await asyncio.wait_for(woken.wait(), 10)
    woken.clear()
    await bench.node.power_off(spec.name)
    await asyncio.wait_for(woken.wait(), 10)


async def test_there_is_no_way_into_a_machine_that_is_off(bench: Bench) -> None:
    spec = await bench.running()
    await bench.node.power_off(spec.name)
    with pytest.raises(Unavailable):
        await bench.node.open_channel(spec.name, READY)
    with pytest.raises(Unavailable):
        await bench.node.open_channel("pqk-nobody", READY)


async def test_nothing_boots_before_the_node_is_prepared(bench: Bench) -> None:
    fresh = MemoryNode() if bench.kind == "memory" else LibvirtNode("test:///default")
    with pytest.raises(NodeFault):
        await fresh.make_disk(bench.spec().name, 4)
    with pytest.raises(NodeFault):
        await fresh.boot(bench.spec())
    await fresh.close()


async def test_the_fake_is_quick_with_five_thousand_machines() -> None:
    node = MemoryNode()
    node.disks = {f"pqk-{number}": 1 for number in range(5000)}
    began = time.perf_counter()
    assert len((await node.survey()).machines) == 5000
    assert time.perf_counter() - began < 0.5


async def test_a_disk_grows_while_its_machine_is_off_and_never_shrinks(bench: Bench) -> None:
    node, spec = bench.node, await bench.running()
    with pytest.raises(NodeFault):
        await node.grow_disk(spec.name, 6)
    await node.power_off(spec.name)
    for asked_gib in (6, 6, 3):
        await node.grow_disk(spec.name, asked_gib)
    assert bench.kind == "mock" or await _disk_gib(bench, spec.name) == 6
    await node.boot(spec)
    assert await node.observe(spec.name) == Seen(defined=True, power=Power.ON, disk=True)
    with pytest.raises(NodeFault):
        await node.grow_disk("pqk-nobody", 6)


async def _disk_gib(bench: Bench, name: str) -> int:
    """As whoever made it tells. (libvirt's mock can't resize.)"""
    if isinstance(bench.node, MemoryNode):
        return bench.node.disks[name]
    connection = libvirt.open(bench.uri)
    try:
        volume = connection.storagePoolLookupByName(POOL).storageVolLookupByName(disk_name(name))
        return volume.info()[1] // 2**30
    finally:
        connection.close()
