"""Terminals as people use them: a real browser, and a shell in a real machine. One machine serves the whole file."""

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, WebSocketRoute, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.people import name_of
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, create
from tests.stores import eventually

pytestmark = [pytest.mark.browser, pytest.mark.vm]

_NAME = "calm-otter-42"
_BOOT_MS = 120_000


@pytest.fixture(scope="session")
def server(real_server: Served) -> Served:
    """In this file all pages come from the server with real machines."""
    return real_server


@dataclass(frozen=True, slots=True)
class Machine:
    """A running container: where its page is, and the cookies of its owner."""

    path: str
    cookies: Any


@pytest.fixture(scope="module")
async def machine(browser: Browser, real_server: Served) -> AsyncGenerator[Machine]:
    """Sign in, click, and have a shell; nothing is left of it but the session and the address."""
    context = await browser.new_context(base_url=real_server.url, viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    await arrive(page, Person(name_of(0)))
    await create(page, _NAME)
    await _opened(page, timeout=_BOOT_MS)
    yield Machine(page.url.removeprefix(real_server.url), await context.storage_state())
    await context.close()


@pytest.fixture
async def page(new_context: NewContext, machine: Machine) -> Page:
    """The machine's page with one terminal, at an empty prompt."""
    context = await new_context(storage_state=machine.cookies, reduced_motion="reduce")
    opened = await _visit(context, machine)
    await _type(opened, "clear\n")
    return opened


async def test_a_command_answers(page: Page) -> None:
    await _type(page, "echo $((40+2))\n")
    await expect(_rows(page)).to_contain_text("42")


async def test_a_reload_comes_back_to_the_same_shell_and_screen(page: Page) -> None:
    await _type(page, "kept=$((6*111)); echo shown$((1+1))\n")
    await expect(_rows(page)).to_contain_text("shown2")
    await page.reload()
    await _opened(page)
    await expect(_rows(page)).to_contain_text("shown2")
    await _type(page, "echo it is $kept\n")
    await expect(_rows(page)).to_contain_text("it is 666")


async def test_tabs_have_shells_of_their_own_that_outlive_a_reload(page: Page) -> None:
    await _type(page, "mine=first\n")
    await page.get_by_role("button", name="New terminal").click()
    await expect(page.get_by_role("tab")).to_have_count(2)
    await _opened(page)
    await _type(page, "echo [$mine]; mine=second\n")
    await expect(_rows(page)).to_contain_text("[]")
    await page.reload()
    await _opened(page)
    tabs = page.get_by_role("tab")
    await expect(tabs).to_have_text([re.compile("^1"), re.compile("^2")])
    await expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
    await _type(page, "echo now-$mine\n")
    await expect(_rows(page)).to_contain_text("now-second")
    await tabs.nth(0).click()
    await _type(page, "echo now-$mine\n")
    await expect(_rows(page)).to_contain_text("now-first")
    await tabs.nth(1).click()
    await page.get_by_role("button", name="Close this terminal").click()
    await expect(tabs).to_have_count(1)
    await page.reload()
    await _opened(page)
    await expect(page.get_by_role("tab")).to_have_count(1)


async def test_a_dropped_connection_is_said_and_comes_back(page: Page, machine: Machine) -> None:
    line = _Line()
    other = await _visit(page.context, machine, line)
    await _type(other, "echo before$((3+4))\n")
    await expect(_rows(other)).to_contain_text("before7")
    await line.cut()
    await expect(_screen(other).get_by_role("status")).to_have_text("Reconnecting… The shell goes on.")
    await _type(page, "echo meanwhile$((5+5))\n")
    await expect(_rows(page)).to_contain_text("meanwhile10")
    line.mend()
    await _opened(other)
    await expect(_rows(other)).to_contain_text("before7")
    await expect(_rows(other)).to_contain_text("meanwhile10")
    await expect(_screen(other).get_by_role("status")).to_be_hidden()


async def test_the_shell_is_as_big_as_the_window(page: Page) -> None:
    async def size(mark: str) -> tuple[int, int]:
        await _type(page, f"clear; echo {mark}: $(stty size)\n")
        await expect(_rows(page)).to_contain_text(re.compile(rf"{mark}: \d+ \d+"))
        found = re.search(rf"{mark}: (\d+) (\d+)", await _rows(page).inner_text())
        assert found
        return int(found[1]), int(found[2])

    rows, columns = await size("big")
    await page.set_viewport_size({"width": 800, "height": 600})

    async def follows() -> bool:
        fewer_rows, fewer_columns = await size("small")
        shown = await page.locator(".xterm-rows > div").count()
        return fewer_rows < rows and fewer_columns < columns and shown == fewer_rows

    await eventually("the shell to be as small as the window", follows)
    last, edge = await page.locator(".xterm-screen").bounding_box(), await page.locator(".pq-terminals").bounding_box()
    assert last
    assert edge
    assert last["y"] + last["height"] <= edge["y"] + edge["height"]


async def test_all_scripts_are_printed(page: Page) -> None:
    await _type(page, r"printf 'ae \u00e4 kanji \u6f22\u5b57 otter \U1f9a6\n'" + "\n")
    await expect(_rows(page)).to_contain_text("ae ä kanji 漢字 otter 🦦")
    await page.keyboard.insert_text("echo «ä漢字🦦» | wc -m")
    await page.keyboard.press("Enter")
    await expect(_rows(page)).to_contain_text("«ä漢字🦦»")


async def test_full_screen_programs_outlive_a_reload_and_leave_the_screen_as_it_was(page: Page) -> None:
    await _type(page, "echo under$((2+2)); seq 3 > /tmp/three\n")
    await expect(_rows(page)).to_contain_text("under4")
    await _type(page, "vim /tmp/three\n")
    await expect(_rows(page)).to_contain_text("~")
    await expect(_rows(page)).not_to_contain_text("under4")
    await _type(page, "Godrawn anew")
    await page.keyboard.press("Escape")
    await page.reload()
    await _opened(page)
    await expect(_rows(page)).to_contain_text("drawn anew")
    await expect(_rows(page)).to_contain_text("~")
    await _type(page, ":wq\n")
    await expect(_rows(page)).to_contain_text("under4")
    await expect(_rows(page)).not_to_contain_text("~")
    await _type(page, "htop\n")
    await expect(_rows(page)).to_contain_text("Load average")
    await page.keyboard.press("q")
    await expect(_rows(page)).not_to_contain_text("Load average")


async def test_the_scrollback_is_searched(page: Page) -> None:
    await _type(page, "seq 1 300; echo end$((1+1))\n")
    await expect(_rows(page)).to_contain_text("end2")
    await expect(_rows(page)).not_to_contain_text("122")
    await page.keyboard.press("Control+Shift+F")
    await expect(page.get_by_label("Search in the terminal")).to_be_focused()
    await page.keyboard.type("122")
    await page.keyboard.press("Enter")
    await expect(_rows(page)).to_contain_text("122")
    await page.keyboard.press("Escape")
    await expect(page.get_by_label("Search in the terminal")).to_have_count(0)
    await _type(page, "echo typed $((7*7))\n")
    await expect(_rows(page)).to_contain_text("typed 49")


async def test_addresses_are_links(page: Page, server: Served) -> None:
    await _type(page, f"clear; echo {server.url}/login?from=here\n")
    line = page.locator(".xterm-rows > div", has_text=re.compile(r"^http://"))
    await expect(line).to_be_visible()
    place = await line.bounding_box()
    assert place
    await page.mouse.move(place["x"] + 60, place["y"] + 8)
    await expect(page.locator(".xterm-cursor-pointer").first).to_be_attached()
    async with page.context.expect_page() as popup:
        await page.mouse.click(place["x"] + 60, place["y"] + 8)
    opened = await popup.value
    await opened.wait_for_url(re.compile(r"/(login\?from=here)?$"))
    assert await opened.evaluate("window.opener") is None


async def test_a_keyboard_gets_out_of_the_terminal(page: Page) -> None:
    await page.keyboard.press("Control+Shift+E")
    await expect(page.get_by_role("tab")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_about_a_terminal(
    new_context: NewContext, machine: Machine, scheme: str
) -> None:
    context = await new_context(storage_state=machine.cookies, color_scheme=scheme, reduced_motion="reduce")
    page = await _visit(context, machine)
    await _type(page, "clear; ls --color=always -l /\n")
    await expect(_rows(page)).to_contain_text("usr")
    await assert_accessible(page, f"terminal, {scheme}")
    await page.keyboard.press("Control+Shift+F")
    await assert_accessible(page, f"search, {scheme}")


async def test_on_a_phone_keys_are_at_hand(new_context: NewContext, machine: Machine) -> None:
    context = await new_context(
        storage_state=machine.cookies, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = await _visit(context, machine)
    await _type(page, "echo by $((9*9))\n")
    await expect(_rows(page)).to_contain_text("by 81")
    await _type(page, "clear\n")
    await page.get_by_role("button", name="Up").click()
    await page.get_by_role("button", name="Up").click()
    await page.keyboard.press("Enter")
    await expect(_rows(page)).to_contain_text("by 81")
    await _type(page, "sleep 1000\n")
    await page.get_by_role("button", name="Ctrl").click()
    await page.get_by_role("button", name="Control C").click()
    await expect(_rows(page)).to_contain_text("^C")
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


async def test_an_ended_shell_says_so_and_another_takes_its_place(page: Page) -> None:
    await _type(page, "exit 3\n")
    await expect(_screen(page).get_by_role("status")).to_contain_text("The shell has ended")
    await page.get_by_role("button", name="Close tab").click()
    await _opened(page)
    await _type(page, "echo again $((8*8))\n")
    await expect(_rows(page)).to_contain_text("again 64")


async def test_the_page_follows_the_machine_to_its_end(page: Page) -> None:
    await page.get_by_role("button", name=f"Stop {_NAME}").click()
    await expect(page.get_by_role("heading", name="It is stopped")).to_be_visible(timeout=_BOOT_MS)
    await expect(page.locator(".pq-terminals")).to_have_count(0)
    await page.get_by_role("button", name=f"Delete {_NAME}").click()
    question = page.get_by_role("alertdialog")
    await expect(question).to_contain_text(f"Delete “{_NAME}”?")
    await question.get_by_role("button", name="Delete").click()
    await expect(page).to_have_url(re.compile(r"/$"))
    await expect(page.get_by_text("Your first machine is a click away")).to_be_visible(timeout=_BOOT_MS)


@dataclass
class _Line:
    """The wire between a page's terminals and the server, to be cut."""

    is_cut: bool = False
    ends: list[WebSocketRoute] = field(default_factory=list)

    async def take(self, socket: WebSocketRoute) -> None:
        if self.is_cut:
            await socket.close(code=1012)
            return
        socket.connect_to_server()
        self.ends.append(socket)

    async def cut(self) -> None:
        self.is_cut = True
        for socket in self.ends:
            await socket.close(code=1012)

    def mend(self) -> None:
        self.is_cut = False


async def _visit(context: BrowserContext, machine: Machine, line: _Line | None = None) -> Page:
    page = await context.new_page()
    if line:
        await page.route_web_socket(re.compile("/ws/terminals/"), line.take)
    await page.goto(machine.path)
    await _opened(page)
    return page


def _screen(page: Page) -> Locator:
    """The terminal in front."""
    return page.locator(".pq-screen:not([hidden])")


def _rows(page: Page) -> Locator:
    return _screen(page).locator(".xterm-rows")


async def _opened(page: Page, *, timeout: float = 15_000) -> None:
    """Wait for a prompt, or whatever else the shell shows."""
    await expect(page.locator(".pq-screen:not([hidden])[data-state=open]")).to_be_visible(timeout=timeout)
    await expect(_rows(page)).not_to_have_text(re.compile(r"^\s*$"), timeout=timeout)
    await expect(_screen(page).get_by_role("textbox")).to_be_focused()


async def _type(page: Page, text: str) -> None:
    await _screen(page).get_by_role("textbox", name=re.compile("^Terminal")).focus()
    await page.keyboard.type(text)
