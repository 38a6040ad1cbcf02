"""Use cases on nodes."""

from ipaddress import ip_network

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select

from backend.db import Tx
from backend.errors import Conflict, Invalid, NotFound
from backend.events.bus import NodeChanged, WishChanged, announce
from backend.models import Container, DesiredState, MoveWay, Node
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules import names
from backend.rules.node_uri import node_uri
from backend.rules.placement import NodeFacts, ScoreParts, score_parts
from backend.rules.policy import Action, Actor
from backend.services.node_views import NodeView, Resources
from backend.services.placement import node_facts


@operation(Action.NODE_LIST)
async def list_nodes(tx: Tx, actor: Actor) -> list[NodeView]:
    """Every node with what it carries, by name."""
    require(actor, Action.NODE_LIST)
    facts = {each.id: each for each in await node_facts(tx)}
    held = select(Container.node_id, func.count(), func.count(col(Container.move_to_node_id)))
    counts = {node_id: rest for node_id, *rest in (await tx.exec(held.group_by(col(Container.node_id)))).all()}
    nodes = (await tx.exec(select(Node).order_by(col(Node.name)))).all()
    return [_view(node, facts[node.id], *counts.get(node.id, (0, 0))) for node in nodes]


@operation(Action.NODE_CREATE)
async def create_node(tx: Tx, actor: Actor, *, name: str, uri: str, blocked_cidrs: list[str] | None = None) -> Node:
    """Add a host by its libvirt URI. The tasks look at it within seconds; until then nothing is placed there.

    Args:
        blocked_cidrs: the host's own addresses that are not private ones, so that its guests can't reach them.

    Raises:
        Invalid: the URI is not one of libvirt's, or the name or a CIDR can't be one.
        Conflict: the name or the URI is known already.
    """
    require(actor, Action.NODE_CREATE)
    uri, name = node_uri(uri), names.node_name(name)
    blocked = [_cidr(each) for each in blocked_cidrs or []]
    await _refuse_known(tx, 0, name, uri)
    node = Node(name=name, uri=uri, blocked_cidrs=blocked)
    tx.add(node)
    await tx.flush()
    note("node", node.id, f"{name} at {uri}")
    announce(tx, NodeChanged(node.id))
    return node


@operation(Action.NODE_UPDATE)
async def update_node(
    tx: Tx,
    actor: Actor,
    node_id: int,
    *,
    name: str | None = None,
    uri: str | None = None,
    blocked_cidrs: list[str] | None = None,
) -> Node:
    """Change what is given. The tasks connect anew, and see whether the same machine answers at a new URI.

    Raises:
        NotFound: no such node.
        Invalid, Conflict: as create_node.
    """
    require(actor, Action.NODE_UPDATE)
    node = await _locked(tx, node_id)
    before = {"name": node.name, "uri": node.uri, "blocked_cidrs": node.blocked_cidrs}
    name = node.name if name is None else names.node_name(name)
    uri = node.uri if uri is None else node_uri(uri)
    await _refuse_known(tx, node_id, name, uri)
    if uri != node.uri:
        node.healthy, node.prepared, node.reason = False, False, "it has not been looked at yet"
    node.name, node.uri = name, uri
    if blocked_cidrs is not None:
        node.blocked_cidrs = [_cidr(each) for each in blocked_cidrs]
    after = {"name": name, "uri": uri, "blocked_cidrs": node.blocked_cidrs}
    note("node", node_id, name, changed={key: [before[key], after[key]] for key in after if before[key] != after[key]})
    announce(tx, NodeChanged(node_id))
    return node


@operation(Action.NODE_DELETE)
async def delete_node(tx: Tx, actor: Actor, node_id: int) -> None:
    """Forget a node that holds nothing.

    Raises:
        NotFound: no such node.
        Conflict: containers are on it, or on their way to it.
    """
    require(actor, Action.NODE_DELETE)
    node = await _locked(tx, node_id)
    note("node", node_id, node.name)
    if await _count(tx, col(Container.node_id) == node_id):
        raise Conflict(f"Containers are on “{node.name}”. Drain it, which moves them to other nodes, or delete them.")
    if await _count(tx, col(Container.move_to_node_id) == node_id):
        raise Conflict(f"Containers are on their way to “{node.name}”. Let them arrive, then drain it.")
    await tx.delete(node)
    announce(tx, NodeChanged(node_id))


@operation(Action.NODE_CHECK)
async def check_connection(tx: Tx, actor: Actor, *, uri: str) -> str:
    """Let the actor try a URI, and give it in the form to try. `backend.node_check` does the trying.

    Raises:
        Invalid: it can't be a node's.
    """
    require(actor, Action.NODE_CHECK)
    note("node", "", uri[:200])
    return node_uri(uri)


