"""Facts for placement, read and locked in the transaction that decides."""

from collections import defaultdict

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.db import Tx
from backend.models import Container, DesiredState, Node
from backend.rules.placement import NodeFacts


async def locked_node_facts(tx: Tx, *, node_id: int | None = None, without: int | None = None) -> list[NodeFacts]:
    """Every node (or one) with what is in use on it, locked so that two decisions never spend the same room.

    `without` leaves one container out of what is in use: the one that is to change its size.
    Always locked in the order of their ids, after quota and containers: deadlocks can't form.
    """
    return await _facts(tx, select(Node).order_by(col(Node.id)).with_for_update(), node_id, without)


async def node_facts(tx: Tx, *, node_id: int | None = None) -> list[NodeFacts]:
    """The same, to look at only."""
    return await _facts(tx, select(Node).order_by(col(Node.id)), node_id)


async def _facts(
    tx: Tx, query: SelectOfScalar[Node], node_id: int | None, without: int | None = None
) -> list[NodeFacts]:
    """What is on its way to a node is in use there already, and where it leaves from still."""
    if node_id is not None:
        query = query.where(Node.id == node_id)
    nodes = (await tx.exec(query)).all()
    running = select(Container.node_id, Container.move_to_node_id, Container.memory_mb, Container.vcpus).where(
        col(Container.desired_state) == DesiredState.RUNNING, col(Container.delete_requested_at).is_(None)
    )
    if without is not None:
        running = running.where(Container.id != without)
    used: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for on_node, to_node, memory_mb, vcpus in (await tx.exec(running)).all():
        for each in {on_node, to_node or on_node}:
            used[each].append((memory_mb, vcpus))
    return [_of(node, used[node.id]) for node in nodes]


def _of(node: Node, used: list[tuple[int, int]]) -> NodeFacts:
    return NodeFacts(
        id=node.id,
        name=node.name,
        healthy=node.healthy,
        capacity_vcpus=node.capacity_vcpus,
        capacity_mem_mb=node.capacity_mem_mb,
        used_vcpus=sum(vcpus for _, vcpus in used),
        used_mem_mb=sum(memory_mb for memory_mb, _ in used),
        running_containers=len(used),
        trouble="" if node.healthy and node.prepared else node.reason.rstrip("."),
        draining=node.draining,
        arch=node.arch,
    )
