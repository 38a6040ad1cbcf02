"""For everybody: keyboards, screen readers, phones, light and dark."""

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, create, expect_status

pytestmark = pytest.mark.browser

_JS_BYTES = 400 * 1024
"""As transferred: compressed."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(new_context: NewContext, person: Person, scheme: str) -> None:
    page = await (await new_context(color_scheme=scheme, reduced_motion="reduce")).new_page()
    await page.goto("/login?error=bad-credentials")
    await expect(page.get_by_role("alert")).to_be_visible()
    await assert_accessible(page, "log-in")
    await arrive(page, person)
    await assert_accessible(page, "empty dashboard")
    await page.locator("#new-container").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await assert_accessible(page, "new container")
    await page.keyboard.press("Escape")
    await create(page, "seen")
    await assert_accessible(page, "starting")
    await expect_status(page, "running")
    await assert_accessible(page, "container")
    await page.get_by_role("button", name="Stop seen").click()
    await expect(page.get_by_role("heading", name="It is stopped")).to_be_visible()
    await assert_accessible(page, "stopped")
    await page.goto("/")
    await page.get_by_role("button", name="Delete seen").click()
    await expect(page.get_by_role("alertdialog")).to_be_visible()
    await assert_accessible(page, "delete")
    for path in ("/", "/containers/999999", "/nowhere"):
        await page.goto(path)
        await page.wait_for_load_state("networkidle")
        await assert_accessible(page, path)


async def _settled(page: Page) -> None:
    """Drawn and filled. The network need not be silent: a terminal goes on trying to reach its machine."""
    await expect(page.locator("h1, h2").first).to_be_visible()
    await expect(page.locator("[aria-busy=true]:not(.pq-terminals)")).to_have_count(0)


async def test_nothing_scrolls_sideways_on_a_phone(server: Served, new_context: NewContext, person: Person) -> None:
    page = await (await new_context(viewport={"width": 360, "height": 740})).new_page()
    await arrive(page, person)
    await _assert_fits(page)
    await create(page, "a-name-that-is-as-long-as-a-name-may-be-which-is-sixty-three-ch")
    with closing(sqlite3.connect(server.home / "pequeroku.sqlite3")) as database, database:
        database.execute("update session set ip = '2001:db8:85a3:1234:5678:8a2e:370:7334'")
    for path in (page.url, "/", "/account", "/login", "/nowhere"):
        await page.goto(path)
        await _settled(page)
        await _assert_fits(page)


async def test_a_lost_connection_is_said_in_a_sentence(page: Page, person: Person) -> None:
    await arrive(page, person)
    await page.add_init_script(
        "WebSocket = class extends WebSocket {"
        " constructor(url, ...rest) { super(String(url).replace('/_event', '/nowhere'), ...rest); } }"
    )
    await page.reload()
    await expect(page.get_by_role("status").filter(has_text="No connection to the server.")).to_be_visible()
    await assert_accessible(page, "no connection")


async def test_a_keyboard_is_enough_from_the_log_in_page_to_a_machine(page: Page, person: Person) -> None:
    await page.goto("/login")
    await expect(page.get_by_label("User name")).to_be_focused()
    await page.keyboard.type(person.name)
    await page.keyboard.press("Tab")
    await page.keyboard.type(person.password)
    await page.keyboard.press("Enter")
    await expect(page.locator("#new-container")).to_be_enabled()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.locator("#new-container")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await expect(page.locator("[data-type=small] input")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("[data-type=medium] input")).to_be_checked()
    await page.keyboard.press("Tab")
    await page.keyboard.type("by-keyboard")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/containers/\d+$"))
    await expect(page.get_by_role("heading", name="by-keyboard")).to_be_visible()


async def test_the_theme_is_chosen_and_kept(page: Page, person: Person) -> None:
    await arrive(page, person)
    for choice, is_dark in (("Dark", True), ("Light", False), ("Dark", True)):
        await page.get_by_role("button", name="Theme").click()
        await page.get_by_role("menuitem", name=choice).click()
        await expect(page.get_by_role("menu")).to_have_count(0)
        await expect(page.locator("html")).to_have_class(re.compile("dark" if is_dark else "light"))
    await page.reload()
    await expect(page.locator("html")).to_have_class(re.compile("dark"))


async def test_a_wrong_address_says_so(page: Page) -> None:
    await page.goto("/nowhere")
    await expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()


async def test_what_is_served_carries_its_headers(page: Page) -> None:
    answer = await page.goto("/login")
    assert answer is not None
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    script = await page.locator("link[rel=modulepreload]").first.get_attribute("href")
    assert "immutable" in (await page.request.get(str(script))).headers["cache-control"]


async def test_the_dashboard_needs_little_javascript(new_context: NewContext, person: Person) -> None:
    page = await (await new_context()).new_page()
    await arrive(page, person)
    fresh = await (await new_context(storage_state=await page.context.storage_state())).new_page()
    sizes: list[int] = []
    fresh.on(
        "response",
        lambda answer: (
            sizes.append(int(answer.headers.get("content-length", 0)))
            if answer.request.resource_type == "script"
            else None
        ),
    )
    await fresh.goto("/")
    await fresh.wait_for_load_state("networkidle")
    assert 0 < sum(sizes) <= _JS_BYTES, f"{sum(sizes) / 1024:.0f} KB of JavaScript"


async def _assert_fits(page: Page) -> None:
    widths = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1], f"{page.url} is {widths[0]} px wide in {widths[1]}"
