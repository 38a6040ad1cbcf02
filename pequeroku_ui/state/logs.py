"""What a container's machine said, and what happened to it."""

from contextlib import suppress
from dataclasses import dataclass

import reflex as rx

from backend.db import reading
from backend.errors import NotFound
from backend.rules.policy import Action, Actor
from backend.services import containers, logs
from backend.services.logs import ConsoleView, EventView
from pequeroku_ui import guard
from pequeroku_ui.state import watching
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.wording import moment

_WORDS = {
    "make-disk": "Its disk is made",
    "grow-disk": "Its disk grows",
    "copy-disk": "Its disk is copied from another container",
    "restore": "Its disk is set back to a checkpoint",
    "boot": "It boots",
    "running": "It is running",
    "ask-off": "The system inside is asked to shut down",
    "power-off": "Its power is cut",
    "resume": "It is paused, and let go on",
    "note-stopped": "It is stopped",
    "note-shut-down-inside": "It was shut down from inside",
    "report-lost-disk": "Its disk is not on the node",
    "sleep": "It is put to sleep",
    "note-asleep": "It is asleep",
    "wake": "It is woken",
    "forget-memory": "What it had in memory is forgotten",
    "migrate": "It moves to another node as it runs",
    "copy-disk-away": "Its disk is copied to another node",
    "hand-over": "It is on another node now",
    "failed": "Something went wrong",
}


@dataclass(frozen=True)
class LogRow:
    """Something that happened, in words."""

    id: int
    what: str
    text: str
    at: str
    is_bad: bool


class LogsState(AppState):
    """The view of the container's page. While it is in front it follows the bus."""

    console: str = ""
    console_at: str = ""
    events: list[LogRow] = []
    has_more: bool = False
    about_id: int = 0

    @rx.event
    async def look(self, container_id: int) -> None:
        """The view was brought to the front, or is to be read again."""
        self.about_id, self.events = as_id(container_id), []
        self.console = self.console_at = ""
        watching.follow(self.router.session.client_token, watching.LOGS)
        await self._add(None)
        await self._read_console(guard.actor())

    @rx.event
    async def older(self) -> None:
        """The events before those."""
        await self._add(min((each.id for each in self.events), default=None))

    @rx.event
    async def close(self) -> None:
        """Another view was brought to the front."""
        watching.leave(self.router.session.client_token, watching.LOGS)

    async def _add(self, before_id: int | None) -> None:
        async with self._look() as (tx, actor):
            found = await logs.events(tx, actor, self.about_id, before_id=before_id)
        self.events = [*self.events, *map(_row, found)]
        self.has_more = len(found) == logs.PAGE

    async def _read_console(self, actor: Actor) -> None:
        """Not everybody who sees the container may read what its system says."""
        async with reading() as tx:
            may = Action.CONTAINER_CONSOLE in (await containers.get(tx, actor, self.about_id)).allowed
            said = await logs.console(tx, actor, self.about_id) if may else ConsoleView("", None)
        if self.console_at != moment(said.updated_at):
            self.console, self.console_at = said.text, moment(said.updated_at)

    async def _follow(self, actor: Actor, container_id: int) -> None:
        """Something happened, or was written (live.py calls, for its watcher): show what is new."""
        if container_id != self.about_id:
            return
        with suppress(NotFound):  # it went meanwhile, and so does the page
            async with reading() as tx:
                found = await logs.events(tx, actor, container_id)
            self._show_newest([_row(each) for each in found])
            await self._read_console(actor)

    def _show_newest(self, found: list[LogRow]) -> None:
        """Where more happened than is read at once, the older ones are to be asked for anew."""
        known = max((each.id for each in self.events), default=0)
        fresh = [each for each in found if each.id > known]
        if len(fresh) == logs.PAGE:
            self.events, self.has_more = fresh, True
        elif fresh:
            self.events = [*fresh, *self.events]


def _row(view: EventView) -> LogRow:
    what = _WORDS.get(view.kind, view.kind)
    return LogRow(view.id, what, view.text, view.at.isoformat(), is_bad=view.kind in ("failed", "report-lost-disk"))
