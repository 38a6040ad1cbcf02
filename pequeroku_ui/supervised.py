"""A worker ends with the process that supervises it: left behind, it would go on holding the port and the nodes."""

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

log = logging.getLogger(__name__)


@asynccontextmanager
async def ends_with_its_supervisor() -> AsyncGenerator[None]:
    """While the block runs, the death of the supervising process, if there is one, ends this one in order."""
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        yield
        return
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(supervisor.sentinel)
        log.error("the supervising process is gone; this one ends too")
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(supervisor.sentinel, end)
    try:
        yield
    finally:
        loop.remove_reader(supervisor.sentinel)
