"""The account's webhooks: where notifications are sent too, and what became of each."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend.db import reading
from backend.errors import NotFound
from backend.rules.notices import DELIVERED, WORDS, Notice
from backend.rules.policy import Actor
from backend.services import webhooks
from backend.services.webhooks import DeliveryView, WebhookView
from pequeroku_ui import guard
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.watching import WEBHOOKS
from pequeroku_ui.state.wording import count, moment

_KIND = "kind:"
KINDS = [(f"{_KIND}{kind.value}", WORDS[kind]) for kind in DELIVERED]
"""Names of the form's boxes, and their words."""
_STATES = {"waiting": ("warn", "Waiting"), "delivered": ("good", "Delivered"), "failed": ("bad", "Failed")}


@dataclass(frozen=True)
class WebhookRow:
    """A webhook, in words."""

    id: int
    url: str
    kinds: str
    active: bool


@dataclass(frozen=True)
class DeliveryRow:
    """A message that was sent, or waits."""

    id: int
    title: str
    tone: str
    state: str
    tries: str
    outcome: str
    at: str


class WebhooksState(AppState):
    """The list, the form, and one webhook's log."""

    rows: list[WebhookRow] = []
    log: list[DeliveryRow] = []
    shown_id: int = 0
    """Whose log is shown."""
    is_editing: bool = False
    edited_id: int = 0
    edited_url: str = ""
    edited_kinds: list[str] = []
    problem: str = ""
    secret: str = ""
    """Of the one just made: shown until the dialog is closed."""
    doomed_id: int = 0
    doomed_url: str = ""

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed; `?id=` says whose log to show."""
        self.is_editing, self.secret, self.doomed_id, self.log = False, "", 0, []
        self.shown_id = as_id(self.router.url.query_parameters.get("id", ""))
        with self._loading():
            await self._enter(WEBHOOKS)
            await self._list()

    @rx.event
    async def edit(self, webhook_id: int) -> None:
        """Open the form; 0 for a new one."""
        async with self._look() as (tx, actor):
            mine = {each.id: each for each in await webhooks.list_webhooks(tx, actor)}
        self._open_form(mine.get(as_id(webhook_id)))

    @rx.event
    async def close_form(self, is_open: bool) -> None:
        """The form was closed (or opened)."""
        self.is_editing, self.problem = bool(is_open), ""

    @rx.event
    async def save(self, form: dict[str, Any]) -> None:
        """Make or change one, or say in the form why not."""
        chosen = [name.removeprefix(_KIND) for name, _ in KINDS if form.get(name)]
        kinds = [] if len(chosen) == len(KINDS) else chosen
        with self._refusable():
            await self._save(str(form.get("url", "")), kinds)
            self.is_editing = False
            await self._list()

    @rx.event
    async def switch(self, webhook_id: int, is_on: bool) -> None:
        """Switch one on or off."""
        async with self._act() as (tx, actor):
            await webhooks.update_webhook(tx, actor, as_id(webhook_id), active=bool(is_on))
        await self._list()

    @rx.event
    async def rotate(self, webhook_id: int) -> None:
        """Give one a new secret, and show it."""
        async with self._act() as (tx, actor):
            self.secret = await webhooks.rotate_secret(tx, actor, as_id(webhook_id))

    @rx.event
    async def forget_secret(self, is_open: bool) -> None:
        """The dialog with the secret was closed."""
        self.secret = self.secret if is_open else ""

    @rx.event
    async def test(self, webhook_id: int) -> rx.event.EventSpec:
        """Send a test, and show the log, where it appears."""
        async with self._act() as (tx, actor):
            await webhooks.test_webhook(tx, actor, as_id(webhook_id))
        await self._show_log(as_id(webhook_id))
        return rx.toast.info("A test is on its way. What becomes of it stands in the log.")

    @rx.event
    async def show_log(self, webhook_id: int) -> None:
        """Show one's log; 0 for none."""
        await self._show_log(as_id(webhook_id))

    @rx.event
    async def send_again(self, delivery_id: int) -> None:
        """Send a message again, now."""
        async with self._act() as (tx, actor):
            await webhooks.resend(tx, actor, as_id(delivery_id))
        await self._show_log(self.shown_id)

    @rx.event
    async def ask_delete(self, webhook_id: int) -> None:
        """Ask first; 0 takes the question back."""
        self.doomed_id = as_id(webhook_id)
        self.doomed_url = next((each.url for each in self.rows if each.id == self.doomed_id), "")

    @rx.event
    async def delete(self) -> rx.event.EventSpec:
        """Delete the one that was asked about."""
        doomed_id, self.doomed_id = self.doomed_id, 0
        async with self._act() as (tx, actor):
            await webhooks.delete_webhook(tx, actor, doomed_id)
        await self._list()
        return rx.toast.success("The webhook is deleted.")

    async def _save(self, url: str, kinds: list[str]) -> None:
        async with self._act() as (tx, actor):
            if self.edited_id:
                await webhooks.update_webhook(tx, actor, self.edited_id, url=url, kinds=kinds)
            else:
                _, self.secret = await webhooks.create_webhook(tx, actor, url, kinds)

    def _open_form(self, view: WebhookView | None) -> None:
        self.edited_id, self.edited_url = (view.id, view.url) if view else (0, "")
        wanted = view.kinds if view and view.kinds else [kind.value for kind in DELIVERED]
        self.edited_kinds = [f"{_KIND}{each}" for each in wanted]
        self.is_editing, self.problem = True, ""

    async def _list(self) -> None:
        async with self._look() as (tx, actor):
            self.rows = [_row(each) for each in await webhooks.list_webhooks(tx, actor)]
        await self._show_log(self.shown_id)

    async def _show_log(self, webhook_id: int) -> None:
        self.shown_id = webhook_id if any(each.id == webhook_id for each in self.rows) else 0
        self.log = await log_of(guard.actor(), self.shown_id)


async def log_of(actor: Actor, webhook_id: int) -> list[DeliveryRow]:
    """A webhook's log; empty where it is gone."""
    if not webhook_id:
        return []
    try:
        async with reading() as tx:
            return [_delivery(each) for each in await webhooks.list_deliveries(tx, actor, webhook_id)]
    except NotFound:
        return []


def _row(view: WebhookView) -> WebhookRow:
    words = ", ".join(WORDS[Notice(each)] for each in view.kinds) if view.kinds else "Everything"
    return WebhookRow(view.id, view.url, words, view.active)


def _delivery(view: DeliveryView) -> DeliveryRow:
    tone, word = _STATES[view.state]
    tries = count(view.tries, "try", "tries") if view.tries else "not tried yet"
    return DeliveryRow(
        view.id, view.title, tone, word, tries, view.outcome, moment(view.finished_at or view.created_at)
    )
