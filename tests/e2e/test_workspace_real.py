"""The workspace over a real machine's files: what is done on one side is seen on the other."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, create
from tests.e2e.workspace_steps import append, code, open_file, row, tab

pytestmark = [pytest.mark.browser, pytest.mark.vm]
_BOOT_MS = 180_000
_LOOK_MS = 30_000


@pytest.fixture(scope="module")
def server(real_server: Served) -> Served:
    """In this file all pages come from the server with real machines."""
    return real_server


async def _shell(page: Page, command: str) -> None:
    await page.locator(".xterm-helper-textarea").first.focus()
    await page.keyboard.type(f"{command}\n")


async def test_a_day_at_a_real_machine(new_context: NewContext, person: Person, tmp_path: Path) -> None:
    page = await (await new_context(reduced_motion="reduce")).new_page()
    await arrive(page, person)
    await create(page, "at-work")
    terminal = page.locator(".xterm-rows").first
    await expect(page.get_by_text("Connected")).to_be_visible(timeout=_BOOT_MS)
    await expect(page.locator(".pq-screen[data-state=open]")).to_be_visible(timeout=_LOOK_MS)

    await _shell(page, "mkdir -p /app/src /app/many && echo 'print(6*7)' > /app/src/main.py")
    await expect(row(page, "src")).to_be_visible(timeout=_LOOK_MS)
    await open_file(page, "src", "main.py")
    await append(page, "print('typed here')\n")
    await page.keyboard.press("Control+s")
    await expect(tab(page, "main.py")).not_to_have_accessible_name(re.compile("not saved"))
    await _shell(page, "clear; python3 /app/src/main.py")
    await expect(terminal).to_contain_text("typed here")

    await append(page, "# mine\n")
    await _shell(page, "echo '# theirs' >> /app/src/main.py")
    bar = page.get_by_role("alert").filter(has_text="was changed in the machine")
    await expect(bar).to_be_visible(timeout=_LOOK_MS)
    await bar.get_by_role("button", name="Take theirs").click()
    await expect(code(page)).to_contain_text("# theirs")
    await assert_accessible(page, "workspace of a real machine")

    await _upload(page, tmp_path)


async def _upload(page: Page, tmp_path: Path) -> None:
    (tmp_path / "up.bin").write_bytes(bytes(range(256)) * 8192)
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Upload files").click()
    await (await chooser.value).set_files([tmp_path / "up.bin"])
    await expect(page.get_by_text("1 file uploaded.")).to_be_visible(timeout=_LOOK_MS)
    await row(page, "up.bin").click(button="right")
    async with page.expect_download() as down:
        await page.get_by_role("menuitem", name="Download", exact=True).click()
    assert _same(await (await down.value).path(), tmp_path / "up.bin")
    await row(page, "up.bin").click(button="right")
    await page.get_by_role("menuitem", name="Delete").click()
    await expect(row(page, "up.bin")).to_have_count(0)
    await page.get_by_role("button", name="Undo").click()
    await expect(row(page, "up.bin")).to_be_visible()


def _same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()
