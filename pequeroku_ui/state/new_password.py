"""Choosing a new password, before anything else can be done."""

from typing import Any

import reflex as rx

from backend.db import transaction
from backend.errors import Invalid, PequerokuError
from backend.services import identity
from pequeroku_ui import guard
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state.base import AppState


class NewPasswordState(AppState):
    """The one form that who was given a password may send."""

    problem: str = ""

    @rx.event
    @access(Access.NEW_PASSWORD)
    async def load(self) -> rx.event.EventSpec | None:
        """The page was opened. Who has nothing to change goes on."""
        self.problem, self.username = "", guard.actor().username
        return None if guard.actor().must_change_password else rx.redirect("/", replace=True)

    @rx.event
    @access(Access.NEW_PASSWORD)
    async def change(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Set it and go on, or say by the form why not."""
        self.problem = await self._change(*(str(form.get(each, "")) for each in ("old", "new", "again")))
        return None if self.problem else rx.redirect("/", replace=True)

    async def _change(self, old: str, new: str, again: str) -> str:
        try:
            if new != again:
                raise Invalid("The two new passwords differ.", field="again")
            async with transaction() as tx:
                await identity.change_password(tx, guard.actor(), old, new)
        except PequerokuError as refusal:
            return refusal.message
        return ""
