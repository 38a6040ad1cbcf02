"""A template goes into a real machine, from the button to the files in its shell."""

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, create, expect_status, more

pytestmark = [pytest.mark.browser, pytest.mark.vm]
_BOOT_MS = 180_000
_LOOK_MS = 60_000


@pytest.fixture(scope="module")
def server(real_server: Served) -> Served:
    """In this file all pages come from the server with real machines."""
    return real_server


async def _preview(page: Page, mode: str) -> None:
    await more(page, "Apply a template")
    await page.get_by_role("combobox").select_option(label="Static site · 5 files")
    await page.get_by_role("radio", name=mode).check()
    await page.get_by_role("button", name="Preview").click()
    await expect(page.get_by_role("region", name="What would change")).to_be_visible(timeout=_LOOK_MS)


async def test_a_template_is_previewed_applied_and_found_in_the_machine(
    new_context: NewContext, person: Person
) -> None:
    page = await (await new_context(reduced_motion="reduce")).new_page()
    await arrive(page, person)
    await create(page, "with-files")
    await expect(page.locator(".pq-status[data-status=running]")).to_be_visible(timeout=_BOOT_MS)
    await _preview(page, "Merge")
    lines = page.get_by_role("region", name="What would change")
    await expect(lines.get_by_role("listitem")).to_have_count(5)
    await expect(page.get_by_role("status").filter(has_text="In /app")).to_contain_text("5 created, 0 changed")
    await assert_accessible(page, "the preview")
    await page.get_by_role("button", name="Apply", exact=True).click()
    await expect(page.get_by_text("The template is in /app.")).to_be_visible(timeout=_LOOK_MS)
    await page.get_by_role("button", name="Close", exact=True).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)  # it gives the focus back as it goes
    terminal = page.locator(".xterm-rows").first
    await page.locator(".xterm-helper-textarea").first.focus()
    await page.keyboard.type("touch /app/mine; ls /app\n")
    await expect(terminal).to_contain_text("README.md  mine  public  run.sh", timeout=_LOOK_MS)
    await _preview(page, "Clean")
    await expect(lines.get_by_role("listitem").first).to_have_text("mineremoved")
    await page.keyboard.press("Escape")
    await expect_status(page, "running")
