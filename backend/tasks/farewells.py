"""Accounts whose deletion was asked for go when the last of their containers is gone."""

import asyncio
import logging

from backend.db import reading, transaction
from backend.errors import PequerokuError
from backend.rules.policy import SYSTEM
from backend.services import farewell
from backend.tips import learning
from backend.tips.connections.accounts import let_go_of_all

log = logging.getLogger(__name__)

_EVERY_S = 5.0
_REVOKE_S = 15.0
"""So long providers are asked to take back what they gave us, of somebody who leaves."""


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
        await let_go_of_all(user_id, within_s=_REVOKE_S)
        async with transaction() as tx:
            await learning.forget(tx, user_id)
            await farewell.erase_user(tx, SYSTEM, user_id)
