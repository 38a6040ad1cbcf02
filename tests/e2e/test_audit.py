"""What happened while away, what was done, and who else is told."""

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, create, pictures

pytestmark = pytest.mark.browser


def _sql(server: Served, statement: str, *values: object) -> list[tuple]:
    with closing(sqlite3.connect(server.home / "pequeroku.sqlite3", timeout=20)) as database:
        rows = database.execute(statement, values).fetchall()
        database.commit()
        return rows


def _tell(server: Served, who: Person, kind: str, title: str, text: str, link: str = "") -> None:
    """As if it had happened long before anybody came."""
    _sql(
        server,
        "INSERT INTO notification (user_id, kind, title, text, link, created_at) "
        "SELECT id, ?, ?, ?, ?, datetime('now', '-3 hours') FROM user_account WHERE username = ?",
        kind, title, text, link, who.name,
    )  # fmt: skip


async def test_what_happened_while_away_waits_in_the_inbox(page: Page, person: Person, server: Served) -> None:
    await arrive(page, person)
    await page.get_by_role("link", name="Inbox, 0 not read").click()
    await expect(page.get_by_role("heading", name="Nothing happened while you were away")).to_be_visible()
    await assert_accessible(page, "empty inbox")
    await pictures(page, "inbox-empty")
    _tell(server, person, "container.failed", "“calm-otter” could not start", "Its node has no room left.", "/")
    _tell(server, person, "container.expires_soon", "“old-hare” expires tomorrow", "It is deleted then, with its disk.")
    _tell(server, person, "container.shared", "“wise-fox” was shared with you", "You may use its terminal.", "/account")
    await page.reload()
    await expect(page.get_by_role("status").get_by_text("3 not read")).to_be_visible()
    await assert_accessible(page, "inbox")
    await pictures(page, "inbox")
    await page.get_by_role("button", name="Mark as read: “old-hare” expires tomorrow").click()
    await expect(page.get_by_role("link", name="Inbox, 2 not read")).to_be_visible()
    await page.get_by_role("button", name="Open: “wise-fox” was shared with you").click()
    await expect(page).to_have_url(re.compile("/account$"))
    await page.get_by_role("link", name="Inbox, 1 not read").click()
    await page.get_by_role("button", name="Mark all as read").click()
    await expect(page.get_by_text("All read")).to_be_visible()
    await expect(page.get_by_role("link", name="Inbox, 0 not read")).to_be_visible()


async def test_a_webhook_is_added_tried_and_removed_and_an_open_tab_follows(
    page: Page, person: Person, server: Served
) -> None:
    await arrive(page, person)
    await page.goto("/account/webhooks")
    await expect(page.get_by_role("heading", name="Have your own programs told")).to_be_visible()
    await assert_accessible(page, "no webhooks")
    await pictures(page, "webhooks-empty")
    await page.get_by_role("button", name="New webhook").click()
    await page.get_by_label("Address").fill("https://me:secret@example.com/")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("Leave the name and password out")
    await page.get_by_label("Address").fill("http://127.0.0.1:9/hook")
    await page.get_by_label("Moved to another node").uncheck()
    await assert_accessible(page, "webhook form")
    await pictures(page, "webhook-form")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".pq-hook-secret")).to_contain_text("whsec_")
    await pictures(page, "webhook-secret")
    await page.get_by_role("button", name="Done").click()
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.locator(".pq-activity li")).to_contain_text("It leads to a private address", timeout=20000)
    await page.get_by_role("button", name="Close toast").click()
    await expect(page.get_by_text("A test is on its way")).to_have_count(0)
    await assert_accessible(page, "webhook log")
    await pictures(page, "webhooks")
    await page.get_by_role("button", name="Send again").click()
    await page.get_by_role("button", name="Switch off").click()
    await expect(page.get_by_text("off", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="Have your own programs told")).to_be_visible()


async def test_an_open_tab_hears_what_happens_at_once(new_context: NewContext, person: Person, server: Served) -> None:
    page = await (await new_context()).new_page()
    await arrive(page, person)
    await page.goto("/account/webhooks")
    await page.get_by_role("button", name="New webhook").click()
    await page.get_by_label("Address").fill("http://127.0.0.1:9/")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("button", name="Done").click()
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.locator(".pq-activity li")).to_have_count(1)
    _sql(
        server,
        "UPDATE webhook_delivery SET tries = 7, next_try_at = datetime('now', '-1 hour') "
        "WHERE webhook_id IN (SELECT w.id FROM webhook w JOIN user_account u ON u.id = w.user_id WHERE u.username = ?)",
        person.name,
    )
    await expect(page.get_by_text("A webhook does not answer")).to_be_visible(timeout=20000)
    await expect(page.get_by_role("link", name="Inbox, 1 not read")).to_be_visible()
    await pictures(page, "toast")


async def test_a_person_sees_what_they_did_and_what_was_done_to_a_container(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "watched")
    await page.get_by_role("button", name="Activity of watched").click()
    await expect(page.get_by_role("dialog").get_by_text("Container made")).to_be_visible()
    await assert_accessible(page, "activity of a container")
    await pictures(page, "container-activity")
    await page.keyboard.press("Escape")
    await page.goto("/account")
    await page.get_by_role("navigation", name="Account").get_by_role("link", name="Activity").click()
    await expect(page.get_by_text("Sign-in").first).to_be_visible()
    await expect(page.get_by_text("Container made")).to_be_visible()
    await assert_accessible(page, "activity")
    await pictures(page, "activity")
