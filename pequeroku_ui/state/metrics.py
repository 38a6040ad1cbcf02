"""The view of a container's page that shows what it used. While it is open it follows the bus."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import reflex as rx

from backend.db import reading
from backend.models.base import now
from backend.rules.policy import Actor
from backend.rules.timeline import stretches
from backend.services import containers, metrics, usage
from backend.services.metrics import MetricsView
from backend.services.views import ContainerView
from pequeroku_ui import guard
from pequeroku_ui.state import watching
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.container import ContainerState

SPANS = ((3600, "Hour"), (24 * 3600, "Day"), (7 * 24 * 3600, "Week"))
_POINTS = 400
_LABELS = {"placing": "Placed on a node", "disk": "Made the disk", "booting": "Booted", "guest": "Waited for the guest"}


@dataclass(frozen=True)
class BootRow:
    """A phase of the last start. `after` and `took` are shares of the whole, as CSS lengths."""

    label: str
    after: str
    took: str
    words: str


class MetricsState(AppState):
    """The history that was read, and the newest sample since."""

    history: dict[str, Any] = {}
    latest: list[float | None] = []
    span: int = SPANS[0][0]
    boot: list[BootRow] = []
    boot_total: str = ""
    problem: str = ""

    _container_id: int = 0
    """What is shown; 0 while the view is not in front."""
    _read_at: float = 0.0

    @rx.event
    async def open(self, container_id: int) -> None:
        """The view was brought to the front."""
        self._container_id = as_id(container_id)
        self.history, self.latest, self.boot, self.boot_total = {}, [], [], ""
        watching.follow(self.router.session.client_token, watching.METRICS)
        await self._read(guard.actor())

    @rx.event
    async def choose(self, seconds: int) -> None:
        """Look further back, or less far."""
        asked = as_id(seconds)
        self.span = asked if asked in dict(SPANS) else SPANS[0][0]
        await self._read(guard.actor())

    @rx.event
    async def close(self) -> None:
        """Another view was brought to the front."""
        self._container_id, self.history, self.latest = 0, {}, []
        watching.leave(self.router.session.client_token, watching.METRICS)

    async def _read(self, actor: Actor) -> None:
        if not self._container_id:
            return
        since = now() - timedelta(seconds=self.span)
        with self._refusable():
            async with reading() as tx:
                seen = await metrics.metrics(tx, actor, self._container_id, since=since, points=_POINTS)
                self._show_boot(await containers.get(tx, actor, self._container_id))
            self.history, self._read_at = _history(seen), time.monotonic()

    async def _follow(self, actor: Actor, container_id: int) -> None:
        """A sample was taken (live.py calls, for its watcher): show it, and read anew what has a new point by now."""
        page = await self.get_state(ContainerState)
        if container_id != self._container_id or page.is_missing or not self.history:
            return
        if self._is_old():
            await self._read(actor)
        for seen in usage.latest([container_id]).values():
            if seen.at is not None:
                self.latest = [round(seen.at.timestamp(), 1), *seen.values]

    def _is_old(self) -> bool:
        """The history has a point to be added by now."""
        step = self.history.get("step", 0)
        return step > 10 and time.monotonic() - self._read_at > step

    def _show_boot(self, view: ContainerView) -> None:
        found = stretches([(each.phase, each.at) for each in view.phases])
        total = sum(each.took_s for each in found) or 1.0
        self.boot = [
            BootRow(
                _LABELS.get(each.phase, each.phase.capitalize()),
                f"{100 * each.after_s / total:.2f}%",
                f"{max(0.4, 100 * each.took_s / total):.2f}%",
                f"{each.took_s:.1f} s",
            )
            for each in found
        ]
        self.boot_total = f"{sum(each.took_s for each in found):.1f} s in all" if found else ""


def _history(seen: MetricsView) -> dict[str, Any]:
    rows = [[each.at_s, *(None if value is None else round(value, 1) for value in each.values)] for each in seen.points]
    return {"until": seen.until.timestamp(), "step": seen.step_s, "rows": rows}
