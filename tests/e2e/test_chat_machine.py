"""A conversation about a real machine, in the browser: a file is written and run, a command stopped, all undone."""

from itertools import count

import pytest
from playwright.async_api import Page, expect

from tests.e2e.chat_steps import allow, ask, log, until_over
from tests.e2e.conftest import NewContext, Person
from tests.e2e.paper_chat import open_chat
from tests.e2e.served import Served
from tests.e2e.steps import arrive, create
from tests.e2e.workspace_steps import row
from tests.model_server import ModelServer, says, uses

pytestmark = [pytest.mark.browser, pytest.mark.vm]
_looks = count(1)
_BOOT_MS = 180_000
_LOOK_MS = 30_000


@pytest.fixture(scope="module")
def server(real_server: Served) -> Served:
    """In this file all pages come from the server with real machines."""
    return real_server


@pytest.fixture
async def page(new_context: NewContext, person: Person, model: ModelServer) -> Page:
    """The page of a machine that is up, with its assistant."""
    page = await (await new_context(reduced_motion="reduce")).new_page()
    await arrive(page, person)
    await create(page, "helped")
    await expect(page.get_by_text("Connected")).to_be_visible(timeout=_BOOT_MS)
    await expect(page.locator(".pq-screen[data-state=open]")).to_be_visible(timeout=_LOOK_MS)
    await open_chat(page)
    return page


async def test_a_file_is_written_run_and_undone_and_a_command_stopped(page: Page, model: ModelServer) -> None:
    model.will(
        uses("write", path="/app/hello.py", content="print(6 * 7)\n"),
        uses("run", command="python3 /app/hello.py > /srv/answer; cat /srv/answer"),
        says("It prints what it should."),
    )
    await ask(page, "Write a program, and run it")
    await expect(log(page)).to_contain_text("print(6 * 7)", timeout=_LOOK_MS)
    assert await row(page, "hello.py").count() == 0
    await allow(page)
    await expect(row(page, "hello.py")).to_be_visible(timeout=_LOOK_MS)
    await expect(log(page)).to_contain_text("python3 /app/hello.py")
    await allow(page)
    await expect(log(page)).to_contain_text("It prints what it should.", timeout=_LOOK_MS)
    await until_over(page)
    await expect(log(page)).to_contain_text("1 file changed", timeout=_LOOK_MS)
    assert any("42" in str(each) for each in model.asked[-1]["messages"])

    model.will(uses("run", command="sleep 4217"))
    await ask(page, "Wait for long")
    await allow(page)
    await _until_shell_says(page, "pgrep -c -f 'sleep 421[7]'", "1")
    await page.get_by_role("button", name="Stop", exact=True).click()
    await expect(log(page).locator(".pq-tag", has_text="Stopped")).to_be_visible()
    await _until_shell_says(page, "pgrep -c -f 'sleep 421[7]'", "0")

    await page.get_by_role("button", name="Undo files").click()
    await _put_back(page, "The files are as they were before this turn.")
    await expect(row(page, "hello.py")).to_have_count(0)
    await _until_shell_says(page, "cat /srv/answer", "42")
    await page.get_by_role("button", name="Undo disk").first.click()
    await _put_back(page, "The disk is as it was before this turn.", timeout=_BOOT_MS)
    await expect(page.locator(".pq-screen[data-state=open]")).to_be_visible(timeout=_BOOT_MS)
    await _until_shell_says(page, "cat /srv/answer || echo it is gone", "it is gone")


async def _put_back(page: Page, told: str, *, timeout: float = _LOOK_MS) -> None:
    await page.get_by_role("alertdialog").get_by_role("button", name="Put back").click()
    await expect(log(page)).to_contain_text(told, timeout=timeout)


async def _until_shell_says(page: Page, command: str, text: str) -> None:
    """Look in a terminal of the person's until a command says this."""
    done = f"looked{next(_looks)}"
    await page.locator(".xterm-helper-textarea").first.focus()
    await page.keyboard.type(f'until [ "$({command})" = "{text}" ]; do sleep 0.2; done; echo "loo""{done[3:]}"\n')
    await expect(page.locator(".xterm-rows").first).to_contain_text(done, timeout=_LOOK_MS)
