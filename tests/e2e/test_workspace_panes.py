"""Panes, palette and looks of a workspace, over files on paper."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.conftest import NewContext, PaperPage
from tests.e2e.paper_files import PaperFiles
from tests.e2e.steps import assert_accessible
from tests.e2e.workspace_steps import code, open_file, row, tab

pytestmark = pytest.mark.browser


async def _width(page: Page) -> float:
    box = await page.get_by_role("region", name="Files", exact=True).bounding_box()
    assert box
    return box["width"]


async def test_panes_keep_the_sizes_they_were_given(paper_page: PaperPage) -> None:
    page = await paper_page()
    divider = page.get_by_role("separator", name="Width of the files")
    before = await _width(page)
    await divider.focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await expect(page.locator(".pq-side")).to_have_css("width", f"{before + 48:g}px")
    box = await divider.bounding_box()
    assert box
    await page.mouse.move(box["x"], box["y"] + 200)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 60, box["y"] + 200, steps=4)
    await page.mouse.up()
    await expect(divider).to_have_attribute("aria-valuenow", f"{before + 108:g}")
    await page.get_by_role("button", name="Terminal", exact=True).click()
    await expect(page.locator(".pq-below")).to_be_hidden()
    wanted = await _width(page)
    await page.reload()
    await expect(row(page, "src")).to_be_visible()
    await expect(page.locator(".pq-side")).to_have_css("width", f"{wanted:g}px")
    await expect(page.locator(".pq-below")).to_be_hidden()
    await page.get_by_role("button", name="Editor", exact=True).click()
    await expect(page.locator(".pq-below")).to_be_visible()
    await expect(page.locator(".pq-editing")).to_be_hidden()


async def test_a_terminal_that_comes_up_takes_no_focus_from_who_works_elsewhere(
    new_context: NewContext, paper_machine: tuple[str, Any], paper: PaperFiles
) -> None:
    path, cookies = paper_machine
    page = await (await new_context(storage_state=cookies)).new_page()
    await paper.serve(page)
    may_come = asyncio.Event()

    async def hold(route: Route) -> None:
        await may_come.wait()
        await route.continue_()

    await page.route(f"**/api{path}/terminals/", hold)
    await page.goto(path)
    divider = page.get_by_role("separator", name="Width of the files")
    await divider.focus()
    may_come.set()
    await expect(page.locator(".pq-screen .xterm-screen")).to_be_visible()
    await expect(divider).to_be_focused()


async def test_the_palette_finds_files_and_does_what_it_is_told(paper_page: PaperPage, paper: PaperFiles) -> None:
    page = await paper_page()
    await expect(row(page, "src")).to_be_visible()
    await page.get_by_role("tree").focus()
    await page.keyboard.press("Control+p")
    palette = page.get_by_role("dialog", name="Open a file by its name")
    await expect(palette.get_by_role("option")).not_to_have_count(0)
    await page.keyboard.type("sut")
    await expect(palette.get_by_role("option")).to_have_text(["util.pysrc"])
    await assert_accessible(page, "palette")
    await page.keyboard.press("Enter")
    await expect(code(page)).to_be_focused()
    await expect(tab(page, "util.py")).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("new fold")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("textbox", name="Name of the new folder in app")).to_be_focused()
    await page.keyboard.type("made")
    await page.keyboard.press("Enter")
    await expect(row(page, "made")).to_be_visible()
    assert paper.files["/app/made"] is None
    await page.keyboard.press("Control+k")
    await page.keyboard.type("theme")
    await page.keyboard.press("Enter")
    await expect(page.locator("html.dark")).to_be_attached()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("new term")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("tablist", name="Terminals").get_by_role("tab")).to_have_count(2)


async def test_in_a_terminal_keys_belong_to_the_shell(paper_page: PaperPage) -> None:
    page = await paper_page()
    await page.locator(".pq-screen:not([hidden]) textarea").focus()
    await page.keyboard.press("Control+k")
    await page.keyboard.press("Control+p")
    await expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_about_a_workspace(
    paper_page: PaperPage, paper: PaperFiles, scheme: str
) -> None:
    page = await paper_page(color_scheme=scheme)
    await open_file(page, "src", "main.py")
    await expect(code(page).locator(".tok-string").first).to_be_visible()
    await assert_accessible(page, f"editor, {scheme}")
    await code(page).focus()
    await page.keyboard.press("Control+f")
    await assert_accessible(page, f"find in the text, {scheme}")
    await open_file(page, "data.csv")
    await assert_accessible(page, f"table, {scheme}")
    await open_file(page, "blob.bin")
    await assert_accessible(page, f"binary, {scheme}")
    await page.get_by_role("button", name="Search in files").click()
    await page.keyboard.type("hello")
    await expect(page.get_by_role("search").get_by_role("status")).to_have_text("1 match in 1 file")
    await assert_accessible(page, f"search, {scheme}")
    await page.get_by_role("button", name="Back to the files").click()
    await row(page, "src").click(button="right")
    await expect(page.get_by_role("menu")).to_be_visible()
    await assert_accessible(page, f"menu, {scheme}")
    await page.keyboard.press("Escape")
    for path in [each for each in paper.files if each.count("/") == 2]:
        paper.drop(path)
    await expect(page.get_by_text("No files yet.")).to_be_visible()
    await assert_accessible(page, f"empty, {scheme}")


async def test_on_a_phone_one_pane_is_shown_at_a_time(paper_page: PaperPage) -> None:
    page = await paper_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    switch = page.get_by_role("group", name="What to show")
    await expect(page.locator(".pq-terminals")).to_be_visible()
    await expect(page.get_by_role("tree")).to_be_hidden()
    await switch.get_by_role("button", name="Files").tap()
    await expect(page.locator(".pq-terminals")).to_be_hidden()
    await row(page, "src").tap()
    await row(page, "main.py").tap()
    await expect(code(page)).to_contain_text("hello")
    await expect(page.get_by_role("tree")).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    await assert_accessible(page, "phone")
