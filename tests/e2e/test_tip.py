"""The tip's page in the browser: there before any script, answered by keys, acted on and taken back, and offline."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from sqlmodel import select

from backend.db import transaction
from backend.models import ConsentEntry, User
from backend.rules.consents import TERMS_VERSION, Scope
from backend.tips import features
from backend.tips.features import Feature
from tests.conftest import in_use
from tests.e2e import served
from tests.e2e.conftest import Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, card, create, expect_status, pictures
from tests.stores import eventually

pytestmark = pytest.mark.browser

_IS_KEPT = """async () => {
    const cache = await caches.open("tip-1");
    const page = await cache.match("/tip");
    if (!navigator.serviceWorker.controller || !page) return false;
    const parts = [...(await page.text()).matchAll(/(?:href|src)="(\\/assets\\/[^"]+)"/g)].map((each) => each[1]);
    const there = await Promise.all(parts.map((each) => cache.match(each)));
    return parts.length > 5 && there.every(Boolean);
}"""


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """A server of our own, whose database tells what is known of people."""
    if not Path(served.CHROMIUM).exists():
        pytest.skip("chromium is not installed")
    served.build()
    home = tmp_path_factory.mktemp("knowing")
    with served.serve(home, served.memory_node(home)) as running:
        yield running


@pytest.fixture
async def context(browser: Browser, knowing: Served) -> AsyncGenerator[BrowserContext]:
    faults: list[str] = []
    made = await browser.new_context(
        base_url=knowing.url, viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    )
    made.on("weberror", lambda error: faults.append(str(error.error)))
    yield made
    await made.close()
    assert not faults


@pytest.fixture
async def page(context: BrowserContext, person: Person) -> Page:
    opened = await context.new_page()
    await arrive(opened, person)
    return opened


def _ask(knowing: Served, query: str, *values: object) -> Any:
    with closing(sqlite3.connect(knowing.home / "pequeroku.sqlite3", timeout=20)) as database, database:
        return database.execute(query, values).fetchone()


async def _know(knowing: Served, person: Person, name: str, value: float, /, **detail: object) -> None:
    """As if the person had agreed to everything, and a signal had found this; none is read from here on."""
    async with in_use(f"sqlite:///{knowing.home}/pequeroku.sqlite3"), transaction() as tx:
        user_id = (await tx.exec(select(User.id).where(User.username == person.name))).one()
        for scope in Scope:
            tx.add(ConsentEntry(user_id=user_id, scope=scope, given=True, terms_version=TERMS_VERSION))
        await features.write(tx, user_id, [Feature(name, value, dict(detail))])


async def _expect_the_time(page: Page) -> None:
    await expect(page.locator(".oo-clock time")).to_have_text(re.compile(r"\d?\d:\d\d"))
    await expect(page.locator(".oo-sentence")).to_have_count(0)


async def test_a_newcomer_is_told_of_their_first_machine_and_answers_by_key(page: Page, knowing: Served) -> None:
    await page.goto("/tip")
    sentence = page.locator(".oo-sentence")
    await expect(sentence).to_contain_text("machine")
    await assert_accessible(page, "the tip")
    await pictures(page, "tip")
    await page.get_by_label("Why this tip").click()
    await expect(page.locator(".oo-why p")).to_contain_text("no machine yet")
    await pictures(page, "tip-why")
    await page.keyboard.press("n")
    await _expect_the_time(page)
    await assert_accessible(page, "the time")
    await pictures(page, "tip-none")
    await page.reload()
    await _expect_the_time(page)


async def test_its_action_opens_what_it_offers(page: Page) -> None:
    await page.goto("/tip")
    await page.get_by_role("button", name="Make a machine").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await expect(page.get_by_role("button", name="Create", exact=True)).to_be_enabled()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_the_tip_is_in_the_first_bytes_and_stays_as_it_was_drawn(page: Page, context: BrowserContext) -> None:
    await page.goto("/tip")
    said = await page.locator(".oo-sentence").inner_text()
    plain = await context.request.get("/tip")
    assert said in await plain.text()
    await page.add_init_script(
        "window.drawn = new Set(); new MutationObserver(() => { const now = document.querySelector('.oo-sentence');"
        "window.drawn.add(now ? now.textContent : ''); })"
        ".observe(document, { subtree: true, childList: true })"
    )
    await page.reload()
    await expect(page.locator(".oo-below")).to_have_count(1)  # the script has taken over
    drawn = set(await page.evaluate("[...window.drawn]"))
    assert drawn <= {"", said}
    await expect(page.locator(".oo-sentence")).to_have_text(said)


async def test_it_counts_once_it_was_visible_for_a_second(page: Page, person: Person, knowing: Served) -> None:
    await page.goto("/tip")
    query = "select d.activated_at from tip_decision d join user_account u on u.id = d.user_id where u.username = ?"

    async def seen() -> bool:
        row = await asyncio.to_thread(_ask, knowing, query, person.name)
        return row is not None and row[0] is not None

    await eventually("the tip to have been seen", seen)


async def test_the_action_stops_an_idle_machine_and_undo_starts_it_again(
    page: Page, person: Person, knowing: Served
) -> None:
    await create(page, "sandbox")
    await expect_status(page, "running")
    container_id = int(page.url.rpartition("/")[2])
    idle = {"container_id": container_id, "name": "sandbox", "credits": 1, "idle_hours": 5}
    await _know(knowing, person, "platform.idle_vm", 5, **idle)
    await page.goto("/tip")
    stop = page.get_by_role("button", name="Stop sandbox")
    await stop.click()
    await expect(page.get_by_role("status")).to_contain_text("in use again")
    _ask(knowing, "update container set last_active_at = '2026-01-01 00:00:00' where id = ?", container_id)
    await page.reload()
    await pictures(page, "tip-action")
    await stop.click()
    await expect(page.get_by_role("status")).to_contain_text("is being stopped")
    await pictures(page, "tip-undo")
    other = await page.context.new_page()
    await other.goto("/")
    await expect_status(card(other, "sandbox"), "stopped")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("status")).to_contain_text("started again")
    await expect_status(card(other, "sandbox"), "running")


async def test_the_dashboard_shows_the_same_tip_in_one_line(page: Page, person: Person, knowing: Served) -> None:
    await create(page, "mine")
    await _know(knowing, person, "tasks.overdue", 3)
    await page.goto("/tip")
    sentence = page.locator(".oo-sentence")
    await expect(sentence).to_contain_text(re.compile("[Oo]verdue|past their day"))  # no longer the one that stood
    said = await sentence.inner_text()
    await page.goto("/")
    line = page.locator(".pq-tip-line")
    await expect(line).to_have_text(said)
    await assert_accessible(page, "the dashboard with a tip")
    await pictures(page, "tip-dashboard")
    await line.get_by_role("link").click()
    await expect(page.locator(".oo-sentence")).to_have_text(said)


async def test_without_a_connection_the_last_tip_is_still_there(page: Page, context: BrowserContext) -> None:
    await page.goto("/tip")
    said = await page.locator(".oo-sentence").inner_text()

    async def kept() -> bool:
        return await page.evaluate(_IS_KEPT)

    await eventually("the page to be kept", kept)
    await context.set_offline(True)
    await page.reload()
    await expect(page.locator(".oo-sentence")).to_have_text(said)
    await expect(page.locator(".oo-below")).to_be_attached()  # the script has taken over what was drawn
    await page.keyboard.press("d")
    await expect(page.get_by_role("status")).to_contain_text("offline")
    await context.set_offline(False)
    await page.goto("/tip")
    await expect(page.locator(".oo-sentence")).to_have_text(said)
