"""Accounts whose deletion was asked for go when the last of their containers is gone."""

import asyncio
import logging

from backend.db import reading, transaction
from backend.errors import PequerokuError
from backend.rules.policy import SYSTEM
from backend.services import farewell
from backend.tips import learning

log = logging.getLogger(__name__)

_EVERY_S = 5.0


async def run() -> None:
    """Sweep until cancelled. Any number of processes may: a row is locked while it is looked at."""
    while True:
        try:
            await sweep()
        except PequerokuError as trouble:
            log.warning("accounts are not removed now: %s", trouble)
        except Exception:
            log.exception("accounts could not be removed")
        await asyncio.sleep(_EVERY_S)


async def sweep() -> None:
    """Remove every account that can be removed."""
    async with reading() as tx:
        user_ids = await farewell.leaving(tx)
    for user_id in user_ids:
        async with transaction() as tx:
            await learning.forget(tx, user_id)
            await farewell.erase_user(tx, SYSTEM, user_id)
