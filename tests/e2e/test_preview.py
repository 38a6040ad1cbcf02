"""A preview in a real browser, of a program in a real machine: run, framed, shared by a link, closed again."""

from base64 import b64encode

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, create

pytestmark = [pytest.mark.browser, pytest.mark.vm]
_BOOT_MS, _OPEN_MS = 180_000, 60_000
_PROGRAM = """
from http.server import BaseHTTPRequestHandler, HTTPServer

class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Set-Cookie", "seen=1; Domain=localhost; SameSite=Lax")
        self.end_headers()
        self.wfile.write(f"<h1>Hello from inside</h1><p>cookies: {self.headers.get('Cookie')}</p>".encode())

HTTPServer(("", 8000), Page).serve_forever()
"""
"""A program that says which cookies it is sent, and sets one for more than itself."""
_CONFIG = '{"run": "exec python3 -u program.py", "port": 8000}'


def _written(path: str, text: str) -> str:
    return f"echo {b64encode(text.encode()).decode()} | base64 -d > {path}"


@pytest.fixture(scope="module")
def server(real_server: Served) -> Served:
    """In this file all pages come from the server with real machines."""
    return real_server


async def _type(page: Page, line: str) -> None:
    await page.locator(".pq-screen:not([hidden]) .xterm-helper-textarea").focus()
    await page.keyboard.insert_text(line)
    await page.keyboard.press("Enter")


async def _share_by_link_and_end_it(page: Page, stranger: Page) -> None:
    await page.get_by_role("button", name="Share port 8000").click()
    await page.get_by_role("button", name="Make a link").click()
    url = await page.get_by_label("The link", exact=True).input_value()
    await stranger.goto(url)
    await expect(stranger.get_by_role("heading", name="Hello from inside")).to_be_visible()
    await page.get_by_role("button", name="End", exact=True).click()
    await expect(page.get_by_role("button", name="End", exact=True)).to_have_count(0)
    await stranger.reload()
    await expect(stranger.get_by_role("heading", name="This preview is not open to you yet")).to_be_visible()
    await page.keyboard.press("Escape")


async def test_what_is_run_shows_beside_its_output_and_to_others_by_a_link(
    new_context: NewContext, person: Person
) -> None:
    page = await (await new_context(reduced_motion="reduce", permissions=["clipboard-read"])).new_page()
    await arrive(page, person)
    await create(page, "shown")
    await expect(page.locator(".pq-status[data-status=running]")).to_be_visible(timeout=_BOOT_MS)
    await expect(page.locator(".xterm-rows").first).to_contain_text("shown:", timeout=_OPEN_MS)
    await page.get_by_role("button", name="Run", exact=True).click()
    preview = page.get_by_role("complementary", name="Preview")
    await expect(preview.get_by_role("alert")).to_contain_text("There is no /app/config.json", timeout=_OPEN_MS)
    await _type(
        page, f"{_written('/app/program.py', _PROGRAM)}; {_written('/app/config.json', _CONFIG)}; echo made-$((1+1))"
    )
    await expect(page.locator(".xterm-rows").first).to_contain_text("made-2", timeout=_OPEN_MS)

    await page.locator("h1").click()
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("tab", name="Run")).to_have_attribute("aria-selected", "true", timeout=_OPEN_MS)
    frame = preview.frame_locator("iframe")
    await expect(frame.get_by_role("heading", name="Hello from inside")).to_be_visible(timeout=_OPEN_MS)
    await expect(frame.locator("p")).to_have_text("cookies: None")
    await preview.get_by_role("button", name="Reload the preview").click()
    await expect(frame.locator("p")).to_have_text("cookies: seen=1")
    await assert_accessible(page, "the preview")

    await _share_by_link_and_end_it(page, await (await new_context()).new_page())
    async with page.context.expect_page() as opened:
        await preview.get_by_role("link", name="Open in a new tab").click()
    await expect((await opened.value).get_by_role("heading", name="Hello from inside")).to_be_visible()
    await page.get_by_role("button", name="Stop what runs").click()
    await expect(page.get_by_role("button", name="Stop what runs")).to_have_count(0, timeout=_OPEN_MS)
    await preview.get_by_role("button", name="Reload the preview").click()
    await expect(frame.get_by_role("heading", name="Nothing listens on port 8000")).to_be_visible(timeout=_OPEN_MS)
