"""Samples CPU and memory of a node's running containers, off the reconciler's path."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from backend.errors import Unavailable
from backend.events.bus import UsageSampled, bus
from backend.hypervisor.driver import Hypervisor, Usage

log = logging.getLogger(__name__)

_EVERY_S = 2.0
_AFTER_A_BUG_S = 30.0


async def sample_forever(node_id: int, hypervisor: Hypervisor, ids: Callable[[], Mapping[str, int]]) -> None:
    """Publish UsageSampled every two seconds; `ids` gives the container of each domain name. Machines don't wait for
    figures: a bug here is logged, and tried again.
    """
    while True:
        try:
            await _sample(node_id, hypervisor, ids)
        except Exception:
            log.exception("could not take the figures of node %s; trying again", node_id)
            await asyncio.sleep(_AFTER_A_BUG_S)


async def _sample(node_id: int, hypervisor: Hypervisor, ids: Callable[[], Mapping[str, int]]) -> None:
    before: Mapping[str, Usage] = {}
    before_at = time.monotonic()
    published = False
    while True:
        await asyncio.sleep(_EVERY_S)
        try:
            after = await hypervisor.usage()
        except Unavailable:
            continue  # the reconciler says so, and to whom it matters
        at = time.monotonic()
        known = ids()
        figures = {
            str(known[name]): [
                cpu_percent(before.get(name), usage, at - before_at),
                usage.mem_used_mb,
                usage.mem_total_mb,
            ]
            for name, usage in after.items()
            if name in known
        }
        if figures or published:
            await bus().publish(UsageSampled(node_id, figures))
        before, before_at, published = after, at, bool(figures)


def cpu_percent(before: Usage | None, after: Usage, seconds: float) -> float:
    """Share of all the domain's vCPUs used between two samples, 0 to 100. A domain that began anew counts as idle."""
    if before is None or seconds <= 0 or after.cpu_ns < before.cpu_ns:
        return 0.0
    share = (after.cpu_ns - before.cpu_ns) / (seconds * 1e9 * max(1, after.vcpus))
    return round(min(100.0, 100.0 * share), 1)
