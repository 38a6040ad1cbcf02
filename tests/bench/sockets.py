"""What a thousand idle terminals cost one worker: each a WebSocket, and a shell in a guest on a node in memory."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from websockets.asyncio.client import connect

from tests.bench.boxes import boxes
from tests.bench.machines import resident_mb
from tests.bench.played import PROMPT, playing
from tests.bench.report import Figure
from tests.e2e import served
from tests.e2e.served import Served

_PEOPLE, _CONTAINERS, _TERMINALS = 5, 10, 20
_AT_ONCE = 50


async def measure() -> list[Figure]:
    """The worker's memory before the first and after the last."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with playing(home) as found:
            settings = served.memory_node(home) | found
            with served.serve(home, settings, app="tests.bench.played:app", users=_PEOPLE) as server:
                return await _measured(server)


async def _measured(server: Served) -> list[Figure]:
    async with AsyncExitStack() as stack:
        doors = [door for number in range(_PEOPLE) for door in await _doors(server, number)]
        before_mb = resident_mb(server.pid)
        for start in range(0, len(doors), _AT_ONCE):
            some = (_terminal(server, *door) for door in doors[start : start + _AT_ONCE])
            await asyncio.gather(*(stack.enter_async_context(each) for each in some))
        with_all_mb = resident_mb(server.pid)
    return [
        Figure("server memory before any terminal", before_mb, "MB", 1),
        Figure(f"server memory with {len(doors):,} idle terminals", with_all_mb, "MB", 1, 400),
    ]


async def _doors(server: Served, number: int) -> list[tuple[str, int, str]]:
    """Session, container and name of each terminal that one person opens."""
    sid, made = await boxes(server, number, _CONTAINERS)
    return [(sid, each, f"t{one}") for each in made for one in range(_TERMINALS)]


@asynccontextmanager
async def _terminal(server: Served, sid: str, container_id: int, terminal_id: str) -> AsyncGenerator[None]:
    """Open it, and wait for its prompt."""
    address = f"{server.url.replace('http', 'ws', 1)}/ws/terminals/{container_id}/{terminal_id}?cols=80&rows=24"
    async with connect(address, origin=server.url, additional_headers={"Cookie": f"sid={sid}"}) as socket:
        drawn = b""
        async with asyncio.timeout(120):
            while PROMPT not in drawn:
                said = await socket.recv()
                drawn += said if isinstance(said, bytes) else b""
        yield
