"""Templates in the browser: looking, making one's own, and what is asked before one is put into a machine."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.steps import arrive, assert_accessible, create, expect_status, more

pytestmark = pytest.mark.browser


async def _open(page: Page, path: str, heading: str) -> None:
    await page.goto(path)
    await expect(page.get_by_role("heading", name=heading, exact=True, level=1)).to_be_visible()


async def _own_copy(page: Page) -> None:
    """Make my own copy of the static site; ends on its page."""
    await _open(page, "/templates/static-site", "Static site")
    await page.get_by_role("button", name="Make my own copy").click()
    await expect(page).to_have_url(re.compile(r"/templates/static-site-[0-9a-f]{6}$"))
    await expect(page.get_by_role("button", name="Add a file")).to_be_enabled()


async def test_everybodys_templates_are_found_and_read(page: Page, person: Person) -> None:
    await arrive(page, person)
    await page.get_by_role("link", name="Templates").click()
    await expect(page.locator("[data-template]")).to_have_count(6)
    await assert_accessible(page, "the templates")
    await page.get_by_label("Find templates").fill("python")
    await expect(page.locator("[data-template=jupyter]")).to_have_count(0)
    await expect(page.locator("[data-template=python-api]")).to_be_visible()
    await page.get_by_label("Find templates").fill("no such thing at all")
    await expect(page.get_by_text("None of them matches.")).to_be_visible()
    await page.get_by_label("Find templates").fill("python api")
    await page.get_by_role("link", name="Python API").click()
    await expect(page.get_by_role("heading", name="README.md")).to_be_visible()
    await page.get_by_role("button", name=re.compile(r"^run\.sh 0755")).click()
    await expect(page.get_by_role("region", name="Content of run.sh")).to_contain_text("exec python3 -m app.plain")
    await expect(page.get_by_role("button", name="Edit")).to_have_count(0)
    await assert_accessible(page, "a template")


async def test_my_own_copy_is_edited_file_by_file(page: Page, person: Person) -> None:
    await arrive(page, person)
    await _own_copy(page)
    await page.get_by_role("button", name="Edit", exact=True).click()
    await page.get_by_role("textbox", name="Content").fill("# Mine\n\tgrößer ✓\n")
    await assert_accessible(page, "the form of a file")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("region", name="Content of README.md")).to_have_text("# Mine\n\tgrößer ✓\n")
    await page.get_by_role("button", name="Add a file").click()
    await page.get_by_label("Path").fill("../../etc/passwd")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("A path can't lead upward")
    await page.get_by_label("Path").fill("src/new.py")
    await page.get_by_label("Mode").fill("999")
    await page.get_by_role("textbox", name="Content").fill("print()\n")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("as for chmod")
    await page.get_by_label("Mode").fill("755")
    await page.get_by_role("button", name="Save").click()
    entries = page.get_by_role("navigation", name="Files").get_by_role("listitem")
    await expect(entries.last).to_contain_text("src/new.py0755")
    await page.get_by_role("button", name="Up", exact=True).click()
    await expect(entries.nth(4)).to_contain_text("src/new.py")
    await page.reload()
    await page.get_by_role("button", name=re.compile(r"^src.new\.py")).click()
    await page.get_by_role("button", name="Remove this file").click()
    await assert_accessible(page, "the question before a file is removed")
    await page.get_by_role("button", name="Remove", exact=True).click()
    await expect(entries).to_have_count(5)


async def test_nobody_leaves_a_half_written_file_by_mistake(page: Page, person: Person) -> None:
    await arrive(page, person)
    await _own_copy(page)
    await page.get_by_role("button", name="Edit", exact=True).click()
    await page.get_by_role("textbox", name="Content").fill("half a thought")
    await page.get_by_role("link", name="All templates").click()
    await expect(page.get_by_role("heading", name="Leave without saving?")).to_be_visible()
    await page.get_by_role("button", name="Stay here").click()
    await expect(page.get_by_role("textbox", name="Content")).to_have_value("half a thought")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("region", name="Content of README.md")).to_have_text("half a thought")
    await page.get_by_role("link", name="All templates").click()
    await expect(page).to_have_url(re.compile(r"/templates$"))


async def test_two_tabs_on_one_template_and_the_second_is_told(page: Page, person: Person) -> None:
    await arrive(page, person)
    await _own_copy(page)
    other = await page.context.new_page()
    await other.goto(page.url)
    for tab, text in ((page, "first"), (other, "second")):
        await tab.get_by_role("button", name="Edit", exact=True).click()
        await tab.get_by_role("textbox", name="Content").fill(text)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("region", name="Content of README.md")).to_have_text("first")
    await other.get_by_role("button", name="Save").click()
    await expect(other.get_by_role("alert")).to_contain_text("Somebody changed this template")
    await expect(other.get_by_role("textbox", name="Content")).to_have_value("second")


async def test_a_new_template_is_made_renamed_and_deleted(page: Page, person: Person) -> None:
    await arrive(page, person)
    await _open(page, "/templates", "Templates")
    await page.locator("#new-template").click()
    await assert_accessible(page, "the dialog of a new template")
    await page.get_by_label("Name").fill(f"Begin {person.name}")
    await page.get_by_role("button", name="Create").click()
    await expect(page).to_have_url(re.compile(rf"/templates/begin-{person.name}$"))
    await page.get_by_role("button", name="Details").click()
    await page.get_by_label("Description").fill("How we begin")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("How we begin")).to_be_visible()
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    await expect(page).to_have_url(re.compile(r"/templates$"))
    await expect(page.locator(f"[data-template=begin-{person.name}]")).to_have_count(0)


async def test_somebody_elses_template_is_not_there(
    page: Page, new_context: NewContext, person: Person, somebody_else: Person
) -> None:
    await arrive(page, person)
    await _own_copy(page)
    theirs = await (await new_context()).new_page()
    await arrive(theirs, somebody_else)
    await theirs.goto(page.url)
    await expect(theirs.get_by_role("heading", name="No such template")).to_be_visible()
    await assert_accessible(theirs, "a template that is not there")


async def test_a_machine_that_cant_be_looked_into_is_told_in_the_dialog(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "for-files")
    await expect_status(page, "running")
    await more(page, "Apply a template")
    await assert_accessible(page, "the choice of a template")
    await page.get_by_role("combobox").select_option(label="Static site · 5 files")
    await page.get_by_label("Destination").fill("/etc")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.get_by_role("alert")).to_contain_text("/etc belongs to the system")
    await page.get_by_label("Destination").fill("/srv/site")
    await page.get_by_role("radio", name="Clean").check()
    await page.get_by_role("button", name="Preview").click()
    await expect(page.get_by_role("alert")).to_contain_text("no such channel")
    await expect(page.get_by_label("Destination")).to_have_value("/srv/site")
    await expect(page.get_by_role("radio", name="Clean")).to_be_checked()
