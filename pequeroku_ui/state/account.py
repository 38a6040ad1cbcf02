"""The account page: who I am, my password, and where I am signed in."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend.errors import BadCredentials, Invalid, PequerokuError
from backend.services import identity
from backend.services.views import SessionView
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.devices import device_words, is_hand_held


@dataclass(frozen=True)
class SessionRow:
    """A signed-in browser, in words."""

    id: int
    device: str
    is_hand_held: bool
    is_current: bool
    ip: str
    last_seen_at: str
    created_at: str


class AccountState(AppState):
    """The person's own affairs."""

    sessions: list[SessionRow] = []
    problem: str = ""
    forms: int = 0
    """Counts up when the password form has done its work, so that it is drawn anew and empty."""

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        self.problem = ""
        with self._loading():
            await self._enter("")
            await self._list()

    @rx.event
    async def change_password(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Change it; the other sessions end. Or say by the form why not."""
        try:
            await self._change(*(str(form.get(field, "")) for field in ("old", "new", "again")))
        except BadCredentials:
            self.problem = "That is not your present password."
            return None
        except PequerokuError as refusal:
            self.problem = refusal.message
            return None
        self.problem, self.forms = "", self.forms + 1
        return rx.toast.success("Your password is changed. Your other sessions were signed out.")

    @rx.event
    async def revoke(self, session_id: int) -> rx.event.EventSpec:
        """Sign another browser out."""
        async with self._act() as (tx, actor):
            await identity.revoke_session(tx, actor, as_id(session_id))
        await self._list()
        return rx.toast.success("That browser is signed out.")

    async def _change(self, old: str, new: str, again: str) -> None:
        if new != again:
            raise Invalid("The two new passwords differ.", field="again")
        async with self._act() as (tx, actor):
            await identity.change_password(tx, actor, old, new)
        await self._list()

    async def _list(self) -> None:
        async with self._look() as (tx, actor):
            self.sessions = [_session_row(each) for each in await identity.list_sessions(tx, actor)]


def _session_row(view: SessionView) -> SessionRow:
    return SessionRow(
        id=view.id,
        device=device_words(view.user_agent),
        is_hand_held=is_hand_held(view.user_agent),
        is_current=view.current,
        ip=view.ip,
        last_seen_at=view.last_seen_at.isoformat(),
        created_at=view.created_at.isoformat(),
    )
