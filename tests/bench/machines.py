"""A real machine from the click to the prompt, and what its terminal costs."""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright
from websockets.asyncio.client import ClientConnection, connect

from backend.db import dispose, reading
from backend.guest.shell import guests
from backend.hypervisor.registry import nodes
from backend.rules.policy import SYSTEM
from backend.services import terminals as service
from backend.settings import settings
from tests.bench import guest_pty
from tests.bench.plain_qemu import boot_s
from tests.bench.report import Figure, percentile, spread
from tests.e2e import people, served
from tests.e2e.conftest import Person
from tests.e2e.steps import arrive
from tests.machines import built_image, private_node

_BOOTS = 5
_KEYS = 200
_EXECS = 40
_FLOOD_MB = 24
_FLOODS = 3
_TERMINALS = 20
_PROMPT = """() => !document.querySelector('.pq-curtain')
    && document.querySelector('.xterm-rows')?.innerText.includes('#')"""


async def measure() -> list[Figure]:
    """Figures of real machines on this one, under software emulation."""
    image = built_image()
    with private_node() as node, tempfile.TemporaryDirectory() as home:
        where = {"LOCAL_NODE_URI": node.uri, "IMAGE_DIR": str(image.base.parent), "NODE_ACCELERATION": "tcg"}
        with served.serve(Path(home), where) as server:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=served.CHROMIUM, args=served.FLAGS)
                figures, page = await _boots(browser, server.url)
                sid = next(each["value"] for each in await page.context.cookies() if each["name"] == "sid")
                container_id = int(page.url.rpartition("/")[2])
                await browser.close()
            figures += await _terminal(server, sid, container_id)
    return figures


async def _boots(browser: Browser, url: str) -> tuple[list[Figure], Page]:
    """Create by click until the prompt stands, and the same image under plain QEMU, in turn."""
    created_s: list[float] = []
    plain_s: list[float] = []
    context = await browser.new_context(base_url=url)
    page = await context.new_page()
    await arrive(page, Person(people.name_of(0)))
    for number in range(_BOOTS):
        plain_s.append(await asyncio.to_thread(boot_s, built_image()))
        await page.goto("/")
        await page.locator("#new-container").click()
        await page.locator("[data-type=small] input").check()
        began = time.perf_counter()
        await page.get_by_role("button", name="Create", exact=True).click()
        await page.wait_for_function(_PROMPT, timeout=120_000)
        created_s.append(time.perf_counter() - began)
        if number < _BOOTS - 1:
            await page.get_by_role("button", name="Delete").click()
            await page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
            await page.wait_for_url(f"{url}/", timeout=60_000)
    prompt, plain = statistics.median(created_s), statistics.median(plain_s)
    return [
        Figure("create click → shell prompt, p50", prompt, "s", _BOOTS, 6.5, detail=spread(created_s)),
        Figure("plain QEMU, start → guest ready, p50", plain, "s", _BOOTS, detail=spread(plain_s)),
        Figure("create click ÷ plain QEMU", prompt / plain, "×", _BOOTS, 1.3),
    ], page


