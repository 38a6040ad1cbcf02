"""What a person waits for in the browser: the first page, and changes that reach every open tab; and the warm start."""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
from playwright.async_api import Browser, Page, async_playwright, expect

from pequeroku_ui.state.dashboard import DashboardState
from pequeroku_ui.state.power import PowerState
from tests.bench.report import Figure, percentile, spread
from tests.crowd import give_containers
from tests.e2e import people, served
from tests.e2e.conftest import Person
from tests.e2e.sockets import open_tab
from tests.e2e.steps import arrive, create, expect_status
from tests.stores import free_port

_TABS = 50
_CHANGES = 20
_STARTS = 3
_CROWD = 500
_VISITS = 7
_INTERACTIVE = """() => document.querySelector('[data-container]')
    && document.querySelector('#new-container')?.disabled === false && performance.now()"""
_LOAD = f"{DashboardState.get_full_name()}.load"
_STOP, _START = (f"{PowerState.get_full_name()}.{wish}" for wish in ("stop", "start"))


async def measure() -> list[Figure]:
    """Figures of pages over a node in memory."""
    served.build()
    with tempfile.TemporaryDirectory() as home, served.serve(Path(home), served.memory_node(Path(home))) as server:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=served.CHROMIUM, args=served.FLAGS)
            figures = [await _initial_javascript(browser, server.url), await _push(browser, server.url)]
            figures.append(await _crowded(browser, server))
            await browser.close()
    return [*figures, _warm_start()]


async def _signed_in(browser: Browser, url: str, number: int) -> Page:
    page = await (await browser.new_context(base_url=url)).new_page()
    await arrive(page, Person(people.name_of(number)))
    return page


async def _initial_javascript(browser: Browser, url: str) -> Figure:
    """All script that a first visit of the dashboard transfers, compressed as it was."""
    page = await _signed_in(browser, url, 0)
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Network.enable")
    await devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    scripts: set[str] = set()
    sizes: dict[str, float] = {}
    devtools.on("Network.responseReceived", lambda e: scripts.add(e["requestId"]) if e["type"] == "Script" else None)
    devtools.on("Network.loadingFinished", lambda e: sizes.update({e["requestId"]: e["encodedDataLength"]}))
    await page.goto("/", wait_until="networkidle")
    total_kb = sum(size for request, size in sizes.items() if request in scripts) / 1024
    return Figure("initial JavaScript of /", total_kb, "KB gz", 1, 400)


async def _push(browser: Browser, url: str) -> Figure:
    """From the click in one dashboard to the change in fifty open ones."""
    page = await _signed_in(browser, url, 1)
    await create(page, "watched")
    await expect_status(page, "running")
    container_id = int(page.url.rpartition("/")[2])
    sid = next(each["value"] for each in await page.context.cookies() if each["name"] == "sid")
    await page.close()
    delays_ms: list[float] = []
    async with AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(open_tab(url, sid)) for _ in range(_TABS)]
        for tab in tabs:
            await tab.send(_LOAD)
            await tab.until('"watched"')
        for wish, soon, then in ((_STOP, "stopping", "stopped"), (_START, "starting", "running")) * (_CHANGES // 2):
            began = asyncio.get_running_loop().time()
            hearing = [asyncio.create_task(tab.changed(soon, then)) for tab in tabs]
            await tabs[0].send(wish, {"container_id": container_id})
            delays_ms += [(moment - began) * 1000 for moment in await asyncio.gather(*hearing)]
    name = f"status change → {_TABS} open dashboards, p95"
    return Figure(name, percentile(delays_ms, 0.95), "ms", _CHANGES, 150, detail=spread(delays_ms))


async def _crowded(browser: Browser, server: served.Served) -> Figure:
    """A dashboard of hundreds, from the address to cards that are drawn and a button that is heard."""
    await give_containers(server.home, people.name_of(2), _CROWD, running=_CROWD // 5)
    page = await _signed_in(browser, server.url, 2)
    await expect(page.get_by_text(f"{_CROWD // 5} of {_CROWD} running")).to_be_visible(timeout=60_000)
    taken_s: list[float] = []
    for _ in range(_VISITS):
        await page.goto("/", wait_until="commit")
        taken_s.append(await (await page.wait_for_function(_INTERACTIVE)).json_value() / 1000)
        await page.wait_for_load_state("networkidle")
    name = f"dashboard of {_CROWD} containers, interactive"
    return Figure(name, statistics.median(taken_s), "s", _VISITS, 1.5, detail=spread(taken_s))


def _warm_start() -> Figure:
    """From `make run`, with nothing to build, to an answer."""
    taken_s: list[float] = []
    for number in range(_STARTS + 1):
        seconds = _start_once()
        if number:  # the first one may have to build
            taken_s.append(seconds)
    return Figure("warm start", statistics.median(taken_s), "s", _STARTS, 5, detail=spread(taken_s))


def _start_once() -> float:
    port = free_port()
    began = time.perf_counter()
    command = [sys.executable, "-m", "deploy.setup", "run"]
    environment = {**os.environ, "PORT": str(port)}
    with subprocess.Popen(
        command, cwd=served.ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            _await_answer(f"http://127.0.0.1:{port}/login", process)
            return time.perf_counter() - began
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _await_answer(url: str, process: "subprocess.Popen[str]") -> None:
    while process.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code < 500:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise RuntimeError(f"`make run` ended: {process.stdout.read()[-2000:] if process.stdout else ''}")
