"""Browsers and people for the tests. E2E_NODE_URI points the server at real machines instead of the fake ones."""

import os
import re
import sqlite3
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from backend.db import transaction
from backend.rules.policy import SYSTEM
from backend.services.config import set_config
from tests.conftest import in_use
from tests.e2e import people, served
from tests.e2e.paper_files import PaperFiles, some_files
from tests.machines import built_image, private_node
from tests.model_server import ModelServer, model_server

expect.set_options(timeout=int(os.environ.get("E2E_TIMEOUT_MS", "15000")))

_NODE_S = 60


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in, with three credits and no containers."""

    name: str
    password: str = people.PASSWORD


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[served.Served]:
    if not Path(served.CHROMIUM).exists():
        pytest.skip("chromium is not installed")
    served.build()
    home = tmp_path_factory.mktemp("served")
    with served.serve(home, _real_node() or served.memory_node(home)) as running:
        yield running


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[served.Served]:
    """Like `server`, with a node of its own that boots real machines, here by emulation on any host."""
    if not Path(served.CHROMIUM).exists():
        pytest.skip("chromium is not installed")
    image = built_image()
    served.build()
    with private_node() as node:
        extra = {
            "LOCAL_NODE_URI": node.uri,
            "IMAGE_DIR": str(image.base.parent.absolute()),
            "NODE_ACCELERATION": "tcg",
        }
        with served.serve(tmp_path_factory.mktemp("real"), extra) as running:
            _await_node(running)
            yield running


def _await_node(running: served.Served) -> None:
    """Wait until machines can boot there: before that, the product says no to everybody."""
    deadline = time.monotonic() + _NODE_S
    with closing(sqlite3.connect(running.home / "pequeroku.sqlite3")) as database:
        while not database.execute("select 1 from node where healthy and prepared").fetchone():
            assert time.monotonic() < deadline, running.log.read_text()[-4000:]
            time.sleep(0.2)


def _real_node() -> dict[str, str]:
    """A node of real machines, if the environment names one; IMAGE_DIR then points at a built image."""
    uri = os.environ.get("E2E_NODE_URI", "")
    return {"LOCAL_NODE_URI": uri} if uri else {}


@pytest.fixture(scope="session")
async def browser() -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=served.CHROMIUM, args=served.FLAGS)
        yield launched
        await launched.close()


@pytest.fixture(scope="session")
def _names() -> Iterator[int]:
    return iter(range(people.COUNT))


@pytest.fixture
def person(_names: Iterator[int]) -> Person:
    return Person(people.name_of(next(_names)))


@pytest.fixture
def somebody_else(_names: Iterator[int]) -> Person:
    return Person(people.name_of(next(_names)))


NewContext = Callable[..., Awaitable[BrowserContext]]


@pytest.fixture
async def new_context(browser: Browser, server: served.Served) -> AsyncGenerator[NewContext]:
    """Browsers that know nothing of each other. At the end: no page threw, and nobody asked another host."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    async def make(**options: object) -> BrowserContext:
        context = await browser.new_context(
            base_url=server.url, **{"viewport": {"width": 1280, "height": 800}, **options}
        )
        context.on("request", lambda request: _note_host(request.url, server.url, faults))
        context.on("page", lambda page: page.on("websocket", lambda socket: _note_host(socket.url, server.url, faults)))
        context.on("weberror", lambda error: faults.append(f"a page threw: {error.error}"))
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        await context.close()
    assert not faults


@pytest.fixture
async def page(new_context: NewContext) -> Page:
    return await (await new_context()).new_page()


PaperPage = Callable[..., Awaitable[Page]]


@pytest.fixture
def paper() -> PaperFiles:
    return PaperFiles(some_files())


@pytest.fixture(scope="session")
async def paper_machine(browser: Browser, server: served.Served) -> tuple[str, Any]:
    """A running container without a machine: where its page is, and the cookies of its owner."""
    context = await browser.new_context(base_url=server.url)
    page = await context.new_page()
    await page.goto("/login")
    await page.get_by_label("User name").fill(people.name_of(people.COUNT - 1))
    await page.get_by_label("Password").fill(people.PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.locator("#new-container").click()
    await page.locator("[data-type=small] input").check()
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page).to_have_url(re.compile(r"/containers/\d+$"))
    await expect(page.locator(".pq-status[data-status=running]")).to_be_visible()
    found = (page.url.removeprefix(server.url), await context.storage_state())
    await context.close()
    return found


@pytest.fixture
def paper_page(new_context: NewContext, paper_machine: tuple[str, Any], paper: PaperFiles) -> PaperPage:
    """The page of that container, with files on paper in the place of a machine's."""
    path, cookies = paper_machine

    async def visit(**options: object) -> Page:
        page = await (await new_context(storage_state=cookies, reduced_motion="reduce", **options)).new_page()
        await paper.serve(page)
        await page.goto(path)
        await expect(page.locator(".pq-workspace")).to_be_visible()
        return page

    return visit


@pytest.fixture
async def model(server: served.Served) -> AsyncGenerator[ModelServer]:
    """The provider of language models that the server asks during this test."""
    async with model_server() as provider:
        for name, value in (("openai_api_url", provider.url), ("openai_api_key", "sk-secret")):
            await _configure(server, name, value)
        yield provider
        await _configure(server, "openai_api_key", None)


async def _configure(server: served.Served, name: str, value: str | None) -> None:
    async with in_use(f"sqlite:///{server.home}/pequeroku.sqlite3"), transaction() as tx:
        await set_config(tx, SYSTEM, name, value)


def _note_host(url: str, home: str, faults: list[str]) -> None:
    asked = urlsplit(url)
    is_preview = (asked.hostname or "").endswith(".localhost")
    if asked.scheme in ("http", "https", "ws", "wss") and asked.netloc != urlsplit(home).netloc and not is_preview:
        faults.append(f"a page asked {url}")
