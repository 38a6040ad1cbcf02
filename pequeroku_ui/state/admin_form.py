"""One row's page: what it is, its form, and what happened to it."""

import json
from collections.abc import Mapping
from typing import Any

import reflex as rx

from backend.errors import NotFound, PequerokuError
from backend.rules.config_keys import AI_MODELS, OPENAI_API_KEY, OPENAI_API_URL, OPENAI_MODEL
from backend.rules.forms import Field, Kind
from backend.services.admin import rows
from backend.services.admin.rows import Form, Stale
from backend.services.admin.screens import screen_at
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state import admin_words as words
from pequeroku_ui.state.admin import parts_of
from pequeroku_ui.state.base import AppState

ADD = "add"
_CONFIG = "internal_config/config"
_PROVIDER_KEYS = frozenset(each.name for each in (OPENAI_API_KEY, OPENAI_API_URL, OPENAI_MODEL, AI_MODELS["assistant"]))


class AdminFormState(AppState):
    """A row, or a new one."""

    heading: str = ""
    list_title: str = ""
    list_href: str = ""
    is_new: bool = False
    is_missing: bool = False
    facts: list[words.Cell] = []
    fields: list[words.FormField] = []
    entries: list[words.Entry] = []
    entries_name: str = ""
    links: list[words.Link] = []
    history: list[words.Past] = []
    acts: list[words.ActButton] = []
    problems: dict[str, str] = {}
    problem: str = ""
    can_try: bool = False
    """There is a URI to be typed, which can be tried before it is saved."""
    can_try_provider: bool = False
    """It is about the provider of models, which can be tried as it is saved."""
    version: int = 0
    """Counts up when the form is filled anew; until then what was typed stays."""

    _opened: str = "{}"
    """As JSON: what Reflex keeps of a dict is no dict, and would not compare."""
    _made: tuple[Field, ...] = ()

    @rx.event
    @access(Access.ADMIN)
    async def load(self) -> None:
        """The page was opened."""
        self.is_missing, self.problems, self.problem = False, {}, ""
        self._has_read(False)
        with self._loading():
            await self._enter("")
            await self._open(*self._asked())

    @rx.event
    @access(Access.ADMIN)
    async def reopen(self) -> rx.event.EventSpec | None:
        """Something was done to the row: show what it is now. If it is gone, go back to the list."""
        await self._open(*self._asked())
        return rx.redirect(self.list_href) if self.is_missing else None

    @rx.event
    @access(Access.ADMIN)
    async def save(self, form: dict[str, Any]) -> list[rx.event.EventSpec]:
        """Save; or say at each field why not, with all that was typed still there."""
        path, row_key = self._asked()
        try:
            return await self._save(path, row_key, words.typed(self._made, form))
        except PequerokuError as refusal:
            return self._refuse(refusal)

    @rx.event
    @access(Access.ADMIN)
    async def check(self, name: str, value: str) -> None:
        """A field was left: say at once what is wrong with it."""
        problem = rows.wrong_with(*self._asked(), str(name), value)
        self.problems = {**{each: self.problems[each] for each in self.problems if each != name}} | (
            {str(name): problem} if problem else {}
        )

    @rx.event
    @access(Access.ADMIN)
    async def add_entry(self) -> None:
        """One more row in the field that holds rows."""
        for made in self._made:
            if made.kind is Kind.ITEMS:
                number = max((each.number for each in self.entries), default=-1) + 1
                self.entries = [*self.entries, words.entry(made, number, {"mode": "644", "order": number})]

    @rx.event
    @access(Access.ADMIN)
    async def drop_entry(self, number: int) -> None:
        """Take a row out of it."""
        self.entries = [each for each in self.entries if each.number != number]

    def _asked(self) -> tuple[str, str]:
        path, row_key = parts_of(self.router.url.path)
        return path, "" if row_key == ADD else row_key

    async def _open(self, path: str, row_key: str) -> None:
        try:
            async with self._look() as (tx, actor):
                form = await rows.read_row(tx, actor, path, row_key)
        except NotFound:
            self.is_missing = True
            return
        self._show(path, form)

    def _show(self, path: str, form: Form) -> None:
        screen = screen_at(path)
        self.is_new, self.list_title, self.list_href = form.row is None, screen.title, words.place_of(screen)
        self.heading = form.row.name if form.row else f"New {screen.one}"
        self.facts = words.facts(screen, form.row) if form.row else []
        self.links = words.links(screen, form.row) if form.row else []
        self.history, self.acts = words.history(form), words.act_buttons(form.acts)
        self._made, self.can_try = form.fields, any(each.name == "uri" for each in form.fields)
        self.can_try_provider = path == _CONFIG and form.row is not None and form.row.key in _PROVIDER_KEYS
        self._fill(form.fields, form.values)

    def _fill(self, fields: tuple[Field, ...], values: Mapping[str, Any]) -> None:
        self.fields = words.form_fields([each for each in fields if each.kind is not Kind.ITEMS], values)
        lists = [each for each in fields if each.kind is Kind.ITEMS]
        self.entries_name = lists[0].label if lists else ""
        self.entries = words.entries(lists[0], values[lists[0].name]) if lists else []
        self._opened, self.problems, self.problem = json.dumps(dict(values)), {}, ""
        self.version += 1

    async def _save(self, path: str, row_key: str, typed: dict[str, Any]) -> list[rx.event.EventSpec]:
        async with self._act() as (tx, actor):
            made = await rows.save_row(tx, actor, path, row_key, typed, opened=json.loads(self._opened))
        await self._open(path, row_key)
        said = rx.toast.success("Saved." if row_key else "Made.")
        return [said] if row_key else [rx.redirect(words.place_of(screen_at(path), made)), said]

    def _refuse(self, refusal: PequerokuError) -> list[rx.event.EventSpec]:
        """Saving again after somebody else's change is a decision: then it is compared with what that left."""
        if isinstance(refusal, Stale):
            self._opened = json.dumps(refusal.values)
        known = {each.name for each in self._made}
        told = rows.problems_of(refusal)
        self.problems = {name: said for name, said in told.items() if name in known}
        self.problem = refusal.message if not self.problems or len(told) > 1 else ""
        if isinstance(refusal, Stale):
            self.problem = f"{refusal.message} Save again to put yours in its place, or load the page again."
        return [rx.call_script("document.querySelector('[aria-invalid=true], #form-problem')?.focus()")]
