"""What happens shows in every open tab, at once, and only where it may."""

import asyncio
import re
import sqlite3
import uuid
from contextlib import AsyncExitStack, closing

import pytest
from playwright.async_api import Page, expect
from websockets.exceptions import InvalidStatus

from pequeroku_ui.state.dashboard import DashboardState
from pequeroku_ui.state.power import PowerState
from tests.e2e.conftest import NewContext, Person
from tests.e2e.served import Served
from tests.e2e.sockets import Tab, open_tab
from tests.e2e.steps import arrive, create, expect_status

pytestmark = pytest.mark.browser

_TABS = 50
_LOAD = f"{DashboardState.get_full_name()}.load"
_STOP = f"{PowerState.get_full_name()}.stop"


async def _sid(page: Page) -> str:
    return next(each["value"] for each in await page.context.cookies() if each["name"] == "sid")


async def _with_a_machine(page: Page, person: Person) -> tuple[str, int]:
    await arrive(page, person)
    await create(page, "watched")
    await expect_status(page, "running")
    return await _sid(page), int(page.url.rpartition("/")[2])


async def test_fifty_open_dashboards_all_hear_of_a_change(page: Page, person: Person, server: Served) -> None:
    sid, container_id = await _with_a_machine(page, person)
    await page.close()
    async with AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(open_tab(server.url, sid)) for _ in range(_TABS)]
        await asyncio.gather(*(_load(tab) for tab in tabs))
        hearing = [asyncio.create_task(tab.changed("stopping", "stopped")) for tab in tabs]
        await tabs[0].send(_STOP, {"container_id": container_id})
        await asyncio.gather(*hearing)


async def test_nobody_elses_tab_hears_of_it(
    new_context: NewContext, page: Page, person: Person, somebody_else: Person, server: Served
) -> None:
    sid, container_id = await _with_a_machine(page, person)
    theirs = await (await new_context()).new_page()
    await arrive(theirs, somebody_else)
    async with open_tab(server.url, await _sid(theirs)) as other, open_tab(server.url, sid) as mine:
        await _load(mine)
        await other.send(_LOAD)
        await other.until('"read_')
        await mine.send(_STOP, {"container_id": container_id})
        await mine.until('"status":"stopped"')
        with pytest.raises(TimeoutError):
            await other.until("watched", seconds=1)


async def test_the_token_of_a_tab_that_was_left_opens_nothing(page: Page, person: Person, server: Served) -> None:
    sid, container_id = await _with_a_machine(page, person)
    token = str(uuid.uuid4())
    async with open_tab(server.url, sid, token=token) as left:
        await _load(left)
    async with open_tab(server.url, "", token=token) as thief, open_tab(server.url, sid) as mine:
        await _load(mine)
        await mine.send(_STOP, {"container_id": container_id})
        await mine.until('"status":"stopped"')
        with pytest.raises(TimeoutError):
            await thief.until("stop", seconds=1)


async def test_a_session_that_runs_out_closes_its_tabs(page: Page, person: Person, server: Served) -> None:
    await _with_a_machine(page, person)
    with closing(sqlite3.connect(server.home / "pequeroku.sqlite3")) as database, database:
        (session_id,) = database.execute("select max(id) from session").fetchone()
        database.execute("update session set expires_at = '2020-01-01 00:00:00' where id = ?", (session_id,))
    await expect(page).to_have_url(re.compile("/login"), timeout=60_000)


async def test_a_socket_from_another_site_is_refused(page: Page, person: Person, server: Served) -> None:
    await arrive(page, person)
    with pytest.raises(InvalidStatus):
        async with open_tab(server.url, await _sid(page), origin="https://elsewhere.example"):
            pass


async def _load(tab: Tab) -> None:
    await tab.send(_LOAD)
    await tab.until('"watched"')
