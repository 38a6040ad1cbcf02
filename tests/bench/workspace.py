"""What a person waits for in the workspace of a real machine: a large file to open, a large folder to be shown."""

import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

from tests.bench.report import Figure, spread
from tests.e2e import people, served
from tests.e2e.conftest import Person
from tests.e2e.steps import arrive, create
from tests.e2e.workspace_steps import row
from tests.machines import built_image, private_node
from tests.stores import eventually

_ROUNDS = 5
_BOOT_MS, _LOOK_MS = 240_000, 60_000
_FILL = (
    'clear; for i in 0 1 2 3 4 5; do yes "const a$i = 1;" | head -c 1000000 > /app/$i.js; mkdir -p /app/d$i;'
    " (cd /app/d$i; touch $(seq -w 1 10000)); done; echo ready$((1+1))"
)


async def measure() -> list[Figure]:
    """One browser, one machine, which is emulated."""
    image = built_image()
    served.build()
    with private_node() as node, tempfile.TemporaryDirectory() as home:
        where = {"LOCAL_NODE_URI": node.uri, "IMAGE_DIR": str(image.base.parent), "NODE_ACCELERATION": "tcg"}
        with served.serve(Path(home), where, users=1) as server:
            await eventually("the node", lambda: _is_ready(server), seconds=120)
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=served.CHROMIUM, args=served.FLAGS)
                page = await (await browser.new_context(base_url=server.url, reduced_motion="reduce")).new_page()
                await arrive(page, Person(people.name_of(0)))
                figures = await _looks(page)
                await browser.close()
    return figures


def _is_ready(server: served.Served) -> bool:
    with closing(sqlite3.connect(server.home / "pequeroku.sqlite3")) as database:
        return database.execute("select 1 from node where healthy and prepared").fetchone() is not None


async def _looks(page: Page) -> list[Figure]:
    await create(page, "at-work")
    await expect(page.locator(".pq-screen[data-state=open]")).to_be_visible(timeout=_BOOT_MS)
    await page.locator(".xterm-helper-textarea").first.focus()
    await page.keyboard.type(f"{_FILL}\n")
    await expect(page.locator(".xterm-rows").first).to_contain_text("ready2", timeout=_LOOK_MS)
    await expect(row(page, "5.js")).to_be_visible(timeout=_LOOK_MS)
    opened, listed = list[float](), list[float]()
    for number in range(_ROUNDS + 1):
        opened.append(await _timed(page, f"{number}.js", f".cm-line:has-text('const a{number}')"))
        listed.append(await _timed(page, f"d{number}", "[role=treeitem]:has-text('00001')"))
        await page.get_by_role("tree").focus()
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator("[role=treeitem]:has-text('00001')")).to_have_count(0)
    return [_figure("1 MB opens in the editor", opened, 500), _figure("10,000 entries shown in the tree", listed, 600)]


def _figure(name: str, taken_ms: list[float], bar: float) -> Figure:
    """The first loads what the browser needs for it, and is told apart."""
    first, *later = taken_ms
    return Figure(f"{name}, p50", statistics.median(later), "ms", _ROUNDS, bar, detail=spread(later) | {"first": first})


async def _timed(page: Page, click: str, shown: str) -> float:
    began = time.perf_counter()
    await row(page, click).click()
    await expect(page.locator(shown).first).to_be_visible(timeout=_LOOK_MS)
    return (time.perf_counter() - began) * 1000
