"""What goes on behind the tips: windows end, effects are looked at, policies learn, models look for other words.

Any number of processes may do so: decisions and policies are locked while they are looked at.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import IntegrityError

from backend.db import Tx, reading, transaction
from backend.errors import Unavailable
from backend.events.bus import Event, TipSettled
from backend.models.base import now
from backend.tips import learning, promotion, rewards, stages
from backend.tips.candidates import phrasing

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 5.0
_PHRASE_EVERY_S = 3600.0
_JUDGE_EVERY_S = 600.0


class Learner:
    """Settles what is due, and lets policies learn: at once when it hears of a reward, and every few seconds."""

    def __init__(self) -> None:
        self._wake = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Somebody answered: learn at once."""
        if isinstance(event, TipSettled):
            self._wake.set()

    async def run(self) -> None:
        """Until cancelled; whatever goes wrong is tried again at the next look."""
        is_founded = False
        while True:
            self._wake.clear()
            try:
                if not is_founded:
                    await _found()
                    is_founded = True
                await look()
            except Unavailable as fault:
                log.warning("tips: %s; trying again soon", fault.message)
            except Exception:
                log.exception("could not learn from tips; trying again soon")
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                continue


async def _found() -> None:
    try:
        async with transaction() as tx:
            await stages.found(tx)
    except IntegrityError:
        log.info("another process put the first policies in their places")


async def look() -> int:
    """Settle all that is due, and learn all that is new; returns how often something was learnt."""
    await _settle()
    learnt = 0
    async with reading() as tx:
        learners = await learning.learners(tx)
    for policy_id in learners:
        while True:
            async with transaction() as tx:
                new = await learning.learn(tx, policy_id)
            learnt += new
            if not new:
                break
    return learnt


async def _settle() -> None:
    at = now()
    async with reading() as tx:
        due = await rewards.due(tx, at=at)
    for decision_id in due:
        await _alone(lambda tx, it=decision_id: rewards.settle_due(tx, it, at=at))


async def _alone(act: Callable[[Tx], Awaitable[None]]) -> None:
    """Each in a transaction of its own: one that can't be settled now keeps nothing from the others."""
    try:
        async with transaction() as tx:
            await act(tx)
    except Unavailable as fault:
        log.warning("a tip could not be settled: %s; trying again soon", fault.message)


async def judge() -> None:
    """Look every ten minutes whether a policy that is tried out goes up or back."""
    while True:
        try:
            await promotion.look()
        except Unavailable as fault:
            log.warning("the tips' policies are not judged now: %s", fault.message)
        except Exception:
            log.exception("could not judge the tips' policies; trying again in ten minutes")
        await asyncio.sleep(_JUDGE_EVERY_S)


async def phrase() -> None:
    """Look for other words every hour, for as long as the process lives."""
    while True:
        try:
            if made := await phrasing.look_for_words():
                log.info("%s new sentences for tips", made)
        except Unavailable as fault:
            log.info("no new words for tips: %s", fault.message)
        except Exception:
            log.exception("could not look for words; trying again in an hour")
        await asyncio.sleep(_PHRASE_EVERY_S)
