"""Tips that come by themselves, in a real browser: turned on, pushed, shown by the service worker, turned off again.

A browser in a test has no push service. What it subscribes to, and what it is delivered, stand in for that; the rest
is as it is for people.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from backend.db import transaction
from backend.rules.policy import SYSTEM
from backend.services.config import set_config
from tests import push_server as push
from tests.conftest import in_use
from tests.e2e import people, served
from tests.e2e.conftest import Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, pictures
from tests.push_server import PushServer
from tests.stores import eventually

pytestmark = pytest.mark.browser

_SUBSCRIBES = """
    const said = SAID;
    const made = {
        endpoint: said.endpoint,
        options: {},
        toJSON: () => ({ endpoint: said.endpoint, keys: { p256dh: said.p256dh, auth: said.auth } }),
        unsubscribe: async () => { localStorage.removeItem("subscribed"); return true; },
    };
    PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
        if (!userVisibleOnly || applicationServerKey.length !== 65) throw new Error("no browser would take that");
        localStorage.setItem("subscribed", "yes");
        return made;
    };
    PushManager.prototype.getSubscription = async () => (localStorage.getItem("subscribed") ? made : null);
"""
_DENIED = "Object.defineProperty(Notification, 'permission', { get: () => 'denied' })"
_NOTIFICATIONS = """async () => {
    const found = await (await navigator.serviceWorker.ready).getNotifications();
    return found.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
}"""
_CLICKED = """async () => {
    const [notification] = await self.registration.getNotifications();
    const opened = new Promise((resolve) => { self.clients.openWindow = async (path) => resolve(path); });
    self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
    return opened;
}"""
# Who asks for notifications while one is on its way makes Chromium forget it: it is in its books, not on the screen.
_NOTES_WHAT_IT_SHOWED = """() => {
    const show = ServiceWorkerRegistration.prototype.showNotification;
    ServiceWorkerRegistration.prototype.showNotification = async function (...said) {
        await show.apply(this, said);
        self.hasShown = true;
    };
}"""
_NOTES_ITS_END = """() => {
    const unsubscribe = async () => { self.hasEnded = true; return true; };
    PushManager.prototype.getSubscription = async () => ({ unsubscribe });
}"""


@pytest.fixture(scope="module")
async def service() -> AsyncGenerator[PushServer]:
    async with push.push_server("") as running:
        yield running


@pytest.fixture(scope="module")
async def home(service: PushServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Served]:
    """A server of our own, which sends to the push service of the tests."""
    if not Path(served.CHROMIUM).exists():  # noqa: ASYNC240 - once
        pytest.skip("chromium is not installed")
    served.build()
    folder = tmp_path_factory.mktemp("reaching")
    with served.serve(folder, served.memory_node(folder), users=4) as running:
        async with _database(running), transaction() as tx:
            await set_config(tx, SYSTEM, "push_to_private", "true")
            await set_config(tx, SYSTEM, "quiet_hours", "")
        yield running


def _database(home: Served) -> Any:
    return in_use(f"sqlite:///{home.home}/pequeroku.sqlite3")


def _two_days_pass(home: Served) -> None:
    """What pages showed is two days ago, and everybody's turn has come."""
    with closing(sqlite3.connect(home.home / "pequeroku.sqlite3", timeout=20)) as database, database:
        database.execute("update telling set at = datetime(at, '-2 days')")
        database.execute("update push_turn set next_at = datetime('now')")


async def _context(browser: Browser, home: Served, *, script: str, **options: Any) -> BrowserContext:
    made = await browser.new_context(base_url=home.url, reduced_motion="reduce", **options)
    await made.grant_permissions(["notifications"], origin=home.url)
    await made.add_init_script(script)
    return made


async def _notifications(context: BrowserContext, person: Person) -> Page:
    page = await context.new_page()
    await arrive(page, person)
    await page.goto("/me/notifications")
    await expect(page.get_by_role("heading", name="Tips in this browser")).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    return page


async def _expect_state(page: Page, state: str) -> None:
    await expect(page.locator(f".pq-push[data-state={state}]")).to_be_visible()


async def _deliver(page: Page, home: Served, message: dict[str, Any]) -> None:
    """Hand the service worker what the push service would, and wait until it has shown it."""
    worker = page.context.service_workers[0]
    await worker.evaluate(_NOTES_WHAT_IT_SHOWED)
    devtools = await page.context.new_cdp_session(page)
    registered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def note(event: dict[str, Any]) -> None:
        for each in event["registrations"]:
            if not registered.done() and not each["isDeleted"]:
                registered.set_result(each["registrationId"])

    devtools.on("ServiceWorker.workerRegistrationUpdated", note)
    await devtools.send("ServiceWorker.enable")
    said = {"origin": f"{home.url}/", "registrationId": await registered, "data": json.dumps(message)}
    await devtools.send("ServiceWorker.deliverPushMessage", said)

    async def has_shown() -> bool:
        return bool(await worker.evaluate("self.hasShown"))

    await eventually("the notification", has_shown)


