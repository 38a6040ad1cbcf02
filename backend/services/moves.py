"""Where the containers of a node that is being emptied go."""

from dataclasses import replace

from sqlalchemy import and_, or_
from sqlmodel import col, select

from backend.db import Tx
from backend.events.bus import WishChanged, announce
from backend.models import Container, DesiredState, Leftover, Node
from backend.models.base import now
from backend.rules.moves import MoveWay
from backend.rules.placement import NodeFacts, Size, choose
from backend.services.placement import locked_node_facts


async def plan_moves(tx: Tx, node_id: int) -> int:
    """Give each container of a draining node a node to move to, or the reason why there is none yet. Where a node
    that was given has gone silent since, or is being emptied too, another one is looked for.

    Room is taken for what runs as it is given out. Containers are locked before nodes, as a start does. Returns how
    many were given one.
    """
    useless = select(Node.id).where(or_(col(Node.draining), col(Node.healthy).is_(False)))
    to = col(Container.move_to_node_id)
    waiting = select(Container).where(
        Container.node_id == node_id,
        or_(to.is_(None), and_(col(Container.move_disk) == "", to.in_(useless))),
        col(Container.delete_requested_at).is_(None),
        col(Container.move_after).is_(None) | (col(Container.move_after) <= now()),
    )
    rows = (await tx.exec(waiting.order_by(col(Container.id)).with_for_update())).all()
    if not rows:
        return 0
    facts = {each.id: each for each in await locked_node_facts(tx)}
    here = facts.pop(node_id, None)
    if here is None or not here.draining:
        return 0
    given, littered = 0, await _littered(tx)
    for row in rows:
        others = [_as_target(each, here, row, littered) for each in facts.values()]
        if (chosen := _place(row, others)) is not None:
            given += 1
            if row.desired_state is DesiredState.RUNNING:
                facts[chosen] = _with(facts[chosen], row)
    if given:
        announce(tx, WishChanged(node_id))
    return given


async def is_draining(tx: Tx, node_id: int) -> bool:
    """Whether the node is being emptied."""
    return bool((await tx.exec(select(Node.draining).where(Node.id == node_id))).first())


def _place(row: Container, nodes: list[NodeFacts]) -> int | None:
    """What is stopped needs no room to be kept; when it is started, its node is asked."""
    size = Size(row.memory_mb, row.vcpus) if row.desired_state is DesiredState.RUNNING else Size(0, 0)
    decision = choose(nodes, size)
    if decision.node_id is None:
        if row.move_to_node_id is not None and row.stop_asked_at is not None and size.memory_mb:
            row.restart_requested_at = now()  # its guest is on its way down: it is to come back
        row.move_to_node_id = None
        reason = f"No other node takes it: {decision.why_nobody}."[:500]
        if row.move_reason != reason:
            row.move_reason = reason
        return None
    row.move_to_node_id, row.move_way, row.move_disk = decision.node_id, MoveWay.OPEN, ""
    row.move_reason, row.move_after = "", None
    row.placement = decision.as_json()
    return decision.node_id


async def _littered(tx: Tx) -> set[tuple[int, str]]:
    """Nodes on which something of a domain is still to be deleted: it must not come back before that."""
    return set((await tx.exec(select(Leftover.node_id, Leftover.domain))).all())


def _as_target(node: NodeFacts, here: NodeFacts, row: Container, littered: set[tuple[int, str]]) -> NodeFacts:
    """A guest is built for one kind of processor."""
    if node.arch != here.arch:
        return replace(node, trouble=f"{node.arch or 'unknown'} is not {here.arch}")
    if (node.id, row.domain_name) in littered:
        return replace(node, trouble="an earlier copy is being deleted there")
    return node


def _with(node: NodeFacts, row: Container) -> NodeFacts:
    return replace(
        node,
        used_mem_mb=node.used_mem_mb + row.memory_mb,
        used_vcpus=node.used_vcpus + row.vcpus,
        running_containers=node.running_containers + 1,
    )
