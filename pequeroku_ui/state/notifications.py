"""Tips by push: the browsers that get them, and when nobody is to be disturbed."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend.services import push
from backend.services.push import SubscriptionView
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.devices import device_words
from pequeroku_ui.state.privacy import ASK_ZONE
from pequeroku_ui.state.wording import count, moment


@dataclass(frozen=True)
class BrowserRow:
    """A browser that gets tips, in words. `digest`: of its endpoint, by which it knows itself."""

    id: int
    digest: str
    words: str
    host: str
    at: str
    fault: str
    fault_at: str


class NotificationsState(AppState):
    """The page of tips by push."""

    public_key: str = ""
    browsers: list[BrowserRow] = []
    known: list[dict[str, Any]] = []
    here: str = ""
    """The digest of the browser that shows this; empty: it gets none."""
    starts: str = ""
    ends: str = ""
    zone: str = "UTC"
    is_own: bool = False
    usual: str = ""
    """Which quiet hours hold, in words, for who chose none."""
    bound: str = ""
    problem: str = ""
    forms: int = 0
    """Counts up when the hours were read anew, so that their form is drawn with them."""

    _there: str = ""
    """The browser's time zone."""

    @rx.event
    async def load(self) -> rx.event.EventSpec:
        """The page was opened, or “Try again” pressed. Asks the browser what its clock goes by."""
        self.problem = ""
        with self._loading():
            await self._enter("")
            await self._read()
        return rx.call_script(ASK_ZONE, callback=NotificationsState.suppose)

    @rx.event
    async def suppose(self, time_zone: str) -> None:
        """What the browser says its time zone is: what the form begins with, for who chose no hours."""
        self._there = str(time_zone)[:64]
        if not self.is_own and self._there:
            self.zone = self._there
            self.forms += 1

    @rx.event
    async def note_here(self, digest: str) -> None:
        """The browser says which of the list it is. It is anybody's guess, and only marks a row."""
        self.here = str(digest)[:64]

    @rx.event
    async def renew(self) -> None:
        """It was turned on or off in this browser."""
        await self._read()

    @rx.event
    async def remove(self, browser_id: int) -> rx.event.EventSpec:
        """Send nothing to a browser any more."""
        async with self._act() as (tx, actor):
            await push.unsubscribe(tx, actor, as_id(browser_id))
        await self._read()
        return rx.toast.success("It gets no tips any more.")

    @rx.event
    async def set_quiet(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Choose the quiet hours; or say by the form why not."""
        starts, ends, zone = (str(form.get(each, ""))[:64].strip() for each in ("starts", "ends", "zone"))
        return await self._choose(f"{starts}-{ends}" if starts or ends else "", zone)

    @rx.event
    async def leave_quiet(self) -> rx.event.EventSpec | None:
        """As the installation says."""
        return await self._choose(None, "UTC")

    async def _choose(self, hours: str | None, zone: str) -> rx.event.EventSpec | None:
        with self._refusable():
            async with self._act() as (tx, actor):
                await push.set_quiet(tx, actor, hours, zone)
            await self._read()
            return rx.toast.success("Saved.")

    async def _read(self) -> None:
        async with self._look() as (tx, actor):
            view = await push.read_push(tx, actor)
        self.public_key = view.public_key
        self.browsers = [_row(each) for each in view.subscriptions]
        self.known = [{"id": each.id, "digest": each.digest} for each in view.subscriptions]
        self.starts, _, self.ends = view.quiet_hours.partition("-")
        self.is_own = view.is_own
        self.zone = view.zone if view.is_own else self._there or view.zone
        hours = f"{self.starts} to {self.ends}, {view.zone} time" if view.quiet_hours else "none"
        self.usual = f"You chose none. The installation's hold: {hours}."
        self.bound = _bound(view.a_day)
        self.forms += 1


def _bound(a_day: int) -> str:
    if not a_day:
        return "This installation sends no tips for now."
    most = count(a_day, "tip") + " at most in any 24 hours, each once, and none that a page has just shown you."
    return most + " Quiet hours are kept."


def _row(view: SubscriptionView) -> BrowserRow:
    words = device_words(view.user_agent)
    at, fault_at = moment(view.created_at), moment(view.last_fault_at)
    return BrowserRow(view.id, view.digest, words, view.host, at, view.last_fault, fault_at)
