"""Tells MLflow of the policies, where MLFLOW_TRACKING_URI names one: nobody waits for that, and nothing hangs on it."""

import asyncio
import logging

from backend.db import reading
from backend.errors import PequerokuError
from backend.settings import settings
from backend.tasks import leases, work_leases
from backend.tips.review import registry
from backend.tips.review.mlflow import Mlflow
from backend.tips.review.registry import Mark

log = logging.getLogger(__name__)

WORK = "mlflow"
_LOOK_EVERY_S = 60.0


class Telling:
    """What was told so far, by policy; after a restart all is told again, which changes nothing there."""

    def __init__(self, server: Mlflow, *, holder: str = "") -> None:
        self._server = server
        self._holder = holder or leases.new_holder()
        self._told: dict[str, Mark] = {}

    async def look(self) -> int:
        """Tell of each version that has changed; returns of how many. Nothing, while another process does.

        Raises:
            UpstreamFault, Invalid: the server does not take it. What it took is not told again.
        """
        async with reading() as tx:
            changed = [each for each in await registry.entries(tx) if self._told.get(each.key) != each.mark]
        if not changed or await work_leases.take(WORK, self._holder) is None:
            return 0
        for entry in changed:
            async with reading() as tx:
                version = await registry.version_of(tx, entry)
            await self._server.log(version)
            self._told[entry.key] = entry.mark
        return len(changed)

    async def run(self) -> None:
        """Look every minute, until cancelled."""
        is_down = False
        try:
            while True:
                try:
                    await self.look()
                    is_down = False
                except PequerokuError as fault:
                    if not is_down:
                        log.warning("MLflow is not told of the policies now: %s", fault.message)
                    is_down = True
                except Exception:
                    log.exception("MLflow could not be told of the policies; trying again in a minute")
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            await asyncio.shield(work_leases.release(WORK, self._holder))


async def run() -> None:
    """Tell for as long as the process lives, if MLFLOW_TRACKING_URI says whom."""
    said = settings()
    if said.mlflow_tracking_uri:
        token = said.mlflow_tracking_token.get_secret_value()
        await Telling(Mlflow(said.mlflow_tracking_uri, said.mlflow_experiment_name, token)).run()
