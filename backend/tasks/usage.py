"""Samples what a node's running containers use, off the reconciler's path; tells it, and keeps it."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping

from backend.db import transaction
from backend.errors import DatabaseBusy, Unavailable
from backend.events.bus import UsageSampled, bus
from backend.hypervisor.driver import Hypervisor, Usage
from backend.meters import SAMPLE_SECONDS
from backend.rules.downsampling import LEVELS, Point, Values, downsampled, just_closed, spread
from backend.services import metrics

log = logging.getLogger(__name__)

_EVERY_S = 2.0
_AFTER_A_BUG_S = 30.0
_STALE_S = 30.0
"""After so long without an answer there is a gap, and no mean over it."""
_FINEST = LEVELS[0]
_MOST_PENDING = 60
"""Stretches of a container that wait for a database that is busy; older ones are dropped."""


async def sample_forever(
    node_id: int, hypervisor: Hypervisor, ids: Callable[[], Mapping[str, int]], node_name: str = ""
) -> None:
    """Publish UsageSampled every two seconds; `ids` gives the container of each domain name. Machines don't wait for
    figures: a bug here is logged, and tried again.
    """
    ledger = Ledger(node_id, node_name)
    while True:
        try:
            await _sample(ledger, hypervisor, ids)
        except Exception:
            log.exception("could not take the figures of node %s; trying again", node_id)
            await asyncio.sleep(_AFTER_A_BUG_S)


async def _sample(ledger: "Ledger", hypervisor: Hypervisor, ids: Callable[[], Mapping[str, int]]) -> None:
    before: Mapping[str, Usage] = {}
    before_at = time.monotonic()
    published = False
    while True:
        await asyncio.sleep(_EVERY_S)
        try:
            with SAMPLE_SECONDS.labels(ledger.node_name).time():
                after = await hypervisor.usage()
        except Unavailable:
            continue  # the reconciler says so, and to whom it matters
        at, seconds = time.monotonic(), time.monotonic() - before_at
        if seconds > _STALE_S:
            before = {}
        known = ids()
        figures = {
            known[name]: figures_of(before.get(name), use, seconds) for name, use in after.items() if name in known
        }
        if figures or published:
            told = {str(container_id): list(values) for container_id, values in figures.items()}
            await bus().publish(UsageSampled(ledger.node_id, told))
        measured = {known[name] for name in before.keys() & after.keys() if name in known}
        ledger.add({each: values for each, values in figures.items() if each in measured}, time.time(), seconds)
        await ledger.keep(time.time())
        before, before_at, published = after, at, bool(figures)


class Ledger:
    """What was measured and is not kept yet. All of a node is written in one transaction, every ten seconds."""

    def __init__(self, node_id: int, node_name: str = "") -> None:
        self.node_id, self.node_name = node_id, node_name
        self._pending: dict[int, list[Point]] = defaultdict(list)
        self._kept_s: float | None = None

    def add(self, figures: Mapping[int, Values], end_s: float, seconds: float) -> None:
        """Note what containers used in the `seconds` before `end_s` (Unix time)."""
        for container_id, values in figures.items():
            points = self._pending[container_id]
            points += spread(end_s - seconds, end_s, values, _FINEST.grain_s)
            del points[:-_MOST_PENDING]

    async def keep(self, now_s: float) -> None:
        """Write what is complete, if a stretch has ended since the last time; then what coarser ones can be made of.
        A database that is busy is asked again with the next sample.
        """
        begun_s = now_s // _FINEST.grain_s * _FINEST.grain_s
        if self._kept_s is not None and self._kept_s >= begun_s:
            return
        done = {each: [point for point in points if point.at_s < begun_s] for each, points in self._pending.items()}
        done = {each: downsampled(points, _FINEST.grain_s) for each, points in done.items() if points}
        try:
            async with transaction() as tx:
                await metrics.keep(tx, done)
                for fine, coarse in just_closed(self._kept_s, now_s):
                    await metrics.roll_up(tx, self.node_id, fine, coarse, now_s)
        except DatabaseBusy:
            log.warning("the figures of node %s wait for the database", self.node_id)
            return
        self._kept_s = now_s
        left = {each: [point for point in points if point.at_s >= begun_s] for each, points in self._pending.items()}
        self._pending = defaultdict(list, {each: points for each, points in left.items() if points})


def figures_of(before: Usage | None, after: Usage, seconds: float) -> Values:
    """What a domain used between two samples, as FIGURES says. One that began anew counts as idle."""
    return (
        cpu_percent(before, after, seconds),
        after.mem_used_mb,
        after.mem_total_mb,
        _rate(before and before.disk_read_bytes, after.disk_read_bytes, seconds),
        _rate(before and before.disk_write_bytes, after.disk_write_bytes, seconds),
        after.disk_used_bytes,
        _rate(before and before.net_rx_bytes, after.net_rx_bytes, seconds),
        _rate(before and before.net_tx_bytes, after.net_tx_bytes, seconds),
    )


def cpu_percent(before: Usage | None, after: Usage, seconds: float) -> float:
    """Share of all the domain's vCPUs used between two samples, 0 to 100. A domain that began anew counts as idle."""
    if before is None or seconds <= 0 or after.cpu_ns < before.cpu_ns:
        return 0.0
    share = (after.cpu_ns - before.cpu_ns) / (seconds * 1e9 * max(1, after.vcpus))
    return round(min(100.0, 100.0 * share), 1)


def _rate(before: int | None, after: int | None, seconds: float) -> float | None:
    """Growth a second of a running total; None where it is not told."""
    if after is None:
        return None
    if before is None or seconds <= 0 or after < before:
        return 0.0
    return round((after - before) / seconds, 1)
