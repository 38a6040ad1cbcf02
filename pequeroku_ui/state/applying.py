"""Putting a template into a container, from the container's page: choose, see what would change, do it."""

from collections.abc import Awaitable
from typing import Any

import reflex as rx

from backend.errors import Invalid
from backend.rules.templates import DEFAULT_DESTINATION, Mode
from backend.services import applying, templates
from backend.services.applying import Order, Preview
from pequeroku_ui import faults, guard
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.template_rows import LineRow, TemplateRow, lines, more, template_row


class ApplyState(AppState):
    """The dialog. The machine is asked in the background, for as long as it takes; one dialog is open at a time."""

    is_open: bool = False
    step: str = "choose"
    """Where it stands: choose, looking, preview, applying or done."""
    container_id: int = 0
    choices: list[TemplateRow] = []
    template_id: str = ""
    destination: str = DEFAULT_DESTINATION
    mode: str = Mode.MERGE
    where: str = ""
    lines: list[LineRow] = []
    more: str = ""
    summary: str = ""
    why_not: str = ""
    is_empty: bool = False
    problem: str = ""

    _order: Order | None = None
    _token: str = ""

    @rx.event
    async def open(self, container_id: int) -> None:
        """Open the dialog for a container."""
        self._begin(as_id(container_id))
        async with self._look() as (tx, actor):
            found = await templates.list_templates(tx, actor)
            self.choices = [template_row(each, user_id=actor.user_id) for each in found if each.items_count]
        self.template_id = next((str(each.id) for each in self.choices), "")

    @rx.event
    async def show(self, is_open: bool) -> None:
        """It was closed (or opened). What is under way goes on, and is told when it is done."""
        self.is_open = bool(is_open)

    @rx.event
    async def back(self) -> None:
        """Back from the preview to the choice."""
        self.step, self.problem = "choose", ""

    @rx.event(background=True)
    async def preview(self, form: dict[str, Any]) -> None:
        """Look into the machine: what would change?"""
        async with self:
            order = self._ordered(form)
        if order is not None:
            await self._see(order, applying.preview(guard.actor(), order), "preview")

    @rx.event(background=True)
    async def apply(self) -> Any:
        """Do what the preview showed."""
        async with self:
            order, token = self._order, self._token
            if order is None or self.step != "preview":
                return None
            self.step = "applying"
        done = await self._see(order, applying.apply(guard.actor(), order, token=token), "done")
        return rx.toast.success(f"The template is in {done.destination}.") if done else None

    async def _see(self, order: Order, work: Awaitable[Preview], then: str) -> Preview | None:
        """Wait for the machine, and show what it said unless the dialog is about something else by then."""
        found, problem = None, ""
        try:
            found = await work
        except Exception as fault:  # noqa: BLE001 - faults.py logs it, and the dialog shows what it says
            problem = faults.sentence_for(fault)
        async with self:
            if self._order == order:  # not another dialog, and not another person
                self._tell(found, problem, then)
        return found

    def _begin(self, container_id: int) -> None:
        self.container_id, self.is_open, self.step, self.problem, self._order = container_id, True, "choose", "", None
        self.destination, self.mode = DEFAULT_DESTINATION, Mode.MERGE.value

    def _ordered(self, form: dict[str, Any]) -> Order | None:
        """What was chosen, as an order; kept, so that it stands in the form again. None: it makes no sense."""
        self.template_id, self.mode = str(form.get("template", ""))[:20], str(form.get("mode", ""))[:20]
        self.destination = str(form.get("destination", ""))[:300]
        with self._refusable():
            order = Order(as_id(self.template_id), self.container_id, self.destination, _mode(self.mode))
            self._order, self.step = order, "looking"
            return order
        return None

    def _tell(self, found: Preview | None, problem: str, then: str) -> None:
        self.step, self.problem = then if found else "choose", problem
        if found is None:
            return
        self._token, self.where, self.why_not = found.token, found.destination, found.why_not
        self.lines, self.more, self.summary = lines(found.plan), more(found.plan), found.plan.summary()
        self.is_empty = found.plan.is_empty


def _mode(raw: str) -> Mode:
    if raw not in list(Mode):
        raise Invalid("Choose whether to merge or to clean.", field="mode")
    return Mode(raw)