@operation(Action.NODE_DRAIN)
async def drain_node(tx: Tx, actor: Actor, node_id: int) -> Node:
    """Empty a node: nothing new is placed there, and what is there moves to other nodes. Safe to repeat.

    Raises:
        NotFound: no such node.
        Conflict: it holds containers, and there is no other node.
    """
    require(actor, Action.NODE_DRAIN)
    node = await _locked(tx, node_id)
    note("node", node_id, node.name)
    held = await _count(tx, col(Container.node_id) == node_id)
    others = (await tx.exec(select(Node.name).where(Node.id != node_id, col(Node.draining).is_(False)))).first()
    if held and others is None:
        raise Conflict(
            f"Where should the {held} container{'s' if held > 1 else ''} of “{node.name}” go? No other node takes"
            " any. Add a node first, or delete them."
        )
    node.draining = True
    _tell(tx, node_id)
    return node


@operation(Action.NODE_UNDRAIN)
async def undrain_node(tx: Tx, actor: Actor, node_id: int) -> Node:
    """Let containers be placed on the node again. Moves that have not begun are called off; others are finished.

    Raises:
        NotFound: no such node.
    """
    require(actor, Action.NODE_UNDRAIN)
    await _found(tx, node_id)
    waiting = select(Container).where(Container.node_id == node_id, Container.move_disk == "").with_for_update()
    for container in (await tx.exec(waiting.order_by(col(Container.id)))).all():
        container.move_to_node_id, container.move_way = None, MoveWay.OPEN
        container.move_reason, container.move_after = "", None
        if container.stop_asked_at is not None and container.desired_state is DesiredState.RUNNING:
            container.restart_requested_at = now()  # its guest is on its way down: it is to come back
    node = await _locked(tx, node_id)
    note("node", node_id, node.name)
    node.draining = False
    _tell(tx, node_id)
    return node


@operation(Action.NODE_WAKE)
async def wake_node(tx: Tx, actor: Actor, node_id: int) -> None:
    """Have the node's reconciler look now.

    Raises:
        NotFound: no such node.
    """
    require(actor, Action.NODE_WAKE)
    note("node", node_id, (await _found(tx, node_id)).name)
    announce(tx, WishChanged(node_id))


async def get_used_resources(tx: Tx, node_id: int) -> Resources:
    """What runs, or is meant to run, on a node.

    Raises:
        NotFound: no such node.
    """
    facts = await _facts(tx, node_id)
    return Resources(facts.used_mem_mb, facts.used_vcpus, facts.running_containers)


async def get_free_resources(tx: Tx, node_id: int) -> Resources:
    """What is left of a node's capacity; below zero where it shrank under what runs.

    Raises:
        NotFound: no such node.
    """
    facts = await _facts(tx, node_id)
    return Resources(facts.free_mem_mb, facts.free_vcpus, facts.running_containers)


async def get_node_score(tx: Tx, node_id: int) -> ScoreParts:
    """What placement thinks of a node now, with the terms of the sum.

    Raises:
        NotFound: no such node.
    """
    return score_parts(await _facts(tx, node_id))


async def _facts(tx: Tx, node_id: int) -> NodeFacts:
    found = await node_facts(tx, node_id=node_id)
    if not found:
        raise NotFound("That node")
    return found[0]


async def _found(tx: Tx, node_id: int) -> Node:
    node = await tx.get(Node, node_id)
    if node is None:
        raise NotFound("That node")
    return node


async def _locked(tx: Tx, node_id: int) -> Node:
    node = await _found(tx, node_id)
    await tx.refresh(node, with_for_update=True)
    return node


async def _refuse_known(tx: Tx, node_id: int, name: str, uri: str) -> None:
    known = select(Node).where((col(Node.name) == name) | (col(Node.uri) == uri), Node.id != node_id)
    if (await tx.exec(known)).first() is not None:
        raise Conflict(f"There is a node named “{name}” or with that URI already.")


async def _count(tx: Tx, which: ColumnElement[bool]) -> int:
    return (await tx.exec(select(func.count()).select_from(Container).where(which))).one()


def _tell(tx: Tx, node_id: int) -> None:
    announce(tx, NodeChanged(node_id))
    announce(tx, WishChanged(node_id))


def _view(node: Node, facts: NodeFacts, containers: int, moving: int) -> NodeView:
    return NodeView(
        id=node.id,
        name=node.name,
        uri=node.uri,
        arch=node.arch,
        acceleration=node.acceleration,
        kvm_available=node.kvm_available,
        healthy=node.healthy,
        prepared=node.prepared,
        draining=node.draining,
        reason=node.reason,
        heartbeat_at=node.heartbeat_at,
        capacity=Resources(node.capacity_mem_mb, node.capacity_vcpus, containers),
        used=Resources(facts.used_mem_mb, facts.used_vcpus, facts.running_containers),
        free=Resources(facts.free_mem_mb, facts.free_vcpus, facts.running_containers),
        score=score_parts(facts),
        containers=containers,
        moving=moving,
        blocked_cidrs=tuple(node.blocked_cidrs),
        orphans=tuple(node.orphans),
    )


def _cidr(text: str) -> str:
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError as fault:
        raise Invalid(f"“{text}” is no address and no range such as 198.51.100.0/24.", field="blocked") from fault
