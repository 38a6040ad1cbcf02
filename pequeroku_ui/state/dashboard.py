"""The dashboard: my containers, and a dialog to make one."""

from typing import Any

import reflex as rx

from backend.errors import PequerokuError
from backend.services import containers, quotas, usage
from backend.services.views import ContainerView
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.rows import Row, TypeRow, UsageRow, row, type_row, usage_row
from pequeroku_ui.state.watching import DASHBOARD


class DashboardState(AppState):
    """The list, and what is being asked about it."""

    rows: list[Row] = []
    usage: dict[str, UsageRow] = {}
    summary: str = ""

    is_making: bool = False
    types: list[TypeRow] = []
    first_type: str = ""
    problem: str = ""
    """Why the last try to make a container was refused."""

    @rx.event
    async def load(self) -> None:
        """The page was opened, or somebody pressed “Try again”."""
        self.is_making = False
        with self._loading():
            await self._enter(DASHBOARD)
            async with self._look() as (tx, actor):
                self._show(await containers.list_visible(tx, actor))

    @rx.event
    async def show_maker(self, is_open: bool) -> None:
        """Open or close the dialog; the types are read anew each time, for their prices against what is left."""
        if is_open:
            async with self._look() as (tx, actor):
                types = await quotas.my_types(tx, actor)
            self._offer([type_row(each, left=self.credits_left) for each in types])
        self.problem, self.is_making = "", is_open

    @rx.event
    async def make(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Make a container and go to its page, or say in the dialog why not."""
        try:
            async with self._act() as (tx, actor):
                made = await containers.create(
                    tx, actor, container_type_id=as_id(form.get("type")), name=str(form.get("name", ""))
                )
        except PequerokuError as refusal:
            self.problem = refusal.message
            return None
        self.is_making = False
        return rx.redirect(f"/containers/{made.id}")

    def _offer(self, types: list[TypeRow]) -> None:
        self.types = types
        self.first_type = next((each.id for each in types if each.affordable), "")

    def _show(self, views: list[ContainerView]) -> None:
        rows = [row(each) for each in views]
        if rows != self.rows:
            self.rows = rows
        running = sum(each.status == "running" for each in rows)
        self.summary = f"{running} of {len(rows)} running" if rows else "None yet"
        self._show_usage()

    def _show_usage(self) -> None:
        latest = usage.latest(each.id for each in self.rows if each.has_usage)
        figures = {str(container_id): usage_row(view) for container_id, view in latest.items()}
        if figures != self.usage:
            self.usage = figures
