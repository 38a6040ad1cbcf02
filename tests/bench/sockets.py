"""What a thousand idle terminals cost one worker: each a WebSocket, and a shell in a guest on a node in memory."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
from sqlmodel import col, select
from websockets.asyncio.client import connect

from backend.db import reading
from backend.models import Container, Status
from tests.bench.machines import resident_mb
from tests.bench.played import PROMPT, playing
from tests.bench.report import Figure
from tests.conftest import in_use
from tests.crowd import give_containers
from tests.e2e import people, served
from tests.e2e.served import Served
from tests.stores import eventually

_PEOPLE, _CONTAINERS, _TERMINALS = 5, 10, 20
_AT_ONCE = 50


async def measure() -> list[Figure]:
    """The worker's memory before the first and after the last."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with playing(home) as found:
            settings = served.memory_node(home) | found
            with served.serve(home, settings, app="tests.bench.played:app") as server:
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
    """Run one person's containers, and sign them in; gives session, container and name of each terminal to open."""
    name = people.name_of(number)
    made = await give_containers(server.home, name, _CONTAINERS, running=_CONTAINERS)
    await eventually("the containers to run", lambda: _all_run(server, made), seconds=60)
    async with httpx.AsyncClient(base_url=server.url, headers={"Origin": server.url}) as client:
        await client.post("/auth/login", data={"username": name, "password": people.PASSWORD})
        return [(client.cookies["sid"], each, f"t{one}") for each in made for one in range(_TERMINALS)]


async def _all_run(server: Served, made: list[int]) -> bool:
    async with in_use(f"sqlite:///{server.home}/pequeroku.sqlite3"), reading() as tx:
        rows = (await tx.exec(select(Container).where(col(Container.id).in_(made)))).all()
    return all(row.status is Status.RUNNING for row in rows)


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
