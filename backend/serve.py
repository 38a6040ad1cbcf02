"""Serves an app to browsers and programs: `python -m backend.serve pequeroku_ui.pequeroku_ui:app --port 8000`.

One process with one event loop (ADR-0025). SIGTERM and Ctrl-C let it end in order.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pkgutil import resolve_name
from typing import NoReturn

from granian.constants import Interfaces
from granian.errors import FatalError
from granian.log import LogLevels
from granian.server.embed import Server

from backend.ending import ending

_PATIENCE_S = 10.0
_BACKLOG = 1024


async def serve(target: str, host: str, port: int) -> int:
    """Serve what the factory `target` ("module:name") makes, until a signal. Returns the exit status.

    Raises:
        OSError: something else listens there.
    """
    server = Server(
        resolve_name(target),
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        factory=True,
        backlog=_BACKLOG,
        log_level=LogLevels.error,
    )
    loop, asked_to_stop = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        asked_to_stop.set()
        ending().tell()
        server.stop()
        loop.call_later(_PATIENCE_S, os._exit, 1)  # whoever holds the end up has had its time

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await server.serve()
    except FatalError:  # the start failed; it was told
        return 1
    return 0 if asked_to_stop.is_set() else 1


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Read the command line, serve, and end the process."""
    parser = argparse.ArgumentParser(prog="python -m backend.serve", description="Serve an ASGI app.")
    parser.add_argument("target", help="its factory, as module:name")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args(arguments)
    status = asyncio.run(serve(given.target, given.host, given.port))
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # granian's threads are still there: one that meets an interpreter on its way out aborts


if __name__ == "__main__":
    main()
