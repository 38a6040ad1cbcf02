"""Files of a real machine: listed, opened, sent up and down, and what a large one costs the server in memory."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from backend import db, settings
from backend.db import reading, transaction
from backend.events.bus import bus
from backend.guest.shell import guests
from backend.migrations import migrate
from backend.rules.policy import Actor
from backend.seed import seed
from backend.services import containers
from backend.services import files as service
from backend.tasks.runner import running
from tests.bench.drain import _ready
from tests.bench.report import Figure, spread
from tests.factories import a_type, a_world_on
from tests.machines import built_image, private_node
from tests.stores import eventually, free_port
from tests.tenants import signed_in

BIG_MB = 1000
_MIDDLE_MB = 10
_RUNS = 5
_PIECE = b"0123456789abcdef" * 16_384


async def measure() -> list[Figure]:
    """Through the API's own server process, from a machine under software emulation."""
    with private_node() as node, tempfile.TemporaryDirectory() as home:
        port = free_port()
        os.environ |= {
            "DATABASE_URL": f"sqlite:///{home}/bench.sqlite3", "IMAGE_DIR": str(built_image().base.parent),
            "NODE_ACCELERATION": "tcg", "PORT": str(port), "RUN_TASKS": "false",
        }  # fmt: skip
        settings.settings.cache_clear()
        bus.cache_clear()
        try:
            await migrate()
            await seed()
            actor, _ = await a_world_on(node.uri)
            async with running():
                container_id = await _running_container(actor)
                async with transaction() as tx:
                    sid = await signed_in(tx, actor)
                with _server(port) as pid:
                    return await _Bench(f"localhost:{port}", sid, container_id, pid).figures()
        finally:
            await guests().close_all()
            await db.dispose()


async def _running_container(actor: Actor) -> int:
    await eventually("the node", _ready, seconds=120)
    async with transaction() as tx:
        made = await containers.create(tx, actor, container_type_id=(await a_type(tx)).id)

    async def runs() -> bool:
        async with reading() as tx:
            return (await containers.get(tx, actor, made.id)).status == "running"

    await eventually("the machine", runs, seconds=180)
    async with reading() as tx:
        door = await service.look(tx, actor, made.id)
    command = "systemctl is-system-running --wait; mkdir -p /app/many && cd /app/many && seq 10000 | xargs touch; "
    command += f"head -c 1000000 /dev/zero | tr '\\0' x > /app/text; fallocate -l {BIG_MB}M /app/big; "
    await guests().run(
        await door.address(), command + f"head -c {_MIDDLE_MB}000000 /dev/urandom > /app/middle", timeout_s=120
    )
    await guests().close_all()
    return made.id


@contextmanager
def _server(port: int) -> Generator[int]:
    command = [sys.executable, "-m", "backend.serve", "backend.api.app:make_api"]
    process = subprocess.Popen([*command, "--port", str(port)])
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