async def _expect_sign_out_to_end_it(page: Page) -> None:
    worker = page.context.service_workers[0]
    await worker.evaluate(_NOTES_ITS_END)
    await page.goto("/")
    await page.get_by_role("button", name="Your account").click()
    await page.get_by_role("menuitem", name="Sign out").click()
    await expect(page.get_by_label("Password")).to_be_visible()

    async def has_ended() -> bool:
        return bool(await worker.evaluate("self.hasEnded"))

    await eventually("the browser's subscription to end", has_ended)


async def test_a_tip_comes_by_itself_and_leads_to_its_page(browser: Browser, home: Served, service: PushServer) -> None:
    phone, person = service.browser("phone"), Person(people.name_of(0))
    context = await _context(browser, home, script=_SUBSCRIBES.replace("SAID", json.dumps(phone.said)))
    page = await _notifications(context, person)
    service.public_key = (await (await context.request.get("/api/push/")).json())["public_key"]
    await _expect_state(page, "off")
    await assert_accessible(page, "notifications, off")
    await pictures(page, "notifications-off")
    await page.get_by_role("button", name="Turn on here").click()
    await _expect_state(page, "on")
    await expect(page.locator("[data-browser]")).to_contain_text("this browser")
    await assert_accessible(page, "notifications, on")
    await pictures(page, "notifications-on")
    await asyncio.to_thread(_two_days_pass, home)

    async def is_sent() -> bool:
        return bool(service.got)

    await eventually("the tip to be sent", is_sent, seconds=40)
    message = phone.read(service.got[0][2])
    await _deliver(page, home, message)

    async def shown() -> list[dict[str, Any]]:
        return await page.evaluate(_NOTIFICATIONS)

    assert await shown() == [{"title": "Tip", "body": message["body"], "tag": "tip", "data": "/tip"}]
    assert await context.service_workers[0].evaluate(_CLICKED) == "/tip"
    assert await shown() == []
    await page.goto("/tip")
    await expect(page.locator(".oo-sentence")).to_have_text(message["body"])
    await _expect_sign_out_to_end_it(page)
    await context.close()


async def test_quiet_hours_are_chosen_and_browsers_are_removed(
    browser: Browser, home: Served, service: PushServer
) -> None:
    desk = service.browser("desk")
    context = await _context(
        browser, home, script=_SUBSCRIBES.replace("SAID", json.dumps(desk.said)), timezone_id="Europe/Madrid"
    )
    page = await _notifications(context, Person(people.name_of(1)))
    await page.get_by_role("button", name="Turn on here").click()
    await _expect_state(page, "on")
    await expect(page.get_by_label("Time zone")).to_have_value("Europe/Madrid")
    await page.get_by_label("From").fill("21:30")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("Give a time")
    await page.get_by_label("From").fill("21:30")
    await page.get_by_label("Until").fill("07:15")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("You chose these.")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("From")).to_have_value("21:30")
    await expect(page.get_by_label("Until")).to_have_value("07:15")
    await expect(page.get_by_text("2 tips at most in any 24 hours")).to_be_visible()
    await _expect_state(page, "on")
    await pictures(page, "notifications-hours")
    await page.get_by_role("button", name="As the installation says").click()
    await expect(page.get_by_text("You chose none.")).to_be_visible()
    await page.get_by_role("button", name="Turn off here").click()
    await _expect_state(page, "off")
    await expect(page.locator("[data-browser]")).to_have_count(0)
    await page.get_by_role("button", name="Turn on here").click()
    await _expect_state(page, "on")
    await page.locator("[data-browser]").get_by_role("button").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Remove").click()
    await expect(page.locator("[data-browser]")).to_have_count(0)
    await _expect_state(page, "off")
    await context.close()


@pytest.mark.parametrize(
    ("script", "state", "words"),
    [
        ("delete window.PushManager", "none", "can't get notifications here"),
        (_DENIED, "denied", "set Notifications to Allow"),
    ],
)
async def test_a_browser_that_can_not_or_may_not_says_so(
    browser: Browser, home: Served, script: str, state: str, words: str
) -> None:
    context = await _context(browser, home, script=script)
    page = await _notifications(context, Person(people.name_of(2)))
    await _expect_state(page, state)
    await expect(page.locator(".pq-push")).to_contain_text(words)
    await expect(page.locator(".pq-push button")).to_have_count(0)
    await assert_accessible(page, f"notifications, {state}")
    await pictures(page, f"notifications-{state}")
    await context.close()


async def test_on_a_phone_every_page_of_the_account_can_be_reached(browser: Browser, home: Served) -> None:
    context = await _context(browser, home, script="", viewport={"width": 390, "height": 800})
    page = await _notifications(context, Person(people.name_of(3)))
    places = page.get_by_role("navigation", name="Account").get_by_role("link")
    assert await places.count() == 11
    for number in range(11):
        box = await places.nth(number).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    await context.close()
