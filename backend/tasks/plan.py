"""The reconciler at an operator's hand: what it would do next, or all of it now."""

import asyncio

from sqlmodel import col, select

from backend.db import reading
from backend.errors import Unavailable
from backend.hypervisor.registry import nodes
from backend.models import Node
from backend.models.base import now
from backend.rules.lifecycle import Seen, next_step
from backend.tasks.runner import running
from backend.tasks.wishes import wishes_of_node


async def plan() -> list[str]:
    """One line for each container that is not as wished, and one for each node that does not answer."""
    async with reading() as tx:
        known = (await tx.exec(select(Node).order_by(col(Node.name)))).all()
    lines: list[str] = []
    for node in known:
        try:
            hypervisor = await nodes().get(node.id or 0, node.uri, node.name)
            machines = (await hypervisor.survey()).machines
        except Unavailable as fault:
            lines.append(f"{node.name}: does not answer: {fault}")
            continue
        for each in await wishes_of_node(node.id or 0):
            step = next_step(each.wish, machines.get(each.name) or Seen(), at=now())
            if step is not None:
                lines.append(f"{node.name}: container {each.id} ({each.name}): {step}")
    return lines


async def converge(within_s: float = 300.0) -> list[str]:
    """Reconcile here and now until nothing is left to do; returns what is left after `within_s`.

    Where another process holds a node's lease, that process does it and this one looks on.
    """
    async with running():
        for _ in range(int(within_s)):
            if not await plan():
                return []
            await asyncio.sleep(1)
        return await plan()
