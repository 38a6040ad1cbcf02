"""What time brings: schedules that fall due, containers that nobody uses, and those whose time is over.

Every task process does all of it; the services look again at the locked row, so that each thing happens once.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime

from backend.db import Tx, reading, transaction
from backend.errors import NotFound, PequerokuError
from backend.events.bus import Event, UsageSampled
from backend.models.base import now
from backend.rules.config_keys import IDLE_CPU_PERCENT
from backend.rules.policy import SYSTEM
from backend.rules.upkeep import Due
from backend.services import activity, schedules, upkeep
from backend.services.config import value_of

log = logging.getLogger(__name__)

_EVERY_S = 20.0


class Upkeep:
    """Looks every twenty seconds. Subscribe `hear` to the bus: a busy CPU is a use."""

    def __init__(self, watched_since: datetime | None = None) -> None:
        self._watched_since = watched_since or now()
        self._cpu_percents: dict[int, list[float]] = defaultdict(list)

    def hear(self, event: Event) -> None:
        """Take in what running containers use."""
        if isinstance(event, UsageSampled):
            for container_id, (cpu_percent, *_) in event.figures.items():
                self._cpu_percents[int(container_id)].append(cpu_percent or 0.0)

    async def run(self) -> None:
        """Until cancelled; whatever goes wrong is tried again at the next look."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.look(now())
            except PequerokuError as fault:
                log.warning("upkeep: %s; trying again soon", fault)
            except Exception:
                log.exception("upkeep failed; it goes on")

    async def look(self, at: datetime) -> None:
        """Do all that is due at `at`."""
        await self._note_busy(at)
        since = self._watched_since
        async with reading() as tx:
            scheduled = await schedules.due_containers(tx, at=at)
            expiring = await upkeep.expiring(tx, at=at)
        for container_id in scheduled:
            await _alone(lambda tx, it=container_id: schedules.run_due(tx, SYSTEM, it, at=at))
        for container_id, due in expiring:
            act = upkeep.warn_expiry if due is Due.WARN else upkeep.expire
            await _alone(lambda tx, it=container_id, act=act: act(tx, SYSTEM, it, at=at))
        async with reading() as tx:
            idle = await upkeep.idle_ids(tx, watched_since=since, at=at)
        for container_id in idle:
            await _alone(lambda tx, it=container_id: upkeep.stop_idle(tx, SYSTEM, it, watched_since=since, at=at))

    async def _note_busy(self, at: datetime) -> None:
        """The mean since the last look counts: a machine that only ticks over has its peaks too."""
        means = {each: sum(values) / len(values) for each, values in self._cpu_percents.items()}
        self._cpu_percents.clear()
        if not means:
            return
        async with reading() as tx:
            threshold = await value_of(tx, IDLE_CPU_PERCENT)
        busy = [each for each, mean in means.items() if mean >= threshold and activity.is_news(each, at)]
        if busy:
            async with transaction() as tx:
                await activity.note_use(tx, busy, at)


async def _alone(act: Callable[[Tx], Awaitable[object]]) -> None:
    """Each in a transaction of its own: one that can't be done now keeps nothing from the others."""
    try:
        async with transaction() as tx:
            await act(tx)
    except NotFound:
        return  # deleted meanwhile
    except PequerokuError as fault:
        log.warning("upkeep: %s; trying again soon", fault)
