"""The workspace as people use it, over files on paper: what a browser shows and sends, without a machine."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import PaperPage
from tests.e2e.paper_files import CODE, PaperFiles
from tests.e2e.steps import assert_accessible
from tests.e2e.workspace_steps import append, code, open_file, row, tab

pytestmark = pytest.mark.browser


@pytest.fixture
async def page(paper_page: PaperPage) -> Page:
    """The machine's page, its tree shown."""
    return await paper_page()


async def test_a_file_is_opened_changed_and_saved(page: Page, paper: PaperFiles) -> None:
    await open_file(page, "src", "main.py")
    await expect(code(page)).to_be_focused()
    await expect(code(page).locator(".tok-string").first).to_be_visible()
    await append(page, "# more")
    await expect(tab(page, "main.py")).to_have_accessible_name(re.compile("not saved"))
    await page.keyboard.press("Control+s")
    await expect(tab(page, "main.py")).not_to_have_accessible_name(re.compile("not saved"))
    assert paper.files["/app/src/main.py"] == CODE + "# more"


async def test_what_the_machine_changes_is_seen_by_itself(page: Page, paper: PaperFiles) -> None:
    await open_file(page, "src", "main.py")
    await expect(code(page)).to_contain_text("hello")
    paper.put("/app/src/main.py", CODE.replace("hello", "goodbye"))
    await expect(code(page)).to_contain_text("goodbye")
    await expect(tab(page, "main.py")).not_to_have_accessible_name(re.compile("not saved"))
    paper.put("/app/src/fresh.py", "")
    await expect(row(page, "fresh.py")).to_be_visible()
    paper.drop("/app/src/util.py")
    await expect(row(page, "util.py")).to_have_count(0)


async def test_two_who_change_the_same_file_lose_nothing(page: Page, paper: PaperFiles) -> None:
    await open_file(page, "src", "main.py")
    await append(page, "mine")
    paper.put("/app/src/main.py", CODE + "theirs")
    bar = page.get_by_role("alert").filter(has_text="was changed in the machine")
    await expect(bar).to_be_visible()
    await page.keyboard.press("Control+s")
    assert paper.files["/app/src/main.py"] == CODE + "theirs"
    await bar.get_by_role("button", name="Compare").click()
    await expect(page.locator(".cm-mergeView")).to_contain_text("theirs")
    await expect(page.locator(".cm-mergeView")).to_contain_text("mine")
    await assert_accessible(page, "compare")
    await page.get_by_role("button", name="Back").click()
    await bar.get_by_role("button", name="Keep mine").click()
    await expect(bar).to_have_count(0)
    await expect(tab(page, "main.py")).not_to_have_accessible_name(re.compile("not saved"))
    assert paper.files["/app/src/main.py"] == CODE + "mine"


async def test_theirs_can_be_taken_and_mine_brought_back(page: Page, paper: PaperFiles) -> None:
    await open_file(page, "src", "main.py")
    await append(page, "mine")
    paper.put("/app/src/main.py", "theirs\n", is_heard=False)
    await page.keyboard.press("Control+s")
    await page.get_by_role("button", name="Take theirs").click()
    await expect(code(page)).to_have_text("theirs")
    await expect(tab(page, "main.py")).not_to_have_accessible_name(re.compile("not saved"))
    await code(page).focus()
    await page.keyboard.press("Control+z")
    await expect(code(page)).to_contain_text("mine")


async def test_a_file_that_went_says_so_and_can_be_saved_again(page: Page, paper: PaperFiles) -> None:
    await open_file(page, "src", "main.py")
    await expect(code(page)).to_contain_text("hello")
    paper.drop("/app/src/main.py")
    await expect(page.get_by_role("alert")).to_contain_text("was deleted in the machine")
    await page.get_by_role("button", name="Save it again").click()
    await expect(page.get_by_role("alert")).to_have_count(0)
    assert paper.files["/app/src/main.py"] == CODE


async def test_line_ends_stay_as_they_are(page: Page, paper: PaperFiles) -> None:
    paper.put("/app/src/dos.txt", "one\r\ntwo\r\n")
    paper.put("/app/src/mixed.txt", "one\r\ntwo\n")
    await open_file(page, "src", "dos.txt")
    await append(page, "three\n")
    await page.keyboard.press("Control+s")
    await expect(tab(page, "dos.txt")).not_to_have_accessible_name(re.compile("not saved"))
    assert paper.files["/app/src/dos.txt"] == "one\r\ntwo\r\nthree\r\n"
    await open_file(page, "mixed.txt")
    await append(page, "three")
    await page.keyboard.press("Control+s")
    await expect(tab(page, "mixed.txt")).not_to_have_accessible_name(re.compile("not saved"))
    assert paper.files["/app/src/mixed.txt"] == "one\r\ntwo\nthree"


async def test_closing_asks_about_what_is_not_saved(page: Page, paper: PaperFiles) -> None:
    await open_file(page, "src", "main.py")
    await append(page, "mine")
    mine, question = tab(page, "main.py"), page.get_by_role("alertdialog")
    await mine.focus()
    await page.keyboard.press("Delete")
    await expect(question).to_contain_text("Save “main.py”?")
    await question.get_by_role("button", name="Cancel").click()
    await expect(mine).to_have_count(1)
    await mine.focus()
    await page.keyboard.press("Delete")
    await question.get_by_role("button", name="Save", exact=True).click()
    await expect(mine).to_have_count(0)
    assert paper.files["/app/src/main.py"] == CODE + "mine"


async def test_leaving_the_page_asks_and_coming_back_finds_all_as_it_was(page: Page) -> None:
    await open_file(page, "src", "main.py")
    await append(page, "mine")
    await page.get_by_role("link", name="Teams").click()
    question = page.get_by_role("alertdialog")
    await expect(question).to_contain_text("main.py")
    await question.get_by_role("button", name="Stay here").click()
    await expect(code(page)).to_contain_text("mine")
    await page.get_by_role("link", name="Teams").click()
    await question.get_by_role("button", name="Leave").click()
    await expect(page.get_by_role("heading", name="Teams", exact=True)).to_be_visible()
    await page.go_back()
    await expect(code(page)).to_contain_text("mine")
    await expect(tab(page, "main.py")).to_have_accessible_name(re.compile("not saved"))


async def test_open_files_outlive_a_reload(page: Page) -> None:
    await open_file(page, "src", "main.py")
    await open_file(page, "data.csv")
    await page.reload()
    await expect(tab(page, "main.py")).to_be_visible()
    await expect(page.get_by_role("region", name="Table of data.csv")).to_contain_text("Otter, sea")
    await tab(page, "main.py").click()
    await expect(code(page)).to_contain_text("hello")


async def test_what_is_no_code_is_shown_as_what_it_is(page: Page, paper: PaperFiles) -> None:
    await open_file(page, "README.md")
    shown = page.locator(".pq-markdown")
    await expect(shown.get_by_role("heading", name="Otter")).to_be_visible()
    await expect(shown).to_contain_text("<script>")
    assert await page.evaluate("window.stolen") is None
    await assert_accessible(page, "Markdown")
    await page.get_by_role("button", name="Edit", exact=True).click()
    await expect(code(page)).to_contain_text("# Otter")
    await open_file(page, "blob.bin")
    await expect(page.get_by_role("heading", name="This is no text.")).to_be_visible()
    await open_file(page, "README.md")
    await page.get_by_role("button", name="View", exact=True).click()
    await shown.get_by_role("link", name="main").click()
    await expect(code(page)).to_contain_text("hello")
