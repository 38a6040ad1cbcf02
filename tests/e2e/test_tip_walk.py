"""The whole way of a tip for one person, with stand-ins for what is elsewhere: connect, allow, be told, act, answer, be
learnt from, take it back, and leave. Its pictures are in test-results/tip-walk.
"""

import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from backend.models.base import now
from tests.e2e import people, served
from tests.e2e.conftest import Person
from tests.e2e.standing_in import elsewhere, home
from tests.e2e.steps import arrive, card, create, expect_status
from tests.providers import Elsewhere
from tests.stores import eventually
from tests.todoist_server import a_task

__all__ = ["elsewhere", "home"]

pytestmark = pytest.mark.browser

_PICTURES = served.ROOT / "test-results" / "tip-walk"
_OTHER_TIPS = 6


def _database(home: served.Served) -> sqlite3.Connection:
    return sqlite3.connect(home.home / "pequeroku.sqlite3", timeout=20)


def _ask(home: served.Served, query: str, *values: object) -> Any:
    with closing(_database(home)) as database, database:
        return database.execute(query, values).fetchone()


async def _picture(page: Page, name: str) -> None:
    _PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=_PICTURES / f"{name}.png")


async def _privacy(page: Page) -> None:
    await page.goto("/me/privacy")
    await expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


async def _connect_and_allow(page: Page) -> None:
    await _privacy(page)
    await page.get_by_role("button", name="Connect Todoist").click()
    await expect(page.locator("[data-connection=Todoist]")).to_contain_text("connected")
    await page.locator("[data-scope=tasks]").click()
    await expect(page.locator("[data-feature='tasks.overdue']")).to_contain_text("2")
    await _picture(page, "1-connected-and-allowed")


async def _be_told_and_answer(page: Page, home: served.Served, person: Person) -> None:
    await page.goto("/tip")
    await expect(page.locator(".oo-sentence")).to_contain_text(re.compile("[Oo]verdue|past their day"))
    await _picture(page, "2-tip")
    seen = (
        "select d.activated_at from tip_decision d join user_account u on u.id = d.user_id where u.username = ?"
        " order by d.id desc"  # the first was of the dashboard, before there was a machine
    )

    async def was_seen() -> bool:
        return (await asyncio.to_thread(_ask, home, seen, person.name))[0] is not None

    await eventually("the tip to have been visible for a second", was_seen)
    await page.keyboard.press("d")
    await expect(page.locator(".oo-clock time")).to_be_visible()
    await _picture(page, "3-answered")


async def _is_learnt_from(browser: Browser, home: served.Served) -> None:
    learnt = "select count(*) from tip_learnt"

    async def all_know() -> bool:
        return (await asyncio.to_thread(_ask, home, learnt))[0] >= 2  # who decides, and who looks on

    await eventually("the policies to have learnt", all_know)
    context = await browser.new_context(base_url=home.url, reduced_motion="reduce")
    page = await context.new_page()
    await page.goto("/admin/login")
    await page.get_by_label("Token").fill(served.ADMIN_TOKEN)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page).to_have_url(re.compile("/admin"))
    await page.goto("/admin/tips/policies")
    await expect(page.get_by_text("from 1 reward").first).to_be_visible()
    await _picture(page, "4-learnt")
    await context.close()


async def _act_and_take_it_back(page: Page, home: served.Served) -> None:
    idle = "update container set last_active_at = :at, booted_at = :at, created_at = :at where name = 'sandbox'"
    with closing(_database(home)) as database, database:
        database.execute(idle, {"at": "2026-01-01 00:00:00"})
    await _privacy(page)
    await page.locator("[data-scope=platform]").click()
    await expect(page.locator("[data-feature='platform.idle_vm']")).to_be_visible()
    stop = page.get_by_role("button", name="Stop sandbox")
    await page.goto("/tip")
    for _ in range(_OTHER_TIPS):
        await expect(page.locator(".oo-sentence")).to_be_visible()
        if await stop.count():
            break
        await page.keyboard.press("n")
        await expect(page.locator(".oo-sentence")).to_have_count(0)
        await page.reload()
    await _picture(page, "5-offered")
    await stop.click()
    await expect(page.get_by_role("status")).to_contain_text("is being stopped")
    await _picture(page, "6-stopped")
    other = await page.context.new_page()
    await other.goto("/")
    await expect_status(card(other, "sandbox"), "stopped")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("status")).to_contain_text("started again")
    await expect_status(card(other, "sandbox"), "running")
    await other.close()


async def _take_back_what_was_allowed(page: Page, elsewhere: Elsewhere) -> None:
    await _privacy(page)
    await page.locator("[data-scope=tasks]").click()
    await expect(page.locator("[data-feature='tasks.overdue']")).to_have_count(0)
    await expect(page.locator("[data-connection=Todoist]")).to_have_count(0)
    await eventually("Todoist to have been told", lambda: bool(elsewhere.todoist.revoked))
    await _picture(page, "7-taken-back")


async def _leave(page: Page, home: served.Served, person: Person) -> None:
    user_id = _ask(home, "select id from user_account where username = ?", person.name)[0]
    await page.goto("/account/data")
    await page.get_by_label("Your password").fill(person.password)
    await page.get_by_role("button", name="Delete my account").click()
    await expect(page).to_have_url(re.compile("/login"))
    await _picture(page, "8-left")
    tables = ("tip_decision", "tip_feature", "consent_entry", "signal_run", "stream_event")
    there = " + ".join(f"(select count(*) from {table} where user_id = {user_id})" for table in tables)

    async def nothing_is_left() -> bool:
        return _ask(home, f"select {there}") == (0,)

    await eventually("everything of theirs to be gone", nothing_is_left, seconds=60)


async def test_from_the_first_connection_to_the_last_trace(
    browser: Browser, home: served.Served, elsewhere: Elsewhere
) -> None:
    late = now().date() - timedelta(days=4)
    elsewhere.todoist.tasks = [a_task("one", f"{late}"), a_task("another", f"{late}")]
    person = Person(people.name_of(0))
    context = await browser.new_context(base_url=home.url, reduced_motion="reduce")
    page = await context.new_page()
    await arrive(page, person)
    await create(page, "sandbox")
    await expect_status(page, "running")
    await _connect_and_allow(page)
    await _be_told_and_answer(page, home, person)
    await _is_learnt_from(browser, home)
    await _act_and_take_it_back(page, home)
    await _take_back_what_was_allowed(page, elsewhere)
    await _leave(page, home, person)
    await context.close()
