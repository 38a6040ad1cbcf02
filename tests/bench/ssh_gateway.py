"""The SSH gateway with OpenSSH's own clients: how long a prompt takes, how fast files go, fifty at once.

Its server, the gateway with its database, and the guest that is played, share one process: the clients are their own.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from backend import db, settings
from backend.events.bus import bus
from backend.migrations import migrate
from backend.seed import seed
from tests.bench.report import Figure, spread
from tests.ssh_clients import Scene, Terminal, a_gateway, a_terminal, run

_RUNS = 10
_AT_ONCE = 50
_MB = 30
_PROMPT = "guest$ "


async def measure() -> list[Figure]:
    """Connect to prompt, SFTP both ways, and many sessions."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3", "SSH_PORT": "0"}
        settings.settings.cache_clear()
        bus.cache_clear()
        try:
            await migrate()
            await seed()
            async with a_gateway(folder) as scene:
                return [*await _prompts(scene), *await _files(scene, folder), *await _many(scene)]
        finally:
            await db.dispose()
            del os.environ["DATABASE_URL"]


async def _prompts(scene: Scene) -> list[Figure]:
    taken = [await _seconds(lambda: _prompt(scene)) for _ in range(_RUNS + 1)][1:]  # the first connects to the guest
    return [Figure("ssh to a prompt, played guest", max(taken), "s", _RUNS, 1.0, detail=spread(taken))]


async def _prompt(scene: Scene) -> None:
    async with a_terminal(scene) as terminal:
        await terminal.shows(_PROMPT)


async def _files(scene: Scene, folder: Path) -> list[Figure]:
    (folder / "up").write_bytes(os.urandom(_MB * 1_000_000))
    figures = list[Figure]()
    for name, script in (("up", f"put {folder}/up {folder}/there"), ("down", f"get {folder}/there {folder}/down")):
        words = [*scene.options(), "-b", "-", "127.0.0.1"]
        taken = [await _seconds(lambda script=script, words=words: _sftp(script, words)) for _ in range(3)]
        speeds = [_MB / each for each in taken]
        figures.append(Figure(f"SFTP {name}, played guest", min(speeds), "MB/s", 3, 5.0, "higher", spread(speeds)))
    assert (folder / "down").read_bytes() == (folder / "up").read_bytes()
    return figures


async def _sftp(script: str, words: list[str]) -> None:
    done = await run("sftp", *words, stdin=script.encode(), within_s=120)
    assert done.code == 0, done.err


async def _many(scene: Scene) -> list[Figure]:
    before_mb = _resident_mb()
    async with AsyncExitStack() as stack:

        async def opened() -> Terminal:
            terminal = await stack.enter_async_context(a_terminal(scene))
            await terminal.shows(_PROMPT)
            return terminal

        began = time.monotonic()
        terminals = await asyncio.gather(*(opened() for _ in range(_AT_ONCE)))
        to_all_s = time.monotonic() - began
        with_all_mb = _resident_mb()

        async def answers(terminal: Terminal) -> None:
            terminal.type("echo an-$((40+2))\r")
            await terminal.shows("an-42")

        echo_s = await _seconds(lambda: asyncio.gather(*map(answers, terminals)))
    return [
        Figure(f"{_AT_ONCE} sessions at once: until the last has its prompt", to_all_s, "s", 1),
        Figure(f"{_AT_ONCE} sessions at once: until each has run a command", echo_s, "s", 1, 5.0),
        Figure(f"{_AT_ONCE} sessions at once: server memory for them", with_all_mb - before_mb, "MB", 1, 100),
    ]


def _resident_mb() -> float:
    """Of this process alone: its children are the clients, and the guest's shells."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def _seconds(work: Callable[[], Awaitable[object]]) -> float:
    began = time.monotonic()
    await work()
    return time.monotonic() - began