class _Bench:
    def __init__(self, host: str, sid: str, container_id: int, pid: int) -> None:
        self._headers = {"Cookie": f"sid={sid}", "Origin": f"http://{host}"}
        self._base = f"http://{host}/api/containers/{container_id}"
        self._socket_url = f"ws://{host}/ws/fs/{container_id}/"
        self._host, self._pid = host, pid

    async def figures(self) -> list[Figure]:
        async with httpx.AsyncClient(headers=self._headers, timeout=900) as client:
            await eventually("the server", lambda: self._answers(client), seconds=60)
            return [*await self._socket(), *await self._middle(client), *await self._big(client)]

    async def _answers(self, client: httpx.AsyncClient) -> bool:
        with suppress(httpx.TransportError):
            return (await client.get(f"http://{self._host}/api/health")).status_code == 200
        return False

    async def _socket(self) -> list[Figure]:
        began = time.perf_counter()
        url, origin = self._socket_url, self._headers["Origin"]
        cookie = {"Cookie": self._headers["Cookie"]}
        async with connect(url, origin=origin, additional_headers=cookie, max_size=None) as socket:  # type: ignore[arg-type]
            while json.loads(await socket.recv()).get("state") != "ready":
                pass
            ready_s = time.perf_counter() - began
            many = [await _timed_ms(socket, "list", path="/app/many") for _ in range(_RUNS)]
            text = [await _timed_ms(socket, "read", path="/app/text") for _ in range(_RUNS)]
            small = [await _timed_ms(socket, "stat", path="/app/text") for _ in range(_RUNS)]
        return [
            Figure("files: socket opened → ready", ready_s, "s", 1),
            Figure(
                "files: a folder of 10,000 listed, p50", statistics.median(many), "ms", _RUNS, 600, detail=spread(many)
            ),
            Figure("files: 1 MB of text read, p50", statistics.median(text), "ms", _RUNS, 300, detail=spread(text)),
            Figure("files: stat, p50", statistics.median(small), "ms", _RUNS, detail=spread(small)),
        ]

    async def _middle(self, client: httpx.AsyncClient) -> list[Figure]:
        up: list[float] = []
        down: list[float] = []
        for number in range(_RUNS):
            up.append(_MIDDLE_MB / await self._up(client, f"up{number}", _MIDDLE_MB))
            down.append(_MIDDLE_MB / await self._down(client, "middle", _MIDDLE_MB))
        return [
            Figure("files: 10 MB up", statistics.median(up), "MB/s", _RUNS, 5, "higher", spread(up)),
            Figure("files: 10 MB down", statistics.median(down), "MB/s", _RUNS, 5, "higher", spread(down)),
        ]

    async def _big(self, client: httpx.AsyncClient) -> list[Figure]:
        figures: list[Figure] = []
        for name, act in (("up", self._up(client, "huge", BIG_MB)), ("down", self._down(client, "big", BIG_MB))):
            before, task, most = _resident_mb(self._pid), asyncio.ensure_future(act), 0.0
            while not task.done():
                await asyncio.wait((task,), timeout=0.2)
                most = max(most, _resident_mb(self._pid))
            rate = BIG_MB / task.result()
            figures.append(Figure(f"files: memory that {BIG_MB} MB {name} adds", most - before, "MB", 1, 50))
            figures.append(Figure(f"files: {BIG_MB} MB {name}", rate, "MB/s", 1, better="higher"))
        return figures

    async def _up(self, client: httpx.AsyncClient, name: str, size_mb: int) -> float:
        size, began = size_mb * 1_000_000, time.perf_counter()

        async def body() -> AsyncIterator[bytes]:
            for start in range(0, size, len(_PIECE)):
                yield _PIECE[: size - start]

        query = f"path=/app/{name}&size={size}&upload=bench-{name}-{size}&overwrite=true"
        answer = await client.post(f"{self._base}/upload_file/?{query}", content=body())
        assert answer.json().get("done") is True, answer.text
        return time.perf_counter() - began

    async def _down(self, client: httpx.AsyncClient, name: str, size_mb: int) -> float:
        began, came = time.perf_counter(), 0
        async with client.stream("GET", f"{self._base}/download_file/?path=/app/{name}") as answer:
            async for piece in answer.aiter_raw():
                came += len(piece)
        assert came >= size_mb * 1_000_000, came
        return time.perf_counter() - began


async def _timed_ms(socket: ClientConnection, method: str, **params: Any) -> float:
    began = time.perf_counter()
    await socket.send(json.dumps({"id": 1, "method": method, "params": params}))
    while "result" not in (said := json.loads(await socket.recv())):
        assert "error" not in said, said
    return (time.perf_counter() - began) * 1000


def _resident_mb(pid: int) -> float:
    """Of the process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = 0
    for each in (str(pid), *children):
        lines = Path(f"/proc/{each}/status").read_text().splitlines()
        total += next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
    return total / 1024
