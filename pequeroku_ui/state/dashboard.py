"""The dashboard: my containers, and a dialog to make one."""

from typing import Any

import reflex as rx

from backend.services import containers, quotas, usage
from backend.services.views import ContainerView
from pequeroku_ui.state.base import AppState, as_id, words_of
from pequeroku_ui.state.rows import Row, TypeRow, UsageRow, row, type_row, usage_row
from pequeroku_ui.state.watching import DASHBOARD

EVERY = "every"
_PAGE = 48


class DashboardState(AppState):
    """The list, and what is being asked about it."""

    rows: list[Row] = []
    """The cards that are drawn: of all that match, as many as were asked for."""
    usage: dict[str, UsageRow] = {}
    summary: str = ""
    total: int = 0
    matching: int = 0
    words: str = ""
    """What names are searched for."""
    only: str = EVERY
    """What must be going on: a word of ContainerView.activity, or every."""

    _views: list[ContainerView] = []
    _limit: int = _PAGE

    is_making: bool = False
    types: list[TypeRow] = []
    first_type: str = ""
    problem: str = ""
    """Why the last try to make a container was refused."""

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        self.is_making = False
        with self._loading():
            await self._enter(DASHBOARD)
            async with self._look() as (tx, actor):
                self._show(await containers.list_visible(tx, actor))
        if self.router.url.query == "new":  # a link that offers a new container leads here
            await self._open_maker()

    @rx.event
    async def search(self, words: str) -> None:
        """Show only containers whose name, type, node or owner has these words."""
        self.words, self._limit = str(words)[:100], _PAGE
        self._draw()

    @rx.event
    async def choose(self, only: str) -> None:
        """Show only containers that are running, stopped, or in error; or every one."""
        self.only, self._limit = str(only)[:20], _PAGE
        self._draw()

    @rx.event
    async def show_more(self) -> None:
        """Draw more of those that match."""
        self._limit += _PAGE
        self._draw()

    @rx.event
    async def show_maker(self, is_open: bool) -> None:
        """Open or close the dialog; the types are read anew each time, for their prices against what is left."""
        if is_open:
            await self._open_maker()
        else:
            self.problem, self.is_making = "", False

    @rx.event
    async def make(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Make a container and go to its page, or say in the dialog why not."""
        with self._refusable():
            async with self._act() as (tx, actor):
                type_id = as_id(form.get("type"))
                made = await containers.create(tx, actor, container_type_id=type_id, **words_of(form, "name"))
            self.is_making = False
            return rx.redirect(f"/containers/{made.id}")
        return None

    def _offer(self, types: list[TypeRow]) -> None:
        self.types = types
        self.first_type = next((each.id for each in types if each.affordable), "")

    def _show(self, views: list[ContainerView]) -> None:
        self._views, self.total = views, len(views)
        running = sum(each.activity == "running" for each in views)
        self.summary = f"{running} of {len(views)} running" if views else "None yet"
        self._draw()

    def _draw(self) -> None:
        """A browser takes seconds to draw hundreds of cards: only a page of those that match is sent to it."""
        found = [each for each in self._views if self.only in (EVERY, each.activity) and _has(each, self.words)]
        rows = [row(each) for each in found[: self._limit]]
        if rows != self.rows:
            self.rows = rows
        self.matching = len(found)
        self._show_usage()

    async def _open_maker(self) -> None:
        async with self._look() as (tx, actor):
            types = await quotas.my_types(tx, actor)
        self._offer([type_row(each, left=self.credits_left) for each in types])
        self.problem, self.is_making = "", True

    def _show_usage(self) -> None:
        latest = usage.latest(each.id for each in self.rows if each.has_usage)
        figures = {str(container_id): usage_row(view) for container_id, view in latest.items()}
        if figures != self.usage:
            self.usage = figures


def _has(view: ContainerView, words: str) -> bool:
    text = f"{view.name} {view.type_name} {view.node_name} {view.owner}".casefold()
    return all(word in text for word in words.casefold().split())
