"""Events of the tips as they are written; the newest ones follow the bus while the page is open."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from backend.events.durable import TYPES
from backend.services import stream
from backend.services.stream import EventView
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.watching import ADMIN_STREAM
from pequeroku_ui.state.wording import moment

HOME = "/admin/tips/events"
_PAGE = 50


@dataclass(frozen=True)
class EventRow:
    """One event; `mirrored` says whether NATS has it, where it is to."""

    key: str
    at: str
    words: str
    user: str
    mirrored: str


class AdminStreamState(AppState):
    """A page of events, newest first, and the one that is opened."""

    rows: list[EventRow] = []
    type: str = ""
    user: str = ""
    before: int = 0
    has_more: bool = False
    counted: str = ""
    opened: str = ""
    content: str = ""

    @rx.event
    @access(Access.ADMIN)
    async def load(self) -> None:
        """The page was opened, or another view of it."""
        query = self.router.url.query_parameters
        kind = query.get("type", "")
        self.type, self.user = kind if kind in TYPES else "", query.get("user", "")[:64]
        self.before, self.opened, self.content = max(0, as_id(query.get("before", "0"))), "", ""
        with self._loading():
            await self._enter(ADMIN_STREAM)
            async with self._look() as (tx, actor):
                found = await stream.list_events(tx, actor, **self._asked())
                self._show(found, await stream.waiting_for_nats(tx))

    @rx.event
    @access(Access.ADMIN)
    async def find(self, form: dict[str, Any]) -> rx.event.EventSpec:
        """Show only some of them."""
        return rx.redirect(_place(str(form.get("type", ""))[:64], str(form.get("user", ""))[:64]))

    @rx.event
    @access(Access.ADMIN)
    async def older(self) -> rx.event.EventSpec:
        """The page before."""
        return rx.redirect(_place(self.type, self.user, self.rows[-1].key if self.rows else ""))

    @rx.event
    @access(Access.ADMIN)
    async def open(self, key: str) -> None:
        """Show all that one event says; of the open one, nothing any more."""
        event_id = as_id(key)
        async with self._look() as (tx, actor):
            found = await stream.list_events(tx, actor, before_id=event_id + 1, limit=1)
        is_it = bool(found) and found[0].id == event_id and key != self.opened
        self.opened = key if is_it else ""
        self.content = json.dumps(found[0].content, indent=2, ensure_ascii=False) if is_it else ""

    def _asked(self) -> dict[str, Any]:
        return {"kind": self.type, "username": self.user, "before_id": self.before or None, "limit": _PAGE + 1}

    def _show(self, found: list[EventView], waiting: int | None) -> None:
        rows = [_row(each, waiting is not None) for each in found[:_PAGE]]
        if rows != self.rows:
            self.rows = rows
        self.has_more = len(found) > _PAGE
        self.counted = (
            _NOT_MIRRORED if waiting is None else f"{waiting:,} wait for NATS." if waiting else "NATS has all."
        )


def words_for(kind: str) -> str:
    """What an event of that type says, for people; a type from a later version as it is."""
    return _WORDS.get(kind, kind)


_WORDS = {
    "signal_observed": "Signal read",
    "consent_changed": "Consent given or withdrawn",
    "tip_candidates_made": "Candidates made",
    "tip_decided": "Tip chosen",
    "tip_shown": "Tip shown",
    "tip_activated": "Tip seen for a second",
    "tip_reacted": "Tip answered",
    "reward_settled": "Reward settled",
    "tip_action_taken": "Action taken or undone",
    "account_connected": "Account connected",
    "account_revoked": "Account revoked",
    "user_forgotten": "Person forgotten",
}
_NOT_MIRRORED = "They are not mirrored: NATS_URL is empty."


def _place(kind: str, user: str, before: str = "") -> str:
    query = {"type": kind, "user": user, "before": before}
    kept = urlencode({name: value for name, value in query.items() if value}, errors="replace")
    return HOME + (f"?{kept}" if kept else "")


def _row(view: EventView, is_mirrored: bool) -> EventRow:
    mirrored = "yes" if view.mirrored_at else "waits" if is_mirrored else "–"
    return EventRow(str(view.id), moment(view.at), words_for(view.type), view.username or "–", mirrored)
