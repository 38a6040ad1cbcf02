"""Doing something to rows: asked first where it matters, and told afterwards, in a sentence."""

from typing import Any

import reflex as rx

from backend.errors import PequerokuError
from backend.services.admin import rows
from backend.services.admin.screen import Act, Screen
from backend.services.admin.screens import screen_at
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state import admin_words as words
from pequeroku_ui.state.admin import AdminListState, parts_of
from pequeroku_ui.state.admin_form import AdminFormState
from pequeroku_ui.state.base import AppState


class AdminActState(AppState):
    """The question before, and what came of it."""

    is_asking: bool = False
    heading: str = ""
    question: str = ""
    button: str = ""
    is_grave: bool = False
    fields: list[words.FormField] = []
    problem: str = ""
    outcome: str = ""
    outcome_tone: str = "good"

    _chosen_act: str = ""
    _keys: list[str] = []

    @rx.event
    @access(Access.ADMIN)
    async def forget(self) -> None:
        """Another page was opened, or what was said has been read."""
        self.outcome, self.is_asking, self.problem = "", False, ""

    @rx.event
    @access(Access.ADMIN)
    async def ask(self, name: str) -> rx.event.EventSpec | None:
        """A button was pressed: ask, or do it where there is nothing to ask."""
        path, row_key = parts_of(self.router.url.path)
        self._chosen_act, self._keys = str(name), [row_key] if row_key else list(await self._chosen())
        return await self._begin(screen_at(path), is_bulk=not row_key)

    @rx.event
    @access(Access.ADMIN)
    async def close(self, is_open: bool) -> None:
        """The question was closed without an answer."""
        self.is_asking = bool(is_open)

    @rx.event
    @access(Access.ADMIN)
    async def answer(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Do it."""
        path, row_key = parts_of(self.router.url.path)
        return await self._do(screen_at(path), dict(form), is_bulk=not row_key)

    async def _chosen(self) -> list[str]:
        return (await self.get_state(AdminListState)).selected

    async def _begin(self, screen: Screen, *, is_bulk: bool) -> rx.event.EventSpec | None:
        act = _act_of(screen, self._chosen_act)
        if act is None or not self._keys:
            return rx.toast.error("Choose at least one row first.")
        self.problem, self.outcome = "", ""
        if not is_bulk and not act.question and not act.fields:
            return await self._do(screen, {}, is_bulk=False)
        what = screen.counted(len(self._keys)) if is_bulk else f"this {screen.one}"
        self.heading, self.button = f"{act.label}: {what}", act.label
        self.question, self.is_grave = act.question, act.is_grave
        self.fields = await self._fields_of(screen, act)
        self.is_asking = True
        return None

    async def _fields_of(self, screen: Screen, act: Act) -> list[words.FormField]:
        async with self._look() as (tx, actor):
            fields = await rows.act_fields(tx, actor, screen.path, act.name)
        return words.form_fields(fields, {})

    async def _do(self, screen: Screen, form: dict[str, Any], *, is_bulk: bool) -> rx.event.EventSpec | None:
        act = _act_of(screen, self._chosen_act)
        if act is None:
            return None
        groups = [self._keys] if act.together else [[key] for key in self._keys]
        said: list[str] = []
        refused: list[str] = []
        for keys in groups:
            try:
                async with self._act() as (tx, actor):
                    said.append(await rows.act_on(tx, actor, screen.path, act.name, keys, form))
            except PequerokuError as refusal:
                refused.append(refusal.message)
        if refused and not said and act.fields:
            self.problem = refused[0]
            return None
        self._tell(screen, act, said, refused)
        return AdminListState.refresh if is_bulk else AdminFormState.reopen

    def _tell(self, screen: Screen, act: Act, said: list[str], refused: list[str]) -> None:
        self.is_asking = False
        own = [each for each in said if each]
        sentences = own or ([f"{screen.counted(len(said))} {act.done}."] if said else [])
        if refused:
            why = "; ".join(dict.fromkeys(refused))
            sentences.append(f"{screen.counted(len(refused))} refused: {why}" if len(self._keys) > 1 else why)
        self.outcome, self.outcome_tone = " ".join(sentences), "bad" if refused else "good"


def _act_of(screen: Screen, name: str) -> Act | None:
    return next((each for each in screen.acts if each.name == name), None)
