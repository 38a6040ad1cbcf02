"""What a container used, in the browser: charts that follow it, gaps, a table, and its last start."""

import re
import sqlite3
import time
from contextlib import closing

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, create, expect_status, picture

pytestmark = pytest.mark.browser
_CHARTS = ("CPU", "Memory", "Disk", "Network")


def _was_used(server: Served, container_id: int) -> None:
    """An hour of figures, with twenty minutes in which the machine was off."""
    begin = int(time.time()) // 10 * 10 - 3500
    rows = [
        (container_id, 10, at, 10.0, 30 + (at // 10) % 40, 400.0, 1024.0, 5e4, 2e5, 2e9, 3e3, 9e3)
        for at in range(begin, begin + 3000, 10)
        if not 900 <= at - begin < 2100
    ]
    with closing(sqlite3.connect(server.home / "pequeroku.sqlite3", timeout=20)) as database:
        database.executemany(f"INSERT OR IGNORE INTO usage_point VALUES ({','.join('?' * 12)})", rows)
        database.commit()


async def test_a_new_container_shows_live_figures_and_its_last_start(page: Page, person: Person) -> None:
    await arrive(page, person)
    await create(page, "watched")
    await expect_status(page, "running")
    await page.get_by_role("button", name="Metrics").click()
    for title in _CHARTS:
        await expect(page.get_by_role("region", name=title, exact=True)).to_be_visible()
    await expect(page.get_by_role("region", name="CPU", exact=True)).to_contain_text("0\u00a0%")
    start = page.get_by_role("region", name="The last start")
    await expect(start).to_contain_text("Placed on a node")
    await expect(start).to_contain_text(re.compile(r"\d s in all"))
    await page.get_by_role("button", name="Workspace").click()
    await expect(page.get_by_role("region", name="CPU", exact=True)).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_it_used_is_drawn_with_its_gap_and_told_as_a_table(
    server: Served, new_context: NewContext, person: Person, scheme: str
) -> None:
    page = await (await new_context(color_scheme=scheme)).new_page()
    await arrive(page, person)
    await create(page, "used")
    await expect_status(page, "running")
    _was_used(server, int(page.url.rpartition("/")[2]))
    await page.get_by_role("button", name="Metrics").click()
    cpu = page.get_by_role("region", name="CPU", exact=True)
    await expect(cpu.locator(".pq-plot")).to_have_attribute("aria-label", re.compile("on average"))
    line = cpu.locator(".recharts-area-curve").first
    await expect(line).to_have_attribute("d", re.compile("M.*M"))
    await page.get_by_text("The same as a table").click()
    await expect(page.get_by_role("row")).not_to_have_count(0)
    await assert_accessible(page, f"the metrics in {scheme}")
    await picture(page, f"metrics-{scheme}")
    await page.locator(".pq-metrics").evaluate("each => each.scrollTo(0, 0)")
    await picture(page, f"metrics-top-{scheme}")
    await page.get_by_role("button", name="Week").click()
    await expect(page.get_by_role("button", name="Week")).to_have_attribute("aria-pressed", "true")
    await expect(cpu).to_be_visible()
    await page.set_viewport_size({"width": 375, "height": 740})
    await page.wait_for_function("document.querySelector('.pq-metrics .pq-plot svg').clientWidth < 375")
    await picture(page, f"metrics-phone-{scheme}")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate("document.querySelector('.pq-metrics').scrollWidth <= innerWidth")
