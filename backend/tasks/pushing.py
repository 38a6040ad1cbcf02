"""Looks for everybody with a browser for it whether a tip is worth a push: in turn, each in a transaction of its own.

What is sent waits in the database with the decision; backend/tips/reaching/notifier.py sends it.
"""

import asyncio
import logging

from backend.errors import DatabaseBusy, PequerokuError, Unavailable
from backend.tips.reaching import turns

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 10.0
_AT_ONCE = 32
_BREATH_S = 0.005


async def run() -> None:
    """Look at who is due, for as long as the process lives."""
    while True:
        try:
            await look()
        except Unavailable as fault:
            log.warning("nobody is looked at for a push now: %s", fault.message)
        except Exception:
            log.exception("could not look who is due for a push; looking again soon")
        await asyncio.sleep(_LOOK_EVERY_S)


async def look() -> int:
    """Take every turn that is due; returns how many there were."""
    taken = 0
    while claimed := await turns.claim(_AT_ONCE):
        for user_id in claimed:
            await _take(user_id)
            await asyncio.sleep(_BREATH_S)
        taken += len(claimed)
    return taken


async def _take(user_id: int) -> None:
    """One whose turn fails keeps nothing from the others. Where the database is busy, all wait."""
    try:
        await turns.take(user_id)
        return
    except DatabaseBusy:
        raise
    except PequerokuError as fault:
        log.warning("user %s gets no push now: %s", user_id, fault.message)
    except Exception:
        log.exception("the turn of user %s for a push broke; it is put off", user_id)
    await turns.leave(user_id)
