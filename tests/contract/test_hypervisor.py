"""What every driver does alike, whatever is behind it."""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from uuid import uuid4

import libvirt
import pytest

from backend.errors import NodeFault, Unavailable
from backend.hypervisor.domain_xml import POOL, disk_name
from backend.hypervisor.driver import READY, DiskFacts
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


async def test_totals_of_disk_and_network_are_told_and_only_grow(bench: Bench) -> None:
    if bench.kind == "mock":
        pytest.skip("libvirt's mock tells no figures")
    spec = await bench.running()
    first = await eventually("figures of the machine", lambda: _usage_of(bench, spec.name))
    later = await eventually("figures again", lambda: _usage_of(bench, spec.name))
    for name in ("cpu_ns", "disk_read_bytes", "disk_write_bytes", "net_rx_bytes", "net_tx_bytes"):
        before, after = getattr(first, name), getattr(later, name)
        assert (before is None) is (after is None)
        assert before is None or 0 <= before <= after, name
    assert first.disk_read_bytes is not None
    assert first.disk_used_bytes is not None
    assert first.net_rx_bytes is not None


async def _usage_of(bench: Bench, name: str) -> object:
    return (await bench.node.usage()).get(name)


async def test_whatever_else_lives_on_a_node_is_not_seen(bench: Bench) -> None:
    if isinstance(bench.node, MemoryNode):
        bench.node.disks["somebody-elses"] = 1
    assert all(name.startswith("pqk-") for name in (await bench.node.survey()).machines)
    assert all(name.startswith("pqk-") for name in await bench.node.usage())


async def test_changes_wake_who_listens(bench: Bench) -> None:
    woken = asyncio.Event()
    no_more = bench.node.on_change(woken.set)
    spec = await bench.running()
    await asyncio.wait_for(woken.wait(), 10)
    woken.clear()
    await bench.node.power_off(spec.name)
    await asyncio.wait_for(woken.wait(), 10)
    no_more()
    await bench.node.observe(spec.name)  # what was on its way arrives meanwhile
    woken.clear()
    others = asyncio.Event()
    bench.node.on_change(others.set)
    await bench.node.boot(spec)
    await asyncio.wait_for(others.wait(), 10)
    assert not woken.is_set()


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


async def _bytes(*pieces: bytes) -> AsyncGenerator[bytes]:
    for piece in pieces:
        yield piece


async def test_a_disk_is_read_as_it_was_written_and_never_written_over(bench: Bench) -> None:
    if bench.kind == "mock":
        pytest.skip("libvirt's mock keeps no bytes")
    node, name = bench.node, f"{bench.spec().name}.1"
    content = [b"QFI\xfb" + bytes(200_000), b"\x01" * 1_500_000, b"end"]
    await node.write_disk(name, DiskFacts(4 << 30, ""), _bytes(*content))
    assert b"".join([piece async for piece in node.read_disk(name)]) == b"".join(content)
    assert name in (await node.survey()).disks
    with pytest.raises(NodeFault):
        await node.write_disk(name, DiskFacts(4 << 30, ""), _bytes(b"other"))
    assert b"".join([piece async for piece in node.read_disk(name)]) == b"".join(content)
    await node.delete_disk(name)
    with pytest.raises(NodeFault):
        await node.disk_facts(name)


async def test_a_machine_may_have_a_disk_of_another_name(bench: Bench) -> None:
    node, spec = bench.node, bench.spec()
    spec = replace(spec, disk=f"{spec.name}.3")
    await node.make_disk(spec.disk, 4)
    await node.boot(spec)
    assert await node.observe(spec.name, spec.disk) == Seen(defined=True, power=Power.ON, disk=True)
    assert (await node.observe(spec.name)).disk is False
    survey = await node.survey()
    assert survey.of(spec.name, spec.disk) == Seen(defined=True, power=Power.ON, disk=True)
    if bench.kind != "mock":  # whose domains know no files
        with pytest.raises(NodeFault):
            await node.delete_disk(spec.disk)
    await node.power_off(spec.name)
    await node.undefine(spec.name)
    await node.delete_disk(spec.disk)


async def test_a_base_image_counts_once_it_is_said_to_be_whole(bench: Bench) -> None:
    if bench.kind == "mock":
        pytest.skip("libvirt's mock keeps no bytes")
    node = bench.node
    base = f"image-{uuid4().hex[:8]}"
    assert not await node.has_base(base)
    for content in (b"a half", b"the whole of it"):  # the first try was killed
        await node.write_base(base, _bytes(content))
        assert not await node.has_base(base)
    await node.keep_base(base)
    assert await node.has_base(base)
    assert b"".join([piece async for piece in node.read_disk(base)]) == b"the whole of it"


async def test_a_migration_that_is_not_under_way_is_ended_already(bench: Bench) -> None:
    spec = await bench.running()
    await bench.node.stop_migrating(spec.name)
    await bench.node.stop_migrating("pqk-nobody")
    assert (await bench.node.observe(spec.name)).power is Power.ON


async def test_nodes_of_two_kinds_exchange_no_running_machines(bench: Bench) -> None:
    spec = await bench.running()
    other = LibvirtNode("test:///default") if bench.kind == "memory" else MemoryNode()
    with pytest.raises(NodeFault):
        await bench.node.migrate(spec.name, spec.name, other, f"{spec.name}.1")
    assert (await bench.node.observe(spec.name)).power is Power.ON
    await other.close()
