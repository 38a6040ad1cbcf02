"""The administration, as those who run it use it."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.steps import arrive, assert_accessible, create

pytestmark = pytest.mark.browser

_ADMIN = Person("admin", "an admin for tests")
_LISTS = {
    "/admin/vm_manager/containertype/": "Container types",
    "/admin/vm_manager/resourcequota/": "Quotas",
    "/admin/vm_manager/container/": "Containers",
    "/admin/vm_manager/node/": "Nodes",
    "/admin/vm_manager/filetemplate/": "File templates",
    "/admin/vm_manager/team/": "Teams",
    "/admin/internal_config/config/": "Config",
    "/admin/internal_config/auditlog/": "Audit log",
    "/admin/internal_config/aiusagelog/": "AI usage",
    "/admin/auth/user/": "Users",
}


async def _settled(page: Page) -> None:
    await expect(page.locator("h1").first).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_screen_opens_and_its_first_row_too(new_context: NewContext, scheme: str) -> None:
    page = await (await new_context(color_scheme=scheme, reduced_motion="reduce")).new_page()
    await arrive(page, _ADMIN)
    for path, title in {
        "/admin": "Overview",
        "/admin/reconciler": "Reconciler",
        "/admin/tips/events": "Events",
        "/admin/tips/policies": "Tips",
        "/admin/tips/rewards": "Rewards",
        "/admin/tips/candidates": "Candidates",
        "/admin/tips/freshness": "Freshness",
        **_LISTS,
    }.items():
        await page.goto(path)
        await expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible()
        await _settled(page)
        await assert_accessible(page, path)
        first = page.locator("tbody a").first
        if path in _LISTS and await first.count():
            await first.click()
            await expect(page).to_have_url(re.compile(path + r"[^/]+/$"))
            await expect(page.get_by_role("heading", name="What it is")).to_be_visible()
            await assert_accessible(page, page.url)


async def test_nothing_scrolls_sideways_on_a_phone(new_context: NewContext) -> None:
    page = await (await new_context(viewport={"width": 390, "height": 800})).new_page()
    await arrive(page, _ADMIN)
    for path in (
        "/admin",
        "/admin/reconciler",
        "/admin/tips/events",
        "/admin/tips/policies",
        "/admin/tips/rewards",
        "/admin/tips/candidates",
        "/admin/tips/freshness",
        *_LISTS,
        "/admin/vm_manager/node/add/",
    ):
        await page.goto(path)
        await _settled(page)
        widths = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert widths[0] <= widths[1], f"{path} is {widths[0]} px wide in {widths[1]}"


async def test_for_others_there_is_nothing_here(page: Page, person: Person) -> None:
    await arrive(page, person)
    await page.get_by_role("button", name=f"Your account, {person.name}").click()
    await expect(page.get_by_role("menuitem", name="Account")).to_be_visible()
    await expect(page.get_by_role("menuitem", name="Admin")).to_have_count(0)
    for path in (
        "/admin",
        "/admin/reconciler",
        "/admin/tips/events",
        "/admin/tips/policies",
        "/admin/tips/rewards",
        "/admin/tips/candidates",
        "/admin/tips/freshness",
        "/admin/auth/user/",
        "/admin/auth/user/1/",
    ):
        await page.goto(path)
        await expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
        await expect(page.get_by_text("You may not do that.")).to_have_count(0)


async def test_a_view_is_searched_sorted_linked_and_reloaded(page: Page) -> None:
    await arrive(page, _ADMIN)
    await page.get_by_role("button", name="Your account, admin").click()
    await page.get_by_role("menuitem", name="Admin").click()
    await page.get_by_role("link", name="Users", exact=True).click()
    await page.get_by_role("searchbox", name="Search").fill("person-1")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"\?q=person-1$"))
    await expect(page.locator("tbody tr").first).to_contain_text("person-1")
    await page.get_by_role("link", name="User name").click()
    await expect(page).to_have_url(re.compile(r"sort=-username"))
    await expect(page.locator("tbody tr").first).to_contain_text("person-19")
    await page.get_by_label("Administrator").select_option("no")
    await expect(page).to_have_url(re.compile(r"admin=no"))
    await page.reload()
    await expect(page.locator("tbody tr").first).to_contain_text("person-19")
    await expect(page.get_by_role("searchbox", name="Search")).to_have_value("person-1")
    await page.goto("/admin/auth/user/?q=nobody-is-called-that&page=7&sort=password_hash")
    await expect(page.get_by_text("Nothing is like that.")).to_be_visible()


async def test_a_setting_is_changed_kept_from_a_mistake_and_from_another(page: Page, new_context: NewContext) -> None:
    await arrive(page, _ADMIN)
    await page.goto("/admin/internal_config/config/")
    await page.get_by_role("link", name="expiry_warning_h").click()
    value = page.get_by_label("Value")
    await value.fill("soon")
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Value must be a whole number.")).to_be_visible()
    await assert_accessible(page, "a form with a problem")
    await value.fill("36")
    await page.get_by_role("link", name="Users", exact=True).click()
    await expect(page.get_by_role("heading", name="Leave without saving?")).to_be_visible()
    await assert_accessible(page, "leaving")
    await page.get_by_role("button", name="Stay here").click()
    await expect(value).to_have_value("36")

    other = await (await new_context()).new_page()
    await arrive(other, _ADMIN)
    await other.goto("/admin/internal_config/config/expiry_warning_h/")
    await other.get_by_label("Value").fill("48")
    await other.get_by_role("button", name="Save").click()
    await expect(other.get_by_text("Saved.", exact=True)).to_be_visible()
    await expect(other.get_by_text("expiry_warning_h: 24 → 48")).to_be_visible()

    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert").filter(has_text="changed it since you opened it")).to_contain_text("24 → 48")
    await expect(value).to_have_value("36")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("expiry_warning_h: 48 → 36")).to_be_visible()
    await page.get_by_role("button", name="Put the default back").click()
    await page.get_by_role("dialog").get_by_role("button", name="Put the default back").click()
    await expect(page.get_by_label("Value")).to_have_value("24")
    await page.get_by_role("link", name="Users", exact=True).click()
    await expect(page.get_by_role("heading", name="Users", exact=True)).to_be_visible()


async def test_containers_are_stopped_in_bulk_after_a_question(
    page: Page, new_context: NewContext, person: Person
) -> None:
    theirs = await (await new_context()).new_page()
    await arrive(theirs, person)
    for name in ("bulk-one", "bulk-two"):
        await create(theirs, name)
        await theirs.goto("/")
        await expect(theirs.get_by_role("link", name=name, exact=True)).to_be_visible()
    await arrive(page, _ADMIN)
    await page.goto("/admin/vm_manager/container/?q=bulk-")
    await page.get_by_label("Choose all rows of this page").click()
    await expect(page.get_by_text("2 chosen")).to_be_visible()
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Stop: 2 containers")
    await assert_accessible(page, "the question")
    await page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    await expect(page.get_by_role("status").filter(has_text="2 containers stopped.")).to_be_visible()
    await page.goto("/admin/reconciler?q=bulk-")
    row = page.locator("tbody tr").first
    await expect(row.locator(".pq-status")).to_have_text("stopped")
    await theirs.goto("/")
    await theirs.get_by_role("button", name="Start").first.click()
    await expect(page.locator("tbody .pq-status").filter(has_text="running")).to_have_count(1)
    await row.get_by_role("button", name="Look now").click()
    await expect(page.get_by_text("The reconciler is looking.")).to_be_visible()


async def test_a_node_is_added_and_forgotten(page: Page) -> None:
    await arrive(page, _ADMIN)
    await page.goto("/admin/vm_manager/node/")
    await page.get_by_role("link", name="Add").click()
    await page.get_by_label("Name").fill("spare")
    await page.get_by_label("URI").fill("ftp://nowhere")
    await page.get_by_role("button", name="Add").click()
    await expect(page.get_by_text("Give a libvirt URI")).to_be_visible()
    await expect(page.get_by_label("Name")).to_have_value("spare")
    await page.get_by_label("URI").fill("qemu+tcp://127.0.0.1:1/system")
    await page.get_by_role("button", name="Test the connection").click()
    await expect(page.locator(".pq-try .pq-note[data-tone=bad]")).to_contain_text("refuses the connection")
    await page.get_by_label("URI").fill("memory://spare")
    await page.get_by_role("button", name="Test the connection").click()
    await expect(page.locator(".pq-try .pq-note[data-tone=good]")).to_contain_text("It answers")
    await page.get_by_role("button", name="Add").click()
    await expect(page).to_have_url(re.compile(r"/admin/vm_manager/node/\d+/$"))
    await expect(page.get_by_role("heading", name="spare")).to_be_visible()
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page).to_have_url(re.compile(r"/admin/vm_manager/node/$"))
    await expect(page.get_by_role("link", name="spare")).to_have_count(0)
