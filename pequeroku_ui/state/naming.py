"""Giving a container another name, and making a copy of one: two dialogs, about the container that they open for."""

from typing import Any

import reflex as rx

from backend.services import containers, duplicating, naming
from pequeroku_ui.state.base import AppState, as_id, words_of


class NamingState(AppState):
    """One of the two is open at most."""

    is_renaming: bool = False
    is_copying: bool = False
    named_id: int = 0
    named: str = ""
    runs: bool = False
    name_problem: str = ""

    @rx.event
    async def ask_name(self, container_id: int) -> None:
        """Open the dialog that renames it."""
        await self._take(as_id(container_id))
        self.is_renaming = True

    @rx.event
    async def ask_copy(self, container_id: int) -> None:
        """Open the dialog that copies it."""
        await self._take(as_id(container_id))
        self.is_copying = True

    @rx.event
    async def close(self, is_open: bool) -> None:
        """The dialog was closed (or opened)."""
        if not is_open:
            self.is_renaming = self.is_copying = False

    @rx.event
    async def rename(self, form: dict[str, Any]) -> None:
        """Give it the name; or say by the form why not."""
        with self._refusable("name_problem"):
            async with self._act() as (tx, actor):
                await naming.rename(tx, actor, self.named_id, **words_of(form, "name"))
            self.is_renaming = False

    @rx.event
    async def copy(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Have the copy made, and go to its page; or say by the form why not."""
        with self._refusable("name_problem"):
            async with self._act() as (tx, actor):
                made = await duplicating.duplicate(
                    tx, actor, self.named_id, starts=bool(form.get("starts")), **words_of(form, "name")
                )
            self.is_copying = False
            return rx.redirect(f"/containers/{made.id}")
        return None

    async def _take(self, container_id: int) -> None:
        async with self._look() as (tx, actor):
            view = await containers.get(tx, actor, container_id)
        self.named_id, self.named, self.runs = view.id, view.name, view.desired_state == "running"
        self.name_problem = ""
