"""What people do in a workspace, for the tests."""

import re

from playwright.async_api import Locator, Page, expect


def row(page: Page, name: str) -> Locator:
    """A row of the tree."""
    return page.get_by_role("treeitem", name=name, exact=True)


def code(page: Page) -> Locator:
    """The text in front."""
    return page.locator(".pq-editing .cm-content")


def tab(page: Page, name: str) -> Locator:
    """The tab of an open file."""
    return page.get_by_role("tablist", name="Open files").get_by_role("tab", name=re.compile(re.escape(name)))


async def open_file(page: Page, *names: str) -> None:
    """Click one's way down to a file."""
    for name in names:
        await row(page, name).click()
    await expect(tab(page, names[-1])).to_have_attribute("aria-selected", "true")


async def append(page: Page, text: str) -> None:
    """Type at the end of the text in front."""
    await code(page).focus()
    await page.keyboard.press("Control+End")
    await page.keyboard.type(text)
