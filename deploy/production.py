"""What a container image or a systemd unit starts: `python -m deploy.production web`, `… tasks`, `… healthy`.

Nothing is installed or built here. Both migrate first: whoever is second finds nothing to do.
"""

import http.client
import os
import subprocess
import sys
from collections.abc import Callable

from deploy.setup.console import environment
from deploy.setup.machine import ROOT, setting
from deploy.setup.serve import AS_BUILT, command

_PATIENCE_S = 5


def web() -> int:
    """Serve the pages and the API."""
    _migrate()
    return _become(command(setting("HOST", "127.0.0.1"), int(setting("PORT", "8000"))), **AS_BUILT)


def tasks() -> int:
    """Drive the nodes, beside web processes that run with RUN_TASKS=false."""
    _migrate()
    return _become([sys.executable, "-m", "backend.tasks"])


def healthy() -> int:
    """Ask the web process of this machine whether it is alive: 0 if it is."""
    connection = http.client.HTTPConnection("127.0.0.1", int(setting("PORT", "8000")), timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/health")
        return 0 if connection.getresponse().status == 200 else 1
    except OSError:
        return 1
    finally:
        connection.close()


def _migrate() -> None:
    subprocess.run([sys.executable, "-m", "backend.cli", "migrate"], cwd=ROOT, env=environment(), check=True)


def _become(command: list[str], **more: str) -> int:
    """Signals then reach the server itself."""
    os.chdir(ROOT)
    os.execvpe(command[0], command, environment(**more))


_WORDS: dict[str, Callable[[], int]] = {each.__name__: each for each in (web, tasks, healthy)}


def main() -> int:
    work = _WORDS.get(sys.argv[1] if len(sys.argv) == 2 else "")
    if work is None:
        print(f"Usage: python -m deploy.production {'|'.join(_WORDS)}", file=sys.stderr)
        return 2
    return work()


if __name__ == "__main__":
    sys.exit(main())
