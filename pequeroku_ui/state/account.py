"""The account's first section: who I am."""

from typing import Any

import reflex as rx

from backend.errors import PequerokuError
from backend.services import users
from backend.services.users import UserView
from pequeroku_ui.state.base import AppState


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
            await self._read()

    @rx.event
    async def save(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Keep what was typed, or say by the form why not."""
        self.problem = await self._save(str(form.get("display_name", "")), str(form.get("email", "")))
        return None if self.problem else rx.toast.success("Your profile is saved.")

    async def _read(self) -> None:
        async with self._look() as (tx, actor):
            self._show(await users.my_profile(tx, actor))

    async def _save(self, display_name: str, email: str) -> str:
        try:
            async with self._act() as (tx, actor):
                self._show(await users.update_profile(tx, actor, display_name=display_name, email=email))
        except PequerokuError as refusal:
            return refusal.message
        return ""

    def _show(self, view: UserView) -> None:
        self.display_name, self.email, self.since = view.display_name, view.email, view.created_at.isoformat()
