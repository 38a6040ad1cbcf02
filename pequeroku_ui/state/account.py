"""The account's first section: who I am."""

from typing import Any

import reflex as rx

from backend.services import users
from backend.services.users import UserView
from pequeroku_ui.state.base import AppState, words_of


class AccountState(AppState):
    """The person's own profile."""

    display_name: str = ""
    email: str = ""
    since: str = ""
    problem: str = ""

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        self.problem = ""
        with self._loading():
            await self._enter("")
            async with self._look() as (tx, actor):
                self._show(await users.my_profile(tx, actor))

    @rx.event
    async def save(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Keep what was typed, or say by the form why not."""
        with self._refusable():
            async with self._act() as (tx, actor):
                self._show(await users.update_profile(tx, actor, **words_of(form, "display_name", "email")))
            return rx.toast.success("Your profile is saved.")
        return None

    def _show(self, view: UserView) -> None:
        self.display_name, self.email, self.since = view.display_name, view.email, view.created_at.isoformat()
