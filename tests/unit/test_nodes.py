"""Hosts: what may be one, and what is made sure of before anything boots there."""

import pytest
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import Conflict, Forbidden, Invalid, NodeFault, NotFound, Unavailable
from backend.hypervisor.memory import MemoryNode
from backend.models import AuditLog, DesiredState, Node
from backend.rules.node_uri import node_uri
from backend.rules.policy import SYSTEM
from backend.services import containers, nodes
from backend.services.node_views import Resources
from backend.tasks import leases, node_probe
from backend.tasks.helm import Helm
from tests.factories import a_container, a_node, a_type, a_world

pytestmark = pytest.mark.usefixtures("database")
_NO_NAME = "x" * 70  # too long for any resolver to be asked
URI = "qemu+ssh://root@198.51.100.9/system"


@pytest.mark.parametrize(
    ("name", "uri", "blocked", "field"),
    [
        ("tower", "http://198.51.100.9", [], "uri"),
        ("", URI, [], "name"),
        ("x" * 64, URI, [], "name"),
        ("two words", URI, [], "name"),
        ("tower", URI, ["198.51.100.9/33"], "blocked"),
        ("tower", URI, ["tower.example"], "blocked"),
    ],
)
async def test_what_cannot_be_a_node_is_refused_at_the_door(
    name: str, uri: str, blocked: list[str], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        async with transaction() as tx:
            await nodes.create_node(tx, SYSTEM, name=name, uri=uri, blocked_cidrs=blocked)
    assert refusal.value.field == field


async def test_the_addresses_to_block_may_be_ranges_or_single() -> None:
    async with transaction() as tx:
        node = await nodes.create_node(
            tx, SYSTEM, name="tower", uri=URI, blocked_cidrs=[" 198.51.100.9", "2001:db8::/32"]
        )
    assert node.blocked_cidrs == ["198.51.100.9/32", "2001:db8::/32"]


async def test_a_host_whose_own_addresses_are_unknown_boots_nothing() -> None:
    assert await node_probe.own_addresses("qemu+ssh://198.51.100.9/system", []) == ["198.51.100.9"]
    assert await node_probe.own_addresses(f"qemu+ssh://{_NO_NAME}/system", ["198.51.100.9"]) == ["198.51.100.9"]
    with pytest.raises(NodeFault, match="--blocked"):
        await node_probe.own_addresses(f"qemu+ssh://{_NO_NAME}/system", [])


@pytest.mark.parametrize(
    "uri",
    [
        "qemu+ext:///system?command=/bin/sh",
        "qemu+ssh://root@host/system?command=/bin/sh",
        "qemu+ssh://-oProxyCommand=id@host/system",
        "qemu+ssh://-oProxyCommand=id/system",
        "qemu+ssh:///system",
        "qemu+ssh://host",
        "qemu+ssh://[host/system",
        "qemu+ssh://host:port/system",
        "qemu+tls://ho st/system",
        "qemu+tls://hóst/system",
        "lxc:///system",
        "xen+ssh://root@host/system",
        "test:///etc/passwd",
        "file:///etc/passwd",
        "memory://\N{BELL}",
        f"qemu+ssh://{'x' * 600}/system",
        "",
    ],
)
def test_a_uri_that_runs_or_reads_something_else_is_refused(uri: str) -> None:
    with pytest.raises(Invalid) as refusal:
        node_uri(uri)
    assert refusal.value.field == "uri"


@pytest.mark.parametrize(
    "uri",
    [
        "qemu:///system",
        "qemu+unix:///system?socket=/run/x",
        "qemu+ssh://root@host:2222/system?keyfile=/k&no_verify=1",
        "qemu+tls://[2001:db8::1]/system",
        "qemu+tcp://127.0.0.1/session",
        "test:///default",
        "memory://demo",
    ],
)
def test_the_usual_uris_are_taken_as_they_are(uri: str) -> None:
    assert node_uri(uri) == uri


async def test_a_changed_node_is_audited_with_what_it_was() -> None:
    _, node = await a_world()
    async with transaction() as tx:
        await nodes.update_node(tx, SYSTEM, node.id, name="tower", blocked_cidrs=["198.51.100.9"])
    async with reading() as tx:
        row = (await tx.exec(select(AuditLog).where(AuditLog.action == "node.update"))).one()
        kept = await tx.get_one(Node, node.id)
    assert row.details["changed"] == {"name": [node.name, "tower"], "blocked_cidrs": [[], ["198.51.100.9/32"]]}
    assert (kept.name, kept.uri, kept.healthy) == ("tower", node.uri, True)


async def test_a_new_uri_is_looked_at_before_anything_is_placed_there() -> None:
    _, node = await a_world()
    async with transaction() as tx:
        await nodes.update_node(tx, SYSTEM, node.id, uri=URI)
    async with reading() as tx:
        kept = await tx.get_one(Node, node.id)
    assert (kept.uri, kept.healthy, kept.prepared) == (URI, False, False)


async def test_names_and_uris_stay_unique() -> None:
    async with transaction() as tx:
        one, other = await a_node(tx), await a_node(tx)
    for change in ({"name": other.name}, {"uri": other.uri}):
        with pytest.raises(Conflict):
            async with transaction() as tx:
                await nodes.update_node(tx, SYSTEM, one.id, **change)


@pytest.mark.parametrize("wish", [nodes.drain_node, nodes.undrain_node, nodes.delete_node, nodes.wake_node])
async def test_nodes_are_an_administrators_business(wish) -> None:
    actor, node = await a_world()
    with pytest.raises(Forbidden):
        async with transaction() as tx:
            await wish(tx, actor, node.id)
    for nobody in (0, -1, 2**40, 999_999):
        with pytest.raises(NotFound):
            async with transaction() as tx:
                await wish(tx, SYSTEM, nobody)


async def test_the_only_node_asks_where_its_containers_should_go() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        await nodes.drain_node(tx, SYSTEM, node.id)  # it is empty: there is nothing to ask
        await nodes.undrain_node(tx, SYSTEM, node.id)
        await a_container(tx, actor, node)
    with pytest.raises(Conflict, match="Where should the 1 container of"):
        async with transaction() as tx:
            await nodes.drain_node(tx, SYSTEM, node.id)
    with pytest.raises(Conflict, match="Drain it"):
        async with transaction() as tx:
            await nodes.delete_node(tx, SYSTEM, node.id)


async def test_nothing_is_placed_on_a_node_that_is_being_emptied() -> None:
    actor, first = await a_world()
    async with transaction() as tx:
        second = await a_node(tx, mem_mb=2048)
        await nodes.drain_node(tx, SYSTEM, first.id)
    async with transaction() as tx:
        small = (await a_type(tx)).id
        view = await containers.create(tx, actor, container_type_id=small)
    weighed = {each["name"]: each["why_not"] for each in view.placement["weighed"]}
    assert (view.node_name, weighed[first.name]) == (second.name, "is being emptied")
    async with transaction() as tx:
        await nodes.undrain_node(tx, SYSTEM, first.id)
    async with transaction() as tx:
        assert (await containers.create(tx, actor, container_type_id=small)).node_name == first.name


async def test_used_and_free_and_the_score_are_what_the_containers_leave() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        await a_container(tx, actor, node)
        await a_container(tx, actor, node, desired=DesiredState.STOPPED)
        node_id = node.id
        assert await nodes.get_used_resources(tx, node_id) == Resources(1024, 1, 1)
        assert await nodes.get_free_resources(tx, node_id) == Resources(15_360, 15, 1)
        parts = await nodes.get_node_score(tx, node_id)
        assert (parts.memory, parts.vcpus, parts.containers) == (30_720.0, 15.0, -0.5)
        (view,) = [each for each in await nodes.list_nodes(tx, SYSTEM) if each.id == node_id]
    assert (view.score.total, view.containers, view.used.containers) == (30_734.5, 2, 1)


async def test_one_machine_under_two_uris_is_one_node() -> None:
    _, first = await a_world()
    async with transaction() as tx:
        second = await a_node(tx)
    for node, fits in ((first, True), (second, False)):
        fence = await leases.take(node.id, "me")
        machine = MemoryNode(host_id="tower")
        helm = Helm(node.id, "me", fence or 0, machine)
        if fits:
            await node_probe.heartbeat(helm)
        else:
            with pytest.raises(Unavailable, match="same machine"):
                await node_probe.heartbeat(helm)


async def test_another_machine_at_the_uri_of_a_node_with_containers_is_left_alone() -> None:
    actor, node = await a_world()
    fence = await leases.take(node.id, "me") or 0
    await node_probe.heartbeat(Helm(node.id, "me", fence, MemoryNode(host_id="tower")))
    other = Helm(node.id, "me", fence, MemoryNode(host_id="shed"))
    await node_probe.heartbeat(other)  # it holds nothing: it may be exchanged
    async with transaction() as tx:
        await a_container(tx, actor, node)
    with pytest.raises(Unavailable, match="Another machine"):
        await node_probe.heartbeat(Helm(node.id, "me", fence, MemoryNode(host_id="barn")))
    await node_probe.heartbeat(other)
