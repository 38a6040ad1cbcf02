"""What the reconciler would do next, for `reconcile --dry-run`. Looks, and touches nothing."""

from sqlmodel import col, select

from backend.db import reading
from backend.errors import Unavailable
from backend.hypervisor.registry import nodes
from backend.models import Node
from backend.models.base import now
from backend.rules.lifecycle import Seen, next_step
from backend.tasks.wishes import wishes_of_node


async def plan() -> list[str]:
    """One line for each container that is not as wished, and one for each node that does not answer."""
    async with reading() as tx:
        known = (await tx.exec(select(Node).order_by(col(Node.name)))).all()
    lines: list[str] = []
    for node in known:
        try:
            hypervisor = await nodes().get(node.id or 0, node.uri)
            machines = (await hypervisor.survey()).machines
        except Unavailable as fault:
            lines.append(f"{node.name}: does not answer: {fault}")
            continue
        for each in await wishes_of_node(node.id or 0):
            step = next_step(each.wish, machines.get(each.name) or Seen(), at=now())
            if step is not None:
                lines.append(f"{node.name}: container {each.id} ({each.name}): {step}")
    await nodes().close_all()
    return lines
