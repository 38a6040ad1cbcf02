"""What a program waits for: a page of a long list of containers, on both databases, and commands in a real machine."""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from sqlmodel import select

from backend.db import transaction
from backend.migrations import migrate
from backend.models import Container, DesiredState, ResourceQuota, Status
from backend.seed import seed
from backend.services import keys
from tests import stores
from tests.bench.report import Figure, percentile, spread
from tests.conftest import in_use
from tests.factories import a_node, a_type, a_world_on, an_actor
from tests.machines import built_image, private_node

_CONTAINERS, _RUNNING = 5_000, 50
_ASKERS, _SECONDS = 6, 8.0
_EXECS, _AT_ONCE, _ROUNDS = 40, 16, 6
_ROOT = Path(__file__).resolve().parents[2]


async def measure() -> list[Figure]:
    """Lists first, then commands."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        figures += await _lists(f"sqlite:///{folder}/api.sqlite3", "SQLite")
    with stores.postgres() as server:
        figures += await _lists(stores.create_database(server, "bench_api"), "PostgreSQL")
    return figures + await _commands()


async def _lists(url: str, kind: str) -> list[Figure]:
    async with in_use(url):
        await migrate()
        await seed()
        key = await _fill()
    async with _served(url) as port:
        old = await _pages("/api/containers/?limit=50", f"list 50 of {_CONTAINERS:,} containers, {kind}", port, key)
        return old + await _pages("/api/v1/containers?limit=50", f"the same of /api/v1, {kind}", port, key)


async def _pages(path: str, name: str, port: int, key: str) -> list[Figure]:
    asked = _request(port, path, key)
    await _ask_for(1.0, port, asked)  # connections and caches
    taken_ms = await _ask_for(_SECONDS, port, asked)
    per_s, many = len(taken_ms) / _SECONDS, len(taken_ms)
    return [
        Figure(f"{name}, p95", percentile(taken_ms, 0.95), "ms", many, 25, detail=spread(taken_ms)),
        Figure(name, per_s, "requests/s", many, 300, "higher"),
    ]


async def _fill() -> str:
    """Somebody with thousands of containers; gives a key of theirs."""
    async with transaction() as tx:
        owner, node, kind = await an_actor(tx, limit=100), await a_node(tx), await a_type(tx)
        query = select(ResourceQuota.id).where(ResourceQuota.user_id == owner.user_id)
        quota = (await tx.exec(query)).one()
        for number in range(_CONTAINERS):
            runs = number < _RUNNING
            tx.add(
                Container(
                    name=f"box-{number:05}",
                    user_id=owner.person_id,
                    node_id=node.id,
                    container_type_id=kind.id,
                    resource_quota_id=quota,
                    memory_mb=kind.memory_mb,
                    vcpus=kind.vcpus,
                    disk_gib=kind.disk_gib,
                    desired_state=DesiredState.RUNNING if runs else DesiredState.STOPPED,
                    status=Status.RUNNING if runs else Status.STOPPED,
                )
            )
    async with transaction() as tx:
        return (await keys.create_key(tx, owner, name="bench", scope="read"))[1]


async def _commands() -> list[Figure]:
    """`true` in a real machine, one after another and sixteen at once."""
    image = built_image()
    with private_node() as node, tempfile.TemporaryDirectory() as home:
        url = f"sqlite:///{home}/api.sqlite3"
        more = {"NODE_ACCELERATION": "tcg", "IMAGE_DIR": str(image.base.parent), "RUN_TASKS": "true"}
        async with in_use(url):
            await migrate()
            await seed()
            owner, _ = await a_world_on(node.uri)
            async with transaction() as tx:
                key = (await keys.create_key(tx, owner, name="bench", scope="exec"))[1]
        async with _tasks(url, more), _served(url) as port:
            try:
                return await _executed(port, key)
            finally:
                node.sweep()


async def _executed(port: int, key: str) -> list[Figure]:
    program = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}/api", headers={"Authorization": f"Bearer {key}"}, timeout=120
    )
    async with program:

        async def made() -> int | None:
            answer = await program.post("/containers/", json={"container_type": "small"})
            return answer.json()["id"] if answer.status_code == 201 else None

        at = f"/containers/{await stores.eventually('room for a machine', made, seconds=60)}/"

        async def runs() -> bool:
            return (await program.get(at)).json()["status"] == "running"

        async def execute(command: str = "true") -> float:
            began = time.perf_counter()
            answer = await program.post(f"{at}exec_command/", json={"command": command})
            if answer.status_code != 200:
                raise RuntimeError(f"{answer.status_code}: {answer.text}")
            return (time.perf_counter() - began) * 1000

        await stores.eventually("the machine to run", runs, seconds=180)
        await execute("systemctl is-system-running --wait || true")  # its services still start
        taken_ms = [await execute() for _ in range(_EXECS)]
        began = time.perf_counter()
        for _ in range(_ROUNDS):
            await asyncio.gather(*(execute() for _ in range(_AT_ONCE)))
        per_s = _ROUNDS * _AT_ONCE / (time.perf_counter() - began)
    p50 = statistics.median(taken_ms)
    return [
        Figure("exec_command true, p50", p50, "ms", _EXECS, 90, detail=spread(taken_ms)),
        Figure(f"exec_command, {_AT_ONCE} at once", per_s, "/s", _ROUNDS * _AT_ONCE, 12, "higher"),
    ]


@asynccontextmanager
async def _tasks(url: str, more: dict[str, str]) -> AsyncGenerator[None]:
    """What drives the machine, in a process of its own."""
    environment = {**os.environ, **more, "DATABASE_URL": url}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "backend.tasks", cwd=_ROOT, env=environment)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def _served(url: str) -> AsyncGenerator[int]:
    """The API in a worker of its own, as it is served."""
    port = stores.free_port()
    command = [sys.executable, "-m", "backend.serve", "backend.api.app:make_api"]
    command += ["--port", str(port)]
    environment = {**os.environ, "DATABASE_URL": url, "API_RATE": "0", "RUN_TASKS": "false"}
    process = await asyncio.create_subprocess_exec(*command, cwd=_ROOT, env=environment)
    try:
        await stores.eventually("the server", lambda: _answers(port), seconds=60)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _request(port: int, path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


async def _ask_for(seconds: float, port: int, request: bytes) -> list[float]:
    """Ask again and again, by some connections at once; how long each answer took, in ms."""
    end = time.perf_counter() + seconds
    return [
        each for taken in await asyncio.gather(*(_ask(port, request, end) for _ in range(_ASKERS))) for each in taken
    ]


async def _ask(port: int, request: bytes, end: float) -> list[float]:
    """A plain client: the figures are to be the server's."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken_ms: list[float] = []
    try:
        while (began := time.perf_counter()) < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"the server answered {head[:300]!r}")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            taken_ms.append((time.perf_counter() - began) * 1000)
    finally:
        writer.close()
    return taken_ms
