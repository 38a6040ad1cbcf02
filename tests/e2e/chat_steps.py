"""What a person does with the assistant's page, whoever answers there."""

import re

from playwright.async_api import Locator, Page, expect


def log(page: Page) -> Locator:
    """Where the conversation stands."""
    return page.get_by_role("log", name="Conversation")


async def ask(page: Page, text: str) -> None:
    await page.get_by_role("textbox", name="Ask the assistant").fill(text)
    await page.keyboard.press("Enter")


async def allow(page: Page) -> None:
    """Say yes to what waits for a click."""
    await page.get_by_role("group", name=re.compile("^May it")).get_by_role("button", name="Allow").click()


async def until_over(page: Page) -> None:
    await expect(page.get_by_role("button", name="Send")).to_be_visible()
