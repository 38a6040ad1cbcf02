"""One template's page: its files, and for who may, changing them."""

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any

import reflex as rx

from backend.errors import NotFound
from backend.rules import templates as rules
from backend.rules.templates import File
from backend.services import templates
from backend.services.templates import TemplateDetail
from pequeroku_ui import guard
from pequeroku_ui.state.base import AppState, words_of
from pequeroku_ui.state.template_rows import NOTHING, FileRow, TemplateRow, file_rows, template_row


class TemplateState(AppState):
    """What the page shows of its template. Of contents only the chosen file's is in the browser."""

    shown: TemplateRow = NOTHING
    files: list[FileRow] = []
    chosen: str = ""
    """The path of the file that is shown."""
    content: str = ""
    mode: str = ""
    is_missing: bool = False
    editing: str = ""
    """What the form is open for: "" (it is not), "file", "new" or "details"."""
    is_confirming: bool = False
    problem: str = ""

    _slug: str = ""
    _version: int = 0

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        slug = self._address_end()
        if slug != self._slug:
            self._reset_page(slug)
        with self._loading():
            await self._enter("")
            self._show(await self._find())

    @rx.event
    async def choose(self, path: str) -> None:
        """Show a file."""
        self.editing, self.problem, self.chosen = "", "", str(path)
        self._show(await self._find())

    @rx.event
    async def edit(self, what: str) -> None:
        """Open the form for the chosen file, a new one, or the details; or close it."""
        self.problem, self.editing = "", what if what in ("file", "new", "details") else ""

    @rx.event
    async def save_file(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Keep what was typed as the chosen file, or as a new one; or say in the form why not."""
        words = words_of(form, "path", "mode", "content")
        return await self._try(self._put(**words), f"“{words['path']}” is saved.")

    @rx.event
    async def save_details(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Keep name and description, and whether it is published; or say in the form why not."""
        words, public = words_of(form, "name", "description"), bool(form.get("public"))
        work = self._update(**words, public=public if self.shown.can_publish else None)
        return await self._try(work, "The details are saved.")

    @rx.event
    async def remove(self) -> rx.event.EventSpec | None:
        """Take the chosen file out of the template."""
        gone, found = self.chosen, await self._must_find()
        return await self._try(
            self._update(files=[each for each in found.files if each.path != gone]), f"“{gone}” is removed."
        )

    @rx.event
    async def move(self, up: bool) -> rx.event.EventSpec | None:
        """Move the chosen file up or down among the others."""
        found = await self._must_find()
        return await self._try(self._update(files=_moved(found.files, self.chosen, -1 if up else 1)), "")

    @rx.event
    async def copy(self) -> rx.event.EventSpec:
        """Make a template of my own that is the same, and go there."""
        found = await self._must_find()
        async with self._act() as (tx, actor):
            slug = await templates.create_template(
                tx, actor, name=found.view.name, description=found.view.description, files=found.files
            )
        return rx.redirect(f"/templates/{slug}")

    @rx.event
    async def confirm(self, is_open: bool) -> None:
        """Ask before it is deleted, or don't after all."""
        self.is_confirming = bool(is_open)

    @rx.event
    async def delete(self) -> list[rx.event.EventSpec]:
        """Delete the template and go back to the others."""
        self.is_confirming = False
        async with self._act() as (tx, actor):
            await templates.delete_template(tx, actor, self.shown.id)
        return [rx.redirect("/templates"), rx.toast.success(f"“{self.shown.name}” is deleted.")]

    def _reset_page(self, slug: str) -> None:
        self._slug, self._version, self.is_missing = slug, 0, False
        self.shown, self.files, self.chosen, self.content = NOTHING, [], "", ""
        self.editing, self.problem, self.is_confirming = "", "", False

    async def _put(self, path: str, mode: str, content: str) -> None:
        found, clear = await self._must_find(), rules.path(path)
        mode_bits = rules.mode(mode)
        if self.editing == "new":
            last = max((each.order for each in found.files), default=-1)
            files = [*found.files, File(clear, content, mode_bits, last + 1)]
        else:
            files = [
                replace(each, path=clear, content=content, mode=mode_bits) if each.path == self.chosen else each
                for each in found.files
            ]
        await self._update(files=files)
        self.chosen = clear

    async def _update(self, **changes: Any) -> None:
        async with self._act() as (tx, actor):
            await templates.update_template(tx, actor, self.shown.id, version=self._version, **changes)

    async def _try(self, work: Awaitable[None], said: str) -> rx.event.EventSpec | None:
        """Do it and show what there is now; a refusal is shown where the form is."""
        with self._refusable():
            await work
            self.editing = ""
            self._show(await self._find())
            return rx.toast.success(said) if said else None
        return None if self.editing else rx.toast.error(self.problem)

    async def _find(self) -> TemplateDetail | None:
        try:
            return await self._must_find()
        except NotFound:
            return None

    async def _must_find(self) -> TemplateDetail:
        async with self._look() as (tx, actor):
            return await templates.get_template(tx, actor, self._slug)

    def _show(self, found: TemplateDetail | None) -> None:
        self.is_missing = found is None
        if found is None:
            self.shown, self.files, self.content = NOTHING, [], ""
            return
        self._version = found.view.version
        self.shown = template_row(found.view, user_id=guard.actor().user_id)
        self.files = file_rows(found.files)
        current = next((each for each in found.files if each.path == self.chosen), None) or next(
            iter(found.files), None
        )
        self.chosen = current.path if current else ""
        self.content, self.mode = (current.content, f"{current.mode:o}") if current else ("", "")


def _moved(files: Sequence[File], path: str, by: int) -> list[File]:
    """The files in a new order, numbered anew."""
    paths = [each.path for each in files]
    ordered = list(files)
    if path in paths and 0 <= paths.index(path) + by < len(paths):
        at = paths.index(path)
        ordered[at], ordered[at + by] = ordered[at + by], ordered[at]
    return [replace(each, order=place) for place, each in enumerate(ordered)]
