"""Choosing a new password, before anything else can be done."""

from collections.abc import Mapping
from typing import Any

import reflex as rx

from backend.errors import Invalid
from backend.services import identity
from pequeroku_ui import guard
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state.base import AppState, words_of


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
        with self._refusable():
            async with self._act() as (tx, actor):
                await identity.change_password(tx, actor, *passwords_of(form))
            return rx.redirect("/", replace=True)
        return None


def passwords_of(form: Mapping[str, Any]) -> tuple[str, str]:
    """The present password and the new one, as they were typed.

    Raises:
        Invalid: the new one is not the same both times.
    """
    old, new, again = words_of(form, "old", "new", "again").values()
    if new != again:
        raise Invalid("The two new passwords differ.", field="again")
    return old, new
