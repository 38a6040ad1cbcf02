"""The API in a process of its own, as programs meet it."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests import stores

_ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def served_api() -> Generator[str]:
    """Its address. It uses the database that the environment names."""
    port = stores.free_port()
    command = [sys.executable, "-m", "backend.serve", "backend.api.app:make_api", "--port", str(port)]
    with subprocess.Popen(command, cwd=_ROOT) as process:
        try:
            stores.wait_for("the server", lambda: stores._listens(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)
