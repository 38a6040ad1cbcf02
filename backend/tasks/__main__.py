"""`python -m backend.tasks`: a task process of its own, beside web processes that run with RUN_TASKS=false."""

import asyncio
import logging
import signal

from prometheus_client import start_http_server

from backend.db import dispose
from backend.events.bus import bus
from backend.logs import configure_logging
from backend.meters import REGISTRY
from backend.settings import settings
from backend.tasks.runner import running

log = logging.getLogger(__name__)


async def main() -> None:
    """Reconcile until SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _tell_figures(settings().tasks_metrics_port)
    async with running():
        await stop.wait()
    await bus().stop()
    await dispose()


def _tell_figures(port: int) -> None:
    """Serve what this process counts, unless the port is 0. A port that is taken holds up no machine."""
    if not port:
        return
    try:
        start_http_server(port, addr=settings().host, registry=REGISTRY)
    except OSError as fault:
        log.error("no figures of this process: %s:%s can't be listened on (%s)", settings().host, port, fault.strerror)


if __name__ == "__main__":
    configure_logging()
    asyncio.run(main())
