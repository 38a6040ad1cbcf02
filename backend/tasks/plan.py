"""The reconciler at an operator's hand: what it would do next, or all of it now."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import col, select

from backend.db import reading
from backend.errors import Unavailable
from backend.hypervisor.registry import nodes
from backend.models import Container, Node
from backend.models.base import now
from backend.rules.lifecycle import Status, next_step
from backend.settings import settings
from backend.tasks.runner import running
from backend.tasks.wishes import wishes_of_node


@dataclass(frozen=True, slots=True)
class Planned:
    """A line for the operator. `due`: there is something left to do, which reconciling will do or try."""

    text: str
    due: bool


async def plan() -> list[Planned]:
    """Each container that is not as wished, with what comes next and why, and each node that does not answer."""
    async with reading() as tx:
        known = (await tx.exec(select(Node).order_by(col(Node.name)))).all()
        reasons = dict((await tx.exec(select(Container.id, Container.status_reason))).all())
    lines: list[Planned] = []
    at, grace = now(), timedelta(seconds=settings().stop_grace_s)
    for node in known:
        try:
            hypervisor = await nodes().get(node.uri, node.name)
            survey = await hypervisor.survey()
        except Unavailable as fault:
            lines.append(Planned(f"{node.name}: does not answer: {fault}", due=True))
            continue
        for each in await wishes_of_node(node.id):
            wish = each.wish
            step = next_step(wish, survey.of(each.name, each.disk), at=at, stop_grace=grace)
            if step is None and wish.status is not Status.ERROR:
                continue
            what = step or ("waits to try again" if wish.retry_at else "waits for somebody to retry")
            reason = reasons.get(each.id)
            why = f"wished {wish.desired}, is {wish.status}" + (f" ({reason.rstrip('.')})" if reason else "")
            lines.append(Planned(f"{node.name}: container {each.id}: {what}: {why}", due=bool(step or wish.retry_at)))
    return lines


async def converge(within_s: float = 300.0) -> list[Planned]:
    """Reconcile here and now until nothing is left to do; returns what is left then, or after `within_s`.

    Where another process holds a node's lease, that process does it and this one looks on.
    """
    end = time.monotonic() + within_s
    async with running():
        left = await plan()
        while any(each.due for each in left) and time.monotonic() < end:
            await asyncio.sleep(1)
            left = await plan()
        return left
