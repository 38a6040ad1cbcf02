"""What people do, for the tests."""

import os
import re
from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, expect

from tests.e2e.conftest import Person


async def sign_in(page: Page, who: Person, *, password: str = "", at: str = "/login") -> None:
    """Fill in the form and send it."""
    await page.goto(at)
    await page.get_by_label("User name").fill(who.name)
    await page.get_by_label("Password").fill(password or who.password)
    await page.get_by_role("button", name="Sign in").click()


async def arrive(page: Page, who: Person) -> None:
    """Sign in, and wait for the dashboard to have been filled."""
    await sign_in(page, who)
    await expect(page.get_by_role("heading", name="Containers", exact=True)).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


async def create(page: Page, name: str, *, kind: str = "small") -> None:
    """Make a container through the dialog; ends on its page."""
    await page.locator("#new-container").click()
    await page.locator(f"[data-type={kind}] input").check()
    await page.get_by_label("Name").fill(name)
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page).to_have_url(re.compile(r"/containers/\d+$"))


def card(page: Page, name: str) -> Locator:
    """A container's card on the dashboard."""
    return page.locator(f"[data-container='{name}']")


async def expect_status(place: Page | Locator, status: str) -> None:
    """Wait until a card, or a container's page, shows this status."""
    await expect(place.locator(f".pq-status[data-status={status}]")).to_be_visible()


async def record_statuses(page: Page) -> None:
    """From now on the page keeps every status it shows, in `statuses`: some pass sooner than one can look."""
    await page.evaluate(
        """() => {
            window.statuses = [];
            const note = () => statuses.push(document.querySelector(".pq-status")?.dataset.status);
            new MutationObserver(note).observe(document.body, { subtree: true, attributeFilter: ["data-status"] });
        }"""
    )


async def picture(page: Page, name: str) -> None:
    """Keep a picture for people to look at, when they ask for it (SHOTS names a folder)."""
    if folder := os.environ.get("SHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def pictures(page: Page, name: str) -> None:
    """The same, wide and narrow, light and dark."""
    if not os.environ.get("SHOTS"):
        return
    for width in (390, 1280):
        await page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("dark", "light"):
            await page.emulate_media(color_scheme=scheme)
            await picture(page, f"{name}-{width}-{scheme}")


async def assert_accessible(page: Page, where: str) -> None:
    """Let axe look at the page, once nothing fades in any more: nothing serious."""
    await page.evaluate(
        """() => Promise.allSettled(
            document.getAnimations().filter(each => isFinite(each.effect.getComputedTiming().endTime))
                .map(each => each.finished)
        )"""
    )
    found = (await Axe().run(page)).response["violations"]
    grave = [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert not grave, f"{where}: {grave}"


async def more(page: Page, item: str) -> None:
    """Choose from the menu of a container's page."""
    await page.get_by_role("button", name=re.compile("^More for ")).click()
    await page.get_by_role("menuitem", name=item, exact=True).click()
