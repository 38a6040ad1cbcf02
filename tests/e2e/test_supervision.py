"""The server as processes: a supervisor, and the worker that serves."""

import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e import served
from tests.stores import eventually

pytestmark = pytest.mark.browser


def _listens(url: str) -> bool:
    place = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", place.port or 80)) == 0


async def test_a_server_whose_supervisor_is_killed_frees_its_port(tmp_path: Path) -> None:
    served.build()
    with served.serve(tmp_path, served.memory_node(tmp_path)) as running:
        assert _listens(running.url)
        os.kill(running.pid, signal.SIGKILL)
        await eventually("the port to be free", lambda: not _listens(running.url))
