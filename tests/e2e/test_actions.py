"""A container renamed, copied, put to sleep and woken, and its logs, from its own page."""

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, create, expect_status, more

pytestmark = pytest.mark.browser


async def test_a_new_name_shows_in_every_tab_and_a_bad_one_is_told(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "before")
    other = await page.context.new_page()
    await other.goto("/")
    await more(page, "Rename")
    box = page.get_by_role("dialog")
    await box.get_by_label("Name").fill("no/good")
    await box.get_by_role("button", name="Rename").click()
    await expect(box.get_by_role("alert")).to_contain_text("letters, digits and hyphens")
    await box.get_by_label("Name").fill("After")
    await box.get_by_role("button", name="Rename").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("after")
    await expect(other.locator("[data-container='after']")).to_be_visible()


async def test_a_copy_is_made_and_its_page_opens(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "original")
    await expect_status(page, "running")
    await more(page, "Copy")
    box = page.get_by_role("dialog")
    await expect(box).to_contain_text("It runs on")
    await assert_accessible(page, "the dialog that copies")
    await box.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("original-copy")
    await expect_status(page, "stopped")
    await expect(page.locator(".pq-purse")).to_contain_text("2 of 3")
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect_status(page, "running")


async def test_it_sleeps_is_woken_and_its_logs_say_so(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "sleeper")
    await expect_status(page, "running")
    await more(page, "Sleep")
    await expect(page.get_by_role("heading", name="It is asleep")).to_be_visible()
    await expect(page.locator(".pq-status")).to_have_text(re.compile("Asleep"))
    await expect(page.locator(".pq-purse")).to_contain_text("3 of 3")
    await page.get_by_role("button", name="Start afresh").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Keep it").click()
    await page.get_by_role("button", name="Wake").click()
    await expect_status(page, "running")
    await page.get_by_role("button", name="Logs", exact=True).click()
    for said in ("It is put to sleep", "It is woken", "It is running"):
        await expect(page.get_by_text(said, exact=True).first).to_be_visible()
    await expect(page.get_by_text("has written nothing to its console")).to_be_visible()
    await assert_accessible(page, "the logs")


def _has_written(server: Served, container_id: int, text: str) -> None:
    """As its node would have noted it."""
    with closing(sqlite3.connect(server.home / "pequeroku.sqlite3", timeout=20)) as database:
        row = (container_id, text, "2026-11-21 12:00:00.000000")
        database.execute(
            "INSERT OR REPLACE INTO container_console (container_id, text, updated_at) VALUES (?, ?, ?)", row
        )
        database.commit()


async def test_open_logs_follow_by_themselves_with_the_end_in_front(server: Served, page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "talker")
    await expect_status(page, "running")
    await page.get_by_role("button", name="Logs", exact=True).click()
    await expect(page.get_by_text("has written nothing to its console")).to_be_visible()
    _has_written(server, int(page.url.rpartition("/")[2]), "".join(f"line {each}\n" for each in range(200)))
    await page.get_by_role("button", name="Stop talker", exact=True).click()
    await expect(page.get_by_role("region", name="Events")).to_contain_text("It is stopped")
    console = page.get_by_role("log", name="Console")
    await expect(console).to_contain_text("line 199")
    assert await console.evaluate(
        "each => each.scrollHeight > each.clientHeight && each.getBoundingClientRect().bottom + 1"
        " > each.firstElementChild.getBoundingClientRect().bottom"
    )
    await assert_accessible(page, "the logs with a console")
