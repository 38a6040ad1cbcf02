"""Whether a node answers, what it is made of, and getting it ready to boot machines."""

import asyncio
import json
import logging
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlmodel import select

from backend.db import Tx, reading, transaction
from backend.errors import NodeFault, Unavailable
from backend.events.bus import NodeChanged, announce
from backend.hypervisor.driver import Acceleration, NodeFacts, Preparation
from backend.hypervisor.images import load_image
from backend.models import Container, Node
from backend.models.base import now
from backend.rules.network import blocked_ranges
from backend.settings import settings
from backend.tasks.helm import Helm

log = logging.getLogger(__name__)

_NAME_THEM = "Add the node with its addresses named (--blocked), so that its guests can't reach it by them."
_HOST_RESERVE_MB = 512
"""Memory that is never given to guests."""


async def heartbeat(helm: Helm) -> None:
    """Ask the node what it is, and write down that it answered.

    Raises:
        Unavailable: it does not.
    """
    facts = await helm.hypervisor.facts()
    async with transaction() as tx:
        await helm.check(tx)
        node = await tx.get(Node, helm.node_id)
        if node is None:
            return
        await _check_identity(tx, node, facts.host_id)
        if not node.healthy:
            log.info("node %s answers", node.name)
            announce(tx, NodeChanged(helm.node_id))
        node.healthy, node.heartbeat_at = True, now()
        node.reason = "" if node.prepared else node.reason
        _take_facts(node, facts)


async def _check_identity(tx: Tx, node: Node, host_id: str) -> None:
    """One row, one machine: two would share its memory twice, and a wrong one has none of the disks.

    Raises:
        Unavailable: it is another row's machine, or another one than the containers of this row are on.
    """
    if not host_id or host_id == node.host_id:
        return
    same = await tx.exec(select(Node.name).where(Node.host_id == host_id, Node.id != node.id))
    if other := same.first():
        raise Unavailable(f"It is the same machine as node “{other}”. Delete one of the two.")
    held = await tx.exec(select(Container.id).where(Container.node_id == node.id).limit(1))
    if node.host_id and held.first() is not None:
        raise Unavailable("Another machine answers at its URI than the one its containers are on. Correct the URI.")
    node.host_id = host_id


def _take_facts(node: Node, facts: NodeFacts) -> None:
    reserve = max(_HOST_RESERVE_MB, facts.mem_mb // 20)
    node.arch = facts.arch
    node.capacity_vcpus = int(facts.cpus * settings().cpu_overcommit)
    node.capacity_mem_mb = max(0, facts.mem_mb - reserve)


async def prepare(helm: Helm) -> NodeFault | None:
    """Bring image, network, filters and acceleration in place; why not (on the node, too) when it can't be.

    Raises:
        Unavailable: the node does not answer.
    """
    node = await _load(helm.node_id)
    if node is None:
        return None
    try:
        how = await helm.hypervisor.prepare(await _wanted(node))
    except NodeFault as fault:
        log.warning("node %s can't be prepared: %s", node.name, fault)
        await _note_prepared(helm, None, str(fault))
        return fault
    await _note_prepared(helm, how, "")
    return None


async def _wanted(node: Node) -> Preparation:
    ours = settings()
    known = node.acceleration if ours.node_acceleration == "probe" else ours.node_acceleration
    own = [*await own_addresses(node.uri, node.blocked_cidrs), str(ours.guest_network)]
    return Preparation(
        image=await asyncio.to_thread(load_image, ours.image_dir),
        acceleration=Acceleration(known) if known else None,
        network=str(ours.guest_network),
        blocked=tuple(str(each) for each in blocked_ranges(own)),
    )


async def own_addresses(uri: str, named: list[str]) -> list[str]:
    """Addresses of the node itself: the named ones, and this machine's for a local URI or what its host resolves to.

    Raises:
        NodeFault: none are named, and they can't be found out. Its guests could reach it by them: nothing may boot.
    """
    host = urlsplit(uri).hostname if uri.startswith("qemu") else None  # memory://name names nobody
    if host:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, None)
        except (OSError, UnicodeError) as fault:
            if named:
                return named
            raise NodeFault(f"The addresses of “{host}” are not known: {fault}. {_NAME_THEM}") from fault
        return [*named, *sorted({str(each[4][0]) for each in found})]
    listing = await asyncio.create_subprocess_exec("ip", "-j", "addr", stdout=asyncio.subprocess.PIPE)
    output, _ = await listing.communicate()
    if listing.returncode:
        raise NodeFault(f"This machine's own addresses are not known. {_NAME_THEM}")
    links = json.loads(output)
    return [*named, *(addr["local"] for link in links for addr in link.get("addr_info", []) if _is_ipv4(addr["local"]))]


def _is_ipv4(text: str) -> bool:
    return ip_address(text).version == 4


async def _load(node_id: int) -> Node | None:
    async with reading() as tx:
        return await tx.get(Node, node_id)


async def _note_prepared(helm: Helm, how: Acceleration | None, reason: str) -> None:
    async with transaction() as tx:
        await helm.check(tx)
        node = await tx.get(Node, helm.node_id)
        if node is None:
            return
        node.prepared, node.reason = how is not None, reason[:500]
        if how is not None:
            node.kvm_available = how is Acceleration.KVM
            if settings().node_acceleration == "probe":  # what is forced for a while is no probe's result
                node.acceleration = how
        announce(tx, NodeChanged(helm.node_id))


async def note_unreachable(helm: Helm, reason: str) -> None:
    """The node does not answer: its containers become unknown, and nothing about them is touched."""
    async with transaction() as tx:
        await helm.check(tx)
        node = await tx.get(Node, helm.node_id)
        if node is None:
            return
        if node.healthy or node.reason != reason[:500]:
            log.warning("node %s does not answer: %s", node.name, reason)
            announce(tx, NodeChanged(helm.node_id))
        node.healthy, node.reason = False, reason[:500]
