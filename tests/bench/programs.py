"""What programs wait for: a one-shot run, warm and cold, and what a tool of MCP costs beside the same call by REST."""

import statistics
import time
from collections.abc import Awaitable, Callable

import httpx
import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from sqlmodel import col, select, update

from backend.db import reading, transaction
from backend.models import Container, ContainerType
from tests.bench.report import Figure, spread
from tests.bench.warm import is_warm, warm_server
from tests.stores import eventually

_WARM, _COLD, _CALLS = 7, 5, 40
_RUN = {"command": "python3 -c 'print(1)'", "type": "small"}
_BOOT_S = 240


async def measure() -> list[Figure]:
    """Real machines under emulation; the server is a process of its own."""
    async with warm_server() as (url, key):
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers, timeout=_BOOT_S) as program:
            figures = await _runs(program)
            return figures + await _calls(program, url, headers)


async def _runs(program: httpx.AsyncClient) -> list[Figure]:
    warm_s, cold_s = list[float](), list[float]()
    for _ in range(_WARM):
        await eventually("a warm machine", is_warm, seconds=_BOOT_S)
        warm_s.append(await _seconds(lambda: _one(program)))
        await eventually("its machine to be gone", _is_gone, seconds=60)
    async with transaction() as tx:
        await tx.exec(update(ContainerType).values(poolable=False, pool_target=0))
    for _ in range(_COLD):
        await eventually("no machine to be left", _none_is_left, seconds=120)
        cold_s.append(await _seconds(lambda: _one(program)))
    name = "one-shot run, submitted → result,"
    return [
        Figure(f"{name} warm, p50", statistics.median(warm_s), "s", _WARM, 1.5, detail=spread(warm_s)),
        Figure(f"{name} cold, p50", statistics.median(cold_s), "s", _COLD, 9.0, detail=spread(cold_s)),
    ]


async def _one(program: httpx.AsyncClient) -> None:
    done = (await program.post("/runs/", json=_RUN)).json()
    if (done["status"], done["stdout"]) != ("succeeded", "1\n"):
        raise RuntimeError(f"the run did not do what it should: {done}")


async def _calls(program: httpx.AsyncClient, url: str, headers: dict[str, str]) -> list[Figure]:
    """By turns, so that what else the machine does falls on both."""
    made = (await program.post("/containers/", json={"type": "small"})).json()
    here = f"/containers/{made['id']}/"

    async def runs() -> bool:
        return (await program.get(here)).json()["status"] == "running"

    await eventually("it to run", runs, seconds=_BOOT_S)
    async with (
        httpx2.AsyncClient(headers=headers, timeout=_BOOT_S) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as agent,
    ):
        order = {"command": "true"}
        return [
            *await _beside(
                "list",
                lambda: program.get("/containers/"),
                lambda: agent.call_tool("list_containers", {}),
            ),
            *await _beside(
                "exec `true`",
                lambda: program.post(f"{here}exec/", json=order),
                lambda: agent.call_tool("container_exec", {"container_id": made["id"], **order}),
            ),
        ]


async def _beside(
    name: str, rest: Callable[[], Awaitable[httpx.Response]], tool: Callable[[], Awaitable[object]]
) -> list[Figure]:
    rest_ms, tool_ms = list[float](), list[float]()
    for _ in range(_CALLS):
        rest_ms.append(await _seconds(rest) * 1000)
        tool_ms.append(await _seconds(tool) * 1000)
    more = statistics.median(tool_ms) - statistics.median(rest_ms)
    return [
        Figure(f"/api/v1 {name}, p50", statistics.median(rest_ms), "ms", _CALLS, detail=spread(rest_ms)),
        Figure(f"MCP {name}, longer than that by", more, "ms", _CALLS, 20, detail=spread(tool_ms)),
    ]


async def _none_is_left() -> bool:
    async with reading() as tx:
        return (await tx.exec(select(Container.id))).first() is None


async def _is_gone() -> bool:
    async with reading() as tx:
        return (await tx.exec(select(Container.id).where(~col(Container.pooled)))).first() is None


async def _seconds(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began
