"""`python -m backend.tasks`: a task process of its own, beside web processes that run with RUN_TASKS=false."""

import asyncio
import signal

from backend.db import dispose
from backend.events.bus import bus
from backend.logs import configure_logging
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
    configure_logging()
    asyncio.run(main())
