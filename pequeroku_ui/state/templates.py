"""The templates page: everybody's and mine, and a dialog to begin one."""

from typing import Any

import reflex as rx

from backend.rules.templates import File
from backend.services import templates
from pequeroku_ui.state.base import AppState, words_of
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
        """The page was opened, or “Try again” pressed."""
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
        words, for_everybody = words_of(form, "name", "description"), bool(form.get("for_everybody"))
        with self._refusable():
            async with self._act() as (tx, actor):
                slug = await templates.create_template(
                    tx, actor, files=[_FIRST_FILE], for_everybody=for_everybody, public=False, **words
                )
            self.is_making = False
            return rx.redirect(f"/templates/{slug}")
        return None

    async def _list(self) -> None:
        async with self._look() as (tx, actor):
            found = await templates.list_templates(tx, actor, search=self.words)
            self.cards = [template_row(each, user_id=actor.user_id) for each in found]
