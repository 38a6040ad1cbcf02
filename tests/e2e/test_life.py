"""A container's size, its time, and its schedule, in the browser; and what a start would leave, before the click."""

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, card, create, expect_status, more, picture

pytestmark = pytest.mark.browser


async def test_what_a_start_would_leave_is_said_before_the_click(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "first")
    await expect_status(page, "running")
    await page.goto("/")
    await page.locator("#new-container").click()
    await expect(page.locator("[data-type=small]")).to_contain_text("leaves 1 of 3")
    await expect(page.locator("[data-type=medium]")).to_contain_text("leaves 0 of 3")
    await expect(page.locator("[data-type=large]")).to_contain_text("Needs 4, you have 2 left")
    await page.keyboard.press("Escape")
    await card(page, "first").get_by_role("button", name="Stop").click()
    await expect_status(card(page, "first"), "stopped")
    await expect(card(page, "first")).to_contain_text("Starting it leaves 2 of 3 credits.")


async def test_a_stopped_container_is_resized_and_keeps_its_larger_disk(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "grows")
    await expect_status(page, "running")
    await page.get_by_role("button", name="Stop grows").click()
    await expect(page.get_by_role("heading", name="It is stopped")).to_be_visible()
    for kind, size in (("medium", "2 vCPUs · 2 GiB · 10 GiB disk"), ("small", "1 vCPU · 1 GiB · 10 GiB disk")):
        await more(page, "Settings")
        dialog = page.get_by_role("dialog", name="Settings of")
        await dialog.locator(f"[data-type={kind}] input").check()
        await dialog.get_by_role("button", name="Resize").click()
        await expect(dialog).to_have_count(0)
        await expect(page.locator(".pq-container-head")).to_contain_text(size)


async def test_a_resize_of_what_runs_says_that_it_restarts(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "busy")
    await expect_status(page, "running")
    await more(page, "Settings")
    dialog = page.get_by_role("dialog", name="Settings of")
    await expect(dialog).to_contain_text("It restarts to take a new size")
    await expect(dialog.locator("[data-type=medium]")).to_contain_text("leaves 1 of 3")
    await expect(dialog.locator("[data-type=large] input")).to_be_disabled()
    await dialog.locator("[data-type=medium] input").check()
    await dialog.get_by_role("button", name="Resize").click()
    await expect(page.locator("[data-sonner-toast]")).to_contain_text("and restarts")
    await expect_status(page, "running")
    await expect(page.locator(".pq-purse")).to_contain_text("1 of 3")


async def test_a_schedule_is_added_switched_off_and_removed(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "worker")
    await expect_status(page, "running")
    await more(page, "Settings")
    dialog = page.get_by_role("dialog", name="Settings of")
    await dialog.get_by_label("Time zone").fill("Mars/Olympus")
    await dialog.get_by_role("button", name="Add").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Give a time zone such as")
    await dialog.get_by_label("Time zone").fill("Europe/Madrid")
    await dialog.get_by_role("button", name="Add").click()
    line = dialog.get_by_role("listitem")
    await expect(line).to_contain_text(re.compile("Start Mon–Fri at 08:00, Europe/Madrid.*next in"))
    await line.get_by_role("button", name="Switch off").click()
    await expect(line).to_contain_text("(off)")
    await line.get_by_role("button", name="Remove").click()
    await expect(line).to_have_count(0)


async def test_an_end_is_told_and_put_off_with_one_click(server: Served, page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "brief")
    await expect_status(page, "running")
    with closing(sqlite3.connect(server.home / "pequeroku.sqlite3", timeout=10)) as database, database:
        database.execute(
            "insert into container_type (container_type_name, memory_mb, vcpus, disk_gib, credits_cost, private,"
            " idle_stop_min, lifetime_h) values ('brief-type', 512, 1, 4, 1, 1, 0, 48)"
        )
        database.execute(
            "update container set container_type_id = (select max(id) from container_type), expiry_warned_at ="
            " datetime('now'), expires_at = datetime('now', '+5 hours', '+59 seconds') where name = 'brief'"
        )
    await page.reload()
    told = page.locator(".pq-prospect")
    await expect(told).to_contain_text("It is deleted with its disk in 5 h")
    await assert_accessible(page, "expiry")
    await told.get_by_role("button", name="Keep it for another 2 days").click()
    await expect(told).to_contain_text("in 2 days")
    await page.goto("/")
    await expect(card(page, "brief")).to_contain_text("expires in 2 days")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_the_settings_are_for_everybody(new_context: NewContext, person: Person, scheme: str, width: int) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 844}, "reduced_motion": "reduce"}
    page = await (await new_context(**options)).new_page()
    await arrive(page, person)
    await page.locator("#new-container").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await picture(page, f"new-{scheme}-{width}")
    await page.keyboard.press("Escape")
    await create(page, "seen")
    await expect_status(page, "running")
    await more(page, "Settings")
    dialog = page.get_by_role("dialog", name="Settings of")
    await dialog.get_by_role("button", name="Add").click()
    await expect(dialog.get_by_role("listitem")).to_have_count(1)
    await assert_accessible(page, "settings")
    widths = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1]
    await picture(page, f"settings-{scheme}-{width}")
    await dialog.get_by_role("button", name="Close").scroll_into_view_if_needed()
    await picture(page, f"settings-end-{scheme}-{width}")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Stop seen").click()
    await expect(page.get_by_role("heading", name="It is stopped")).to_be_visible()
    await picture(page, f"stopped-{scheme}-{width}")
    await page.goto("/")
    await expect_status(card(page, "seen"), "stopped")
    await picture(page, f"card-{scheme}-{width}")
