"""The templates page: everybody's and mine, and a dialog to begin one."""

from typing import Any

import reflex as rx

from backend.errors import PequerokuError
from backend.rules.templates import File
from backend.services import templates
from pequeroku_ui.state.base import AppState
from pequeroku_ui.state.template_rows import TemplateRow, template_row

_FIRST_FILE = File("README.md", "# What this is\n")


class TemplatesState(AppState):
    """The list, and what is being asked about it."""

    cards: list[TemplateRow] = []
    words: str = ""
    is_making: bool = False
    problem: str = ""
    """Why the last try to make a template was refused."""

    @rx.event
    async def load(self) -> None:
        """The page was opened, or somebody pressed “Try again”."""
        self.is_making, self.words = False, ""
        with self._loading():
            await self._enter("")
            await self._list()

    @rx.event
    async def search(self, words: str) -> None:
        """Show only templates that have these words."""
        self.words = str(words)[:200]
        await self._list()

    @rx.event
    async def show_maker(self, is_open: bool) -> None:
        """Open or close the dialog."""
        self.problem, self.is_making = "", bool(is_open)

    @rx.event
    async def make(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Make a template with a first file and go to its page, or say in the dialog why not."""
        try:
            slug = await self._make(form)
        except PequerokuError as refusal:
            self.problem = refusal.message
            return None
        self.is_making = False
        return rx.redirect(f"/templates/{slug}")

    async def _make(self, form: dict[str, Any]) -> str:
        async with self._act() as (tx, actor):
            return await templates.create_template(
                tx,
                actor,
                name=str(form.get("name", "")),
                description=str(form.get("description", "")),
                files=[_FIRST_FILE],
                for_everybody=bool(form.get("for_everybody")),
                public=False,
            )

    async def _list(self) -> None:
        async with self._look() as (tx, actor):
            found = await templates.list_templates(tx, actor, search=self.words)
            self.cards = [template_row(each, user_id=actor.user_id) for each in found]
