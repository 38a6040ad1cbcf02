"""What tips may know of me: connect, allow, see what is known, revoke, gone; and habits and mood."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from backend.models.base import now
from tests.e2e import people, served
from tests.e2e.conftest import Person
from tests.e2e.standing_in import elsewhere, home
from tests.e2e.steps import arrive, assert_accessible
from tests.providers import Elsewhere
from tests.todoist_server import a_task

__all__ = ["elsewhere", "home"]

pytestmark = pytest.mark.browser


async def _page(browser: Browser, home: served.Served, number: int, **options: object) -> Page:
    context = await browser.new_context(base_url=home.url, reduced_motion="reduce", **options)
    page = await context.new_page()
    await arrive(page, Person(people.name_of(number)))
    return page


async def _open(page: Page, path: str) -> None:
    await page.goto(path)
    await expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


async def test_one_connects_allows_sees_what_is_known_and_takes_it_back(
    browser: Browser, home: served.Served, elsewhere: Elsewhere
) -> None:
    elsewhere.todoist.tasks = [a_task("a title that nobody sees", f"{now().date() - timedelta(days=4)}")]
    page = await _page(browser, home, 0)
    await _open(page, "/me/privacy")
    await page.get_by_role("button", name="Connect Todoist").click()
    await expect(page.locator("[data-connection=Todoist]")).to_contain_text("connected")
    await expect(page.get_by_role("button", name="Connect Todoist", exact=True)).to_have_count(0)
    await expect(page.locator("[data-feature]")).to_have_count(0)
    await page.locator("[data-scope=tasks]").click()
    await expect(page.locator("[data-feature='tasks.overdue']")).to_contain_text("1")
    await expect(page.locator("[data-feature='tasks.oldest_overdue_days']")).to_contain_text("4")
    await expect(page.get_by_text("a title that nobody sees")).to_have_count(0)
    await assert_accessible(page, "privacy")
    await page.get_by_role("button", name="Disconnect Todoist").click()
    await page.get_by_role("button", name="Disconnect", exact=True).click()
    await expect(page.locator("[data-connection=Todoist]")).to_have_count(0)
    await expect(page.get_by_role("button", name="Connect Todoist", exact=True)).to_be_visible()
    await expect(page.locator("[data-feature]")).to_have_count(0)
    await page.locator("[data-scope=tasks]").click()
    await page.get_by_text("History").first.click()
    await expect(page.get_by_text("Withdrawn").first).to_be_visible()
    await page.context.close()


@pytest.mark.parametrize("looks", [{"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 740}}])
async def test_habits_are_ticked_and_a_mood_is_one_click(
    browser: Browser, home: served.Served, looks: dict[str, object]
) -> None:
    page = await _page(browser, home, 1 if "viewport" in looks else 2, **looks)
    await _open(page, "/me/habits")
    await page.get_by_label("New habit").fill("Read ten pages")
    await page.get_by_role("button", name="Add", exact=True).click()
    tick = page.locator("[data-habit='Read ten pages']")
    await tick.click()
    await expect(tick).to_be_checked()
    await expect(page.get_by_text("1 day in a row")).to_be_visible()
    await page.locator("[data-mood='4']").click()
    await expect(page.locator(".pq-marks li")).to_have_count(1)
    await assert_accessible(page, "habits")
    assert not await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    await page.get_by_role("button", name="Put away Read ten pages").click()
    await expect(tick).to_have_count(0)
    await page.context.close()
