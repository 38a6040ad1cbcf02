"""`python -m backend.tasks`: a task process of its own, beside web processes that run with RUN_TASKS=false."""

import asyncio
import logging
import os
import signal

from backend.db import dispose
from backend.events.bus import bus
from backend.tasks.runner import running


async def main() -> None:
    """Reconcile until SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running():
        await stop.wait()
    await bus().stop()
    await dispose()


if __name__ == "__main__":
    os.environ["RUN_TASKS"] = "true"
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    asyncio.run(main())
