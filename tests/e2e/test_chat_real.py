"""The assistant from the browser through the real socket to a provider, and back. The machine is the fake one."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.chat_steps import allow, ask, log, until_over
from tests.e2e.conftest import NewContext, Person
from tests.e2e.paper_chat import open_chat
from tests.e2e.steps import arrive, create, expect_status
from tests.model_server import ModelServer, says, uses

pytestmark = pytest.mark.browser


@pytest.fixture
async def page(page: Page, person: Person, model: ModelServer) -> Page:
    """A container's page with its assistant."""
    await arrive(page, person)
    await create(page, "helped")
    await expect_status(page, "running")
    await open_chat(page)
    return page


async def test_a_conversation_is_streamed_approved_stopped_and_found_again(
    page: Page, model: ModelServer, new_context: NewContext
) -> None:
    model.will(
        uses("run", "I look first.", command="rm -r /app/old"),
        says("The machine ", "is not there, ", "so **nothing** was done."),
        says("On ", "and ", "on ", *["on "] * 400, pause_s=0.05),
    )
    await ask(page, "Clean up")
    other = await page.context.new_page()
    await other.goto(page.url)
    for each in (page, other):
        await expect(log(each)).to_contain_text("it deletes a folder with all that is in it")
    await allow(page)
    await expect(log(page).locator("strong")).to_have_text("nothing")
    await expect(log(page).locator(".pq-turn-foot")).to_contain_text("tokens")
    await ask(page, "Go on")
    await expect(log(page)).to_contain_text("On and on")
    await expect(log(other)).to_contain_text("On and on")
    await page.get_by_role("button", name="Stop", exact=True).click()
    await expect(log(page).locator(".pq-tag", has_text="Stopped")).to_be_visible()
    await expect(log(other).locator(".pq-tag", has_text="Stopped")).to_be_visible()
    await until_over(page)
    shown = await log(page).inner_text()
    assert await log(other).inner_text() == shown
    await page.reload()
    await expect(log(page).locator(".pq-tag", has_text="Stopped")).to_be_visible()
    assert await log(page).inner_text() == shown


async def test_conversations_are_forked_renamed_found_and_deleted(page: Page, model: ModelServer) -> None:
    model.will(says("Otters swim."), says("Beavers build."))
    await ask(page, "What do otters do?")
    await expect(log(page)).to_contain_text("Otters swim.")
    await until_over(page)
    await page.goto(f"{page.url}/ai")
    mine = page.get_by_role("navigation", name="Conversations")
    row = mine.get_by_role("button", name=re.compile("^What do otters do"))
    await expect(row).to_have_count(1)
    await log(page).locator(".pq-said").hover()
    await page.get_by_role("button", name="Go on from here in a new conversation").click()
    await expect(mine.get_by_role("button", name=re.compile(r"^What do otters do\? \(fork\)"))).to_be_visible()
    await ask(page, "And beavers?")
    await expect(log(page)).to_contain_text("Beavers build.")
    await expect(log(page)).to_contain_text("Otters swim.")
    await until_over(page)
    await mine.get_by_role("button", name="More for What do otters do? (fork)").click()
    await page.get_by_role("menuitem", name="Rename").click()
    await page.get_by_role("textbox", name="Title").fill("Animals")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Animals")).to_be_visible()
    await mine.get_by_role("searchbox").fill("beavers")
    await expect(mine.get_by_role("listitem")).to_have_count(1)
    async with page.expect_download() as download:
        await mine.get_by_role("button", name="More for Animals").click()
        await page.get_by_role("menuitem", name="Export as Markdown").click()
    assert "Beavers build." in (await (await download.value).path()).read_text()
    await expect(page.get_by_role("menu")).to_have_count(0)
    await mine.get_by_role("button", name="More for Animals").click()
    await page.get_by_role("menuitem", name="Delete").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="What is to be done?")).to_be_visible()
    await mine.get_by_role("searchbox").fill("")
    await row.click()
    await expect(log(page)).to_contain_text("Otters swim.")
