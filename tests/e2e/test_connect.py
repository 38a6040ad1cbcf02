"""Connect your agent, in a real browser; and what the page says, done by the official client over real HTTP."""

import re
from typing import Any

import httpx2
import pytest
from playwright.async_api import Locator, Page, expect

from tests.agents import agent_told, server_in
from tests.e2e.conftest import NewContext, Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, card, expect_status, pictures
from tests.stores import eventually

pytestmark = pytest.mark.browser

_COLLECTIONS = {"Cursor": "mcpServers", "VS Code": "servers", "Another agent": "mcpServers"}


async def _open(page: Page) -> None:
    await page.goto("/me/connect")
    await expect(page.get_by_role("heading", name="1. Make a key")).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


async def _choose(page: Page, label: str) -> Locator:
    """A program's guide."""
    button = page.get_by_role("group", name="Your program").get_by_role("button", name=label, exact=True)
    await button.click()
    await expect(button).to_have_attribute("aria-pressed", "true")
    guide = page.locator("[data-guide]")
    await expect(guide).to_have_count(1)
    return guide


async def _make_a_key(page: Page) -> str:
    await expect(page.get_by_label("It may")).to_have_value("exec")
    await page.get_by_role("button", name="Make a key").click()
    return await page.get_by_label("Your new key").inner_text()


async def test_an_agent_comes_in_exactly_as_the_page_says_and_is_out_when_its_key_is_revoked(
    new_context: NewContext, person: Person, server: Served
) -> None:
    context = await new_context(reduced_motion="reduce", permissions=["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    await arrive(page, person)
    await page.get_by_role("link", name="connect it").click()
    await _open(page)
    await expect(page.get_by_label("The address of the MCP server")).to_have_text(f"{server.url}/mcp")
    await expect(page.locator("[data-guide=claude-code]")).to_contain_text("Bearer pk_…")
    await pictures(page, "connect-empty")
    key = await _make_a_key(page)
    await expect(page.locator("[data-guide=claude-code]")).to_contain_text(f'--header "Authorization: Bearer {key}"')
    arrival, said = page.locator("section").filter(has_text="3. Ask it for something"), dict[str, Any]()
    await expect(arrival.get_by_role("status")).to_contain_text("Nobody has come in with “My agent” yet.")
    for label, collection in _COLLECTIONS.items():
        guide = await _choose(page, label)
        await guide.get_by_role("button", name="Copy").click()
        said = server_in(await page.evaluate("navigator.clipboard.readText()"), collection)
        assert said == server_in(await guide.locator("pre").inner_text(), collection)
        async with agent_told(said) as client:
            offered = {each.name for each in (await client.list_tools()).tools}
        assert offered == set(await page.locator(".pq-tools dt").all_inner_texts())
    await expect(arrival.get_by_role("status")).to_contain_text(re.compile("“My agent” came in .*, from (127|::)"))
    await expect(page.locator("[data-sonner-toast]")).to_have_count(0)
    await assert_accessible(page, "connect, it came in")
    await pictures(page, "connect-key")
    async with agent_told(said) as client:
        made = await client.call_tool("get_or_create_container", {"name": "by-my-agent", "type": "small"})
        assert (made.structured_content or {})["status"] == "running"
    await page.goto("/")
    await expect_status(card(page, "by-my-agent"), "running")
    await _revoke(page)

    async def is_out() -> bool:
        async with httpx2.AsyncClient(headers=said["headers"]) as http:
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
            return (await http.post(said["url"], json=body)).status_code == 401

    await eventually("the key to open nothing", is_out)


async def _revoke(page: Page) -> None:
    await page.goto("/account/keys")
    await expect(page.get_by_role("link", name="Connect your agent")).to_have_attribute("href", "/me/connect")
    await page.get_by_role("button", name="Revoke the key My agent").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Revoke").click()
    await expect(page.get_by_text("That key opens nothing any more.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_guide_can_be_read_by_everybody_wide_and_narrow(
    new_context: NewContext, person: Person, scheme: str
) -> None:
    page = await (await new_context(color_scheme=scheme, reduced_motion="reduce")).new_page()
    await arrive(page, person)
    await _open(page)
    await assert_accessible(page, "connect, no key")
    await _make_a_key(page)
    buttons = page.get_by_role("group", name="Your program").get_by_role("button")
    labels = await buttons.all_inner_texts()
    assert {"Claude Code", "Codex", "Python", "Command line", "curl", "SSH", *_COLLECTIONS} == set(labels)
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 740})
        for label in labels:
            await _choose(page, label)
            await assert_accessible(page, f"connect, {label}, {width}")
            widths = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            assert widths[0] <= widths[1], f"{label} at {width}"
    await pictures(page, f"connect-{scheme}-ssh")


async def test_a_key_is_not_there_any_more_when_the_page_is_opened_again(page: Page, person: Person) -> None:
    await arrive(page, person)
    await _open(page)
    first = await _make_a_key(page)
    await page.get_by_role("button", name="Done").click()
    await expect(page.locator("[data-guide]")).to_contain_text("Bearer pk_…")
    second = await _make_a_key(page)
    await page.reload()
    await expect(page.get_by_role("button", name="Make a key")).to_be_visible()
    content = await page.content()
    assert [each in content for each in (first, second, "pk_…")] == [False, False, True]


async def test_ssh_is_shown_with_the_hosts_fingerprint(page: Page, person: Person) -> None:
    await arrive(page, person)
    await _open(page)
    told = await (await page.request.get("/api/ssh-gateway/")).json()
    guide = await _choose(page, "SSH")
    for each in (f"ssh NAME@localhost -p {told['port']}", told["fingerprint"], told["known_hosts"]):
        await expect(guide).to_contain_text(each)
