"""Containers from the first click to the last."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.steps import arrive, card, create, expect_status, record_statuses

pytestmark = pytest.mark.browser


async def test_an_empty_dashboard_invites(page: Page, person: Person) -> None:
    await arrive(page, person)
    await expect(page.get_by_text("Your first machine is a click away")).to_be_visible()
    await page.get_by_role("button", name="Create a container").click()
    await expect(page.get_by_role("dialog", name="New container")).to_be_visible()


async def test_a_container_comes_up_by_itself_and_shows_in_every_tab(page: Page, person: Person) -> None:
    other = await page.context.new_page()
    await arrive(page, person)
    await other.goto("/")
    await create(page, "first")
    await expect(card(other, "first")).to_be_visible()
    await expect_status(page, "running")
    await expect_status(card(other, "first"), "running")
    await expect(other.locator(".pq-purse")).to_contain_text("2 of 3")


async def test_a_container_without_a_name_gets_one(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "")
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"^[a-z]+-[a-z]+-\d+$"))


async def test_stop_start_and_delete_with_a_question_before(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "second")
    await page.goto("/")
    mine = card(page, "second")
    await expect_status(mine, "running")
    await mine.get_by_role("button", name="Stop").click()
    await expect_status(mine, "stopped")
    await expect(page.locator(".pq-purse")).to_contain_text("3 of 3")
    await mine.get_by_role("button", name="Start").click()
    await expect_status(mine, "running")
    await mine.get_by_role("button", name="Delete").click()
    question = page.get_by_role("alertdialog")
    await expect(question).to_contain_text("Delete “second”?")
    await question.get_by_role("button", name="Keep it").click()
    await expect(mine).to_be_visible()
    await mine.get_by_role("button", name="Delete").click()
    await question.get_by_role("button", name="Delete").click()
    await expect(mine).to_have_count(0)


async def test_a_restart_comes_back(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "again")
    await expect_status(page, "running")
    await record_statuses(page)
    await page.get_by_role("button", name="Restart again").click()
    await page.wait_for_function("statuses.includes('restarting') && statuses.at(-1) === 'running'")


async def test_a_stopped_container_is_started_from_its_own_page(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "sleeper")
    await expect_status(page, "running")
    await page.get_by_role("button", name="Stop sleeper").click()
    await expect(page.get_by_role("heading", name="It is stopped")).to_be_visible()
    await page.get_by_role("button", name="Start").click()
    await expect_status(page, "running")


async def test_deleting_from_its_own_page_leads_back_to_the_others(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "short-lived")
    await expect(page).to_have_title("short-lived · Pequeroku")
    other = await page.context.new_page()
    await other.goto(page.url)
    await expect(other.get_by_role("heading", name="short-lived")).to_be_visible()
    await page.get_by_role("button", name="Delete short-lived").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    await expect(page).to_have_url(re.compile(r"/$"))
    await expect(other.get_by_role("heading", name="No such container")).to_be_visible()
    await expect(page.get_by_text("Your first machine is a click away")).to_be_visible()


async def test_a_type_that_is_too_dear_cannot_be_chosen_and_says_why(page: Page, person: Person) -> None:
    await arrive(page, person)
    await page.locator("#new-container").click()
    dear = page.locator("[data-type=large]")
    await expect(dear.get_by_role("radio")).to_be_disabled()
    await expect(dear).to_contain_text("Needs 4, you have 3 left")


async def test_credits_that_do_not_reach_are_said_in_a_toast(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "one", kind="medium")
    await page.goto("/")
    await expect_status(card(page, "one"), "running")
    await card(page, "one").get_by_role("button", name="Stop").click()
    await expect_status(card(page, "one"), "stopped")
    await create(page, "two", kind="medium")
    await page.goto("/")
    await card(page, "one").get_by_role("button", name="Start").click()
    await expect(page.locator("[data-sonner-toast]")).to_contain_text(
        "Not enough credits: this needs 2, and 1 of 3 are left"
    )
    await expect_status(card(page, "one"), "stopped")


async def test_a_bad_name_is_refused_in_the_dialog(page: Page, person: Person) -> None:
    await arrive(page, person)
    await page.locator("#new-container").click()
    await page.get_by_label("Name").fill("-nope-")
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Use letters, digits and hyphens")


async def test_why_this_node_is_told(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "placed")
    await page.get_by_role("button", name="Why node local").click()
    told = page.get_by_role("dialog")
    await expect(told).to_contain_text("chosen")
    await expect(told).to_contain_text("score")


async def test_somebody_elses_container_is_not_found(
    new_context: NewContext, person: Person, somebody_else: Person
) -> None:
    mine = await (await new_context()).new_page()
    theirs = await (await new_context()).new_page()
    await arrive(mine, person)
    await create(mine, "private")
    address = mine.url
    await arrive(theirs, somebody_else)
    await expect(theirs.get_by_text("Your first machine is a click away")).to_be_visible()
    await theirs.goto(address)
    await expect(theirs.get_by_role("heading", name="No such container")).to_be_visible()
    await expect(theirs.locator("body")).not_to_contain_text("private")


async def test_another_person_in_the_same_tab_sees_nothing_of_the_first(
    page: Page, person: Person, somebody_else: Person
) -> None:
    await arrive(page, person)
    await create(page, "secret-plan")
    await page.context.clear_cookies()
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: frames.append(str(data))))
    await arrive(page, somebody_else)
    await expect(page.get_by_text("Your first machine is a click away")).to_be_visible()
    assert frames
    assert not any("secret-plan" in frame for frame in frames)
