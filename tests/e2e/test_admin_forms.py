"""The administration's forms for people, teams, templates and nodes, filled in as an administrator would."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.steps import arrive, assert_accessible, sign_in
from tests.stores import eventually

pytestmark = pytest.mark.browser

_ADMIN = Person("admin", "an admin for tests")


async def _saved(page: Page) -> None:
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.", exact=True)).to_be_visible()


async def _act(page: Page, name: str) -> None:
    """Press an act's button, and say yes to its question."""
    await page.get_by_role("button", name=name, exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


async def _make_newcomer(page: Page) -> None:
    """A user, after a password that is too short."""
    await arrive(page, _ADMIN)
    await page.goto("/admin/auth/user/add/")
    await page.get_by_label("User name").fill("newcomer")
    await page.get_by_label("Password").fill("short")
    await page.get_by_role("button", name="Add").click()
    await expect(page.locator("#form-problem, .pq-field-problem").first).to_be_visible()
    await expect(page.get_by_label("User name")).to_have_value("newcomer")
    await page.get_by_label("Password").fill("a password for tests")
    await assert_accessible(page, "the form of a new user")
    await page.get_by_role("button", name="Add").click()
    await expect(page).to_have_url(re.compile(r"/admin/auth/user/\d+/$"))
    await expect(page.get_by_role("heading", name="newcomer")).to_be_visible()


async def test_a_user_is_made_named_disabled_given_a_password_and_deleted(page: Page, new_context: NewContext) -> None:
    await _make_newcomer(page)
    await page.get_by_label("Name", exact=True).fill("Nova Comer")
    await _saved(page)

    theirs = await (await new_context()).new_page()
    await arrive(theirs, Person("newcomer", "a password for tests"))
    await _act(page, "Disable")
    await expect(page.get_by_role("button", name="Enable", exact=True)).to_be_visible()
    await sign_in(theirs, Person("newcomer", "a password for tests"))
    await expect(theirs.get_by_role("alert")).to_have_text("That name and password do not match.")
    await page.get_by_role("button", name="Enable", exact=True).click()
    await expect(page.get_by_role("button", name="Disable", exact=True)).to_be_visible()

    await page.get_by_role("button", name="Reset password").click()
    await page.get_by_role("dialog").get_by_role("button", name="Reset password").click()
    told = page.get_by_role("status").filter(has_text="The password is now")
    await expect(told).to_be_visible()
    given = re.search(r"The password is now (\S+) – ", await told.inner_text())
    assert given
    await sign_in(theirs, Person("newcomer", given[1]), password=given[1])
    await expect(theirs).to_have_url(re.compile(r"/account/new-password"))

    await _act(page, "Delete")
    await expect(page.get_by_role("status").filter(has_text="1 user being deleted.")).to_be_visible()

    async def gone() -> bool:
        await page.reload()
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)
        return await page.get_by_role("heading", name="No such row").is_visible()

    await eventually("the account to be gone", gone, seconds=30)


async def test_the_last_administrator_stays_one(page: Page) -> None:
    await arrive(page, _ADMIN)
    await page.goto("/admin/auth/user/?q=admin&admin=yes")
    await page.get_by_role("link", name="admin", exact=True).click()
    await page.get_by_role("checkbox", name="Administrator").click()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("last administrator")
    await _act(page, "Delete")
    await expect(page.get_by_role("status").filter(has_text="last administrator")).to_be_visible()


async def test_a_team_is_made_for_somebody_and_handed_on_and_deleted(page: Page, person: Person) -> None:
    await arrive(page, _ADMIN)
    await page.goto("/admin/vm_manager/team/add/")
    await page.get_by_label("Name").fill("night shift")
    await page.get_by_label("Owner").select_option(label=person.name)
    await assert_accessible(page, "the form of a new team")
    await page.get_by_role("button", name="Add").click()
    await expect(page.get_by_role("heading", name="night shift")).to_be_visible()
    await page.get_by_label("Owner").select_option(label="admin")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#form-problem, .pq-field-problem").first).to_contain_text("actively in the team")
    await page.get_by_label("Owner").select_option(label=person.name)
    await page.get_by_label("About").fill("Those who are awake")
    await _saved(page)
    await _act(page, "Delete")
    await expect(page).to_have_url(re.compile(r"/admin/vm_manager/team/$"))
    await expect(page.get_by_role("link", name="night shift")).to_have_count(0)


async def test_a_template_for_everybody_is_written_file_by_file(
    page: Page, new_context: NewContext, person: Person
) -> None:
    await arrive(page, _ADMIN)
    await page.goto("/admin/vm_manager/filetemplate/add/")
    await page.get_by_label("Name").fill("House rules")
    await page.get_by_role("checkbox", name="Public").click()
    await page.get_by_role("button", name="Add one").click()
    await page.get_by_label("Path").fill("../RULES.md")
    await page.get_by_label("Content").fill("# Rules\n")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator("#form-problem, .pq-field-problem").first).to_contain_text("upward")
    await page.get_by_label("Path").fill("RULES.md")
    await assert_accessible(page, "the form of a template")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("heading", name="House rules")).to_be_visible()
    await expect(page.get_by_label("Slug")).to_have_value("house-rules")
    theirs = await (await new_context()).new_page()
    await arrive(theirs, person)
    await theirs.goto("/templates/house-rules")
    await expect(theirs.get_by_role("heading", name="House rules")).to_be_visible()
    await _act(page, "Delete")
    await expect(page).to_have_url(re.compile(r"/admin/vm_manager/filetemplate/$"))


async def test_a_node_is_emptied_and_filled_again(page: Page) -> None:
    await arrive(page, _ADMIN)
    await page.goto("/admin/vm_manager/node/add/")
    await page.get_by_label("Name").fill("tired")
    await page.get_by_label("URI").fill("memory://tired")
    await page.get_by_role("button", name="Add").click()
    await expect(page.get_by_role("heading", name="tired")).to_be_visible()
    await page.get_by_role("button", name="Drain", exact=True).click()
    await expect(page.get_by_role("dialog")).to_contain_text("Nothing new is placed there")
    await page.get_by_role("dialog").get_by_role("button", name="Drain", exact=True).click()
    await expect(page.get_by_role("button", name="Undrain")).to_be_visible()
    await page.get_by_role("button", name="Undrain").click()
    await expect(page.get_by_role("button", name="Drain", exact=True)).to_be_visible()
    await _act(page, "Delete")
    await expect(page).to_have_url(re.compile(r"/admin/vm_manager/node/$"))
