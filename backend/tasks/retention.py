"""Removes what is older than Config keeps it, a batch at a time, so that nobody waits long for a lock."""

import asyncio
import logging

from backend.db import reading, transaction
from backend.errors import Unavailable
from backend.rules.policy import SYSTEM
from backend.services import (
    audit,
    command_failures,
    feed,
    inbox,
    metrics,
    one_shots,
    push,
    repeats,
    stream,
    webhooks,
)
from backend.tips import features, rewards
from backend.tips.candidates import making

log = logging.getLogger(__name__)

_EVERY_S = 3600.0
_BREATH_S = 0.05


async def run() -> None:
    """Sweep every hour, for as long as the process lives. Two processes may do so at once: rows go once."""
    while True:
        try:
            if removed := await sweep():
                log.info("%s rows were older than they are kept", removed)
        except Unavailable as fault:
            log.warning("old rows stay for now: %s", fault.message)
        except Exception:
            log.exception("old rows could not be removed; trying again in an hour")
        await asyncio.sleep(_EVERY_S)


async def sweep() -> int:
    """Remove all that is due; returns how many rows."""
    removed = 0
    while await _is_due():
        async with transaction() as tx:
            gone = await audit.prune(tx, SYSTEM)
        if not gone:  # somebody else was quicker
            break
        removed += gone
        await asyncio.sleep(_BREATH_S)
    kept = (inbox.prune, webhooks.prune, repeats.prune, metrics.prune, command_failures.prune, stream.prune, push.prune)
    for prune in (*kept, one_shots.prune, feed.prune, features.prune, rewards.prune, making.prune):
        while True:
            async with transaction() as tx:
                gone = await prune(tx)
            removed += gone
            if not gone:
                break
            await asyncio.sleep(_BREATH_S)
    return removed


async def _is_due() -> bool:
    async with reading() as tx:
        return await audit.is_anything_due(tx)
