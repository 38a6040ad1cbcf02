"""Use cases on nodes."""

from ipaddress import ip_network

from sqlmodel import col, select

from backend.db import Tx
from backend.errors import Conflict, Invalid, NotFound
from backend.events.bus import NodeChanged, announce
from backend.models import Container, Node
from backend.operation import note, operation, require
from backend.rules import names
from backend.rules.policy import Action, Actor

_SCHEMES = ("qemu:", "qemu+", "test:", "memory:")


@operation(Action.NODE_LIST)
async def list_nodes(tx: Tx, actor: Actor) -> list[Node]:
    """Every node, by name."""
    require(actor, Action.NODE_LIST)
    return list((await tx.exec(select(Node).order_by(col(Node.name)))).all())


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
    if not uri.startswith(_SCHEMES):
        raise Invalid("Give a libvirt URI such as qemu+ssh://root@host/system or qemu+tls://host/system.", field="uri")
    name = names.node_name(name)
    blocked = [_cidr(each) for each in blocked_cidrs or []]
    known = select(Node).where((col(Node.name) == name) | (col(Node.uri) == uri))
    if (await tx.exec(known)).first() is not None:
        raise Conflict(f"There is a node named “{name}” or with that URI already.")
    node = Node(name=name, uri=uri, blocked_cidrs=blocked)
    tx.add(node)
    await tx.flush()
    note("node", node.id, f"{name} at {uri}")
    announce(tx, NodeChanged(node.id or 0))
    return node


@operation(Action.NODE_DELETE)
async def delete_node(tx: Tx, actor: Actor, name: str) -> None:
    """Forget a node that holds nothing.

    Raises:
        NotFound: no such node.
        Conflict: containers are on it.
    """
    require(actor, Action.NODE_DELETE)
    node = (await tx.exec(select(Node).where(Node.name == name))).first()
    if node is None:
        raise NotFound(f"The node “{name}”")
    note("node", node.id, name)
    if (await tx.exec(select(Container.id).where(Container.node_id == node.id).limit(1))).first() is not None:
        raise Conflict(f"Containers are on “{name}”: delete or move them first.")
    await tx.delete(node)
    announce(tx, NodeChanged(node.id or 0))


def _cidr(text: str) -> str:
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError as fault:
        raise Invalid(f"“{text}” is no address and no range such as 198.51.100.0/24.", field="blocked") from fault
