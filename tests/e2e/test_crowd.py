"""A dashboard of hundreds: it is drawn a page at a time, and things are found on it."""

import pytest
from playwright.async_api import Page, expect

from tests.crowd import give_containers
from tests.e2e.conftest import Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, card

pytestmark = [pytest.mark.browser]


async def test_one_of_hundreds_is_found_by_its_name_and_by_what_goes_on(
    page: Page, person: Person, server: Served
) -> None:
    await give_containers(server.home, person.name, 130)
    await arrive(page, person)
    cards = page.locator("[data-container]")
    await expect(cards).to_have_count(48)
    await expect(page.get_by_text("48 of 130 shown")).to_be_visible()
    await assert_accessible(page, "a crowded dashboard")
    await page.get_by_role("button", name="Show more").click()
    await expect(cards).to_have_count(96)

    await page.get_by_label("Find containers").fill("box-007")
    await expect(cards).to_have_count(1)
    await expect(card(page, "box-007")).to_be_visible()
    await page.get_by_label("Find containers").fill("nothing like it")
    await expect(page.get_by_text("None of them matches.")).to_be_visible()

    await page.get_by_label("Find containers").fill("box-01")
    await expect(cards).to_have_count(10)
    await page.get_by_label("Show", exact=True).select_option("stopped")
    await expect(cards).to_have_count(10)
    await page.get_by_label("Show", exact=True).select_option("running")
    await expect(cards).to_have_count(0)