class _Shell:
    """One terminal, as a browser's socket sees it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def type(self, text: str) -> None:
        await self._socket.send(text.encode())

    async def until(self, mark: bytes, *, seconds: float = 60) -> int:
        """Read until `mark`; gives how many bytes came."""
        seen, tail = 0, b""
        async with asyncio.timeout(seconds):
            while mark not in tail:
                message = await self._socket.recv()
                if isinstance(message, str):
                    continue
                await self._socket.send(json.dumps({"type": "ack", "bytes": len(message)}))
                seen += len(message)
                tail = (tail + message)[-len(mark) - len(message) :]
        return seen


@asynccontextmanager
async def _shell(url: str, sid: str, container_id: int, name: str) -> AsyncGenerator[_Shell]:
    address = f"{url.replace('http', 'ws', 1)}/ws/terminals/{container_id}/{name}?cols=120&rows=40"
    async with connect(address, origin=url, additional_headers={"Cookie": f"sid={sid}"}, max_size=None) as socket:
        yield _Shell(socket)


async def _terminal(server: served.Served, sid: str, container_id: int) -> list[Figure]:
    figures = await _inside(server, container_id)
    async with _shell(server.url, sid, container_id, "bench") as shell:
        await shell.until(b"# ")
        figures.append(await _flood(shell))
        figures.append(await _echo(shell))
    return [*figures, await _memory(server, sid, container_id)]


async def _inside(server: served.Served, container_id: int) -> list[Figure]:
    """What commands of our own find, over the bulk connection, which the server leaves free."""
    where = {"PEQUEROKU_HOME": str(server.home), "DATABASE_URL": f"sqlite:///{server.home}/pequeroku.sqlite3"}
    os.environ |= where
    settings.cache_clear()
    async with reading() as tx:
        door = await service.look(tx, SYSTEM, container_id)
    address = await door.address()
    await guests().run(address, "systemctl is-system-running --wait", timeout_s=60)  # its services still start
    taken_ms: list[float] = []
    for _ in range(_EXECS):
        began = time.perf_counter()
        await guests().run(address, "true")
        taken_ms.append((time.perf_counter() - began) * 1000)
    pty = await guest_pty.profile(address)
    await guests().close_all()
    await nodes().close_all()
    await dispose()
    return [Figure("exec true, p50", statistics.median(taken_ms), "ms", _EXECS, 80, detail=spread(taken_ms)), *pty]


async def _echo(shell: _Shell) -> Figure:
    """A key's way to the guest's PTY and back, with a program that echoes nothing by itself."""
    await shell.type("stty raw -echo; echo ready-$((1+1)); cat\n")
    await shell.until(b"ready-2")
    taken_ms: list[float] = []
    for number in range(_KEYS):
        key = "ABCDEFGHIJ"[number % 10]
        began = time.perf_counter()
        await shell.type(key)
        await shell.until(key.encode())
        taken_ms.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.01)
    p95 = percentile(taken_ms, 0.95)
    return Figure("keystroke echo through the socket, p95", p95, "ms", _KEYS, 15, detail=spread(taken_ms))


async def _flood(shell: _Shell) -> Figure:
    """Text as fast as the guest can print it, acknowledged as a browser does."""
    await shell.type(
        f"yes 0123456789abcdefghijklmnopqrstuvwxyz | head -c {_FLOOD_MB}000000 > /tmp/flood; echo made-$((1+1))\n"
    )
    await shell.until(b"made-2")
    rates: list[float] = []
    for number in range(_FLOODS):
        await shell.type(f"cat /tmp/flood; echo done-{number}-$((1+1))\n")
        began = time.perf_counter()
        size = await shell.until(f"done-{number}-2".encode(), seconds=120)
        rates.append(size / 1e6 / (time.perf_counter() - began))
    return Figure("terminal output", statistics.median(rates), "MB/s", _FLOODS, 8, "higher", spread(rates))


async def _memory(server: served.Served, sid: str, container_id: int) -> Figure:
    """Resident memory of the server's processes with twenty terminals open, each with output in its ring."""
    async with AsyncExitStack() as stack:
        for number in range(_TERMINALS - 2):
            shell = await stack.enter_async_context(_shell(server.url, sid, container_id, f"m{number}"))
            await shell.until(b"# ")
            await shell.type("head -c 300000 /dev/zero | tr '\\0' x; echo; echo full-$((1+1))\n")
            await shell.until(b"full-2")
        total_mb = resident_mb(server.pid)
    return Figure(f"server memory, {_TERMINALS} terminals open", total_mb, "MB", 1, 200)


def resident_mb(pid: int) -> float:
    """What a process and its children hold in memory."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    statuses = [Path(f"/proc/{each}/status").read_text().splitlines() for each in (pid, *children)]
    return sum(int(line.split()[1]) for lines in statuses for line in lines if line.startswith("VmRSS:")) / 1024
