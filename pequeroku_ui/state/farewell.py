"""The account's data: taking it along, and leaving."""

from typing import Any

import reflex as rx

from backend.services import farewell, users
from pequeroku_ui.guard import login_path
from pequeroku_ui.state.base import AppState


class FarewellState(AppState):
    """What is said before the account goes."""

    has_password: bool = True
    problem: str = ""

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        self.problem = ""
        with self._loading():
            await self._enter("")
            async with self._look() as (tx, actor):
                self.has_password = (await users.my_profile(tx, actor)).has_password

    @rx.event
    async def delete(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Delete the account; or say by the form why not."""
        with self._refusable():
            async with self._act() as (tx, actor):
                await farewell.delete_my_account(tx, actor, str(form.get("proof", "")))
            return rx.redirect(login_path(error="account-deleted"), replace=True)
        return None
