"""What people do, for the tests."""

import re

from playwright.async_api import Locator, Page, expect

from tests.e2e.conftest import Person


async def sign_in(page: Page, who: Person, *, password: str = "", at: str = "/login") -> None:
    """Fill in the form and send it."""
    await page.goto(at)
    await page.get_by_label("User name").fill(who.name)
    await page.get_by_label("Password").fill(password or who.password)
    await page.get_by_role("button", name="Sign in").click()


async def arrive(page: Page, who: Person) -> None:
    """Sign in, and wait for the dashboard to have been filled."""
    await sign_in(page, who)
    await expect(page.get_by_role("heading", name="Containers", exact=True)).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


async def create(page: Page, name: str, *, kind: str = "small") -> None:
    """Make a container through the dialog; ends on its page."""
    await page.locator("#new-container").click()
    await page.locator(f"[data-type={kind}] input").check()
    await page.get_by_label("Name").fill(name)
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page).to_have_url(re.compile(r"/containers/\d+$"))


def card(page: Page, name: str) -> Locator:
    """A container's card on the dashboard."""
    return page.locator(f"[data-container='{name}']")


async def expect_status(place: Page | Locator, status: str) -> None:
    """Wait until a card, or a container's page, shows this status."""
    await expect(place.locator(f".pq-status[data-status={status}]")).to_be_visible()
