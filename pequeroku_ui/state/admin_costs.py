"""What the assistant costs: by day, by user and by model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend.services import ai_usage
from backend.services.ai_usage import UsageSum
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.wording import count

SPANS = ((7, "Week"), (30, "Month"), (365, "Year"))
_DIGITS = 4


@dataclass(frozen=True)
class CostLine:
    """A user or a model, in words."""

    name: str
    said: str


class AdminCostsState(AppState):
    """The sums of the last `span` days."""

    span: int = 30
    total: str = ""
    days: list[dict[str, Any]] = []
    users: list[dict[str, Any]] = []
    models: list[dict[str, Any]] = []
    user_lines: list[CostLine] = []
    model_lines: list[CostLine] = []

    @rx.event
    @access(Access.ADMIN)
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        with self._loading():
            await self._enter("")
            await self._read()

    @rx.event
    @access(Access.ADMIN)
    async def choose(self, days: int) -> None:
        """Look further back, or less far."""
        asked = as_id(days)
        self.span = asked if asked in dict(SPANS) else self.span
        await self._read()

    async def _read(self) -> None:
        async with self._look() as (tx, actor):
            seen = await ai_usage.usage_sums(tx, actor, days=self.span)
        self.total = _words(seen.total)
        self.days = _bars(seen.days, "")
        self.users, self.user_lines = _bars(seen.users, "nobody any more"), _lines(seen.users, "nobody any more")
        self.models, self.model_lines = _bars(seen.models, "none"), _lines(seen.models, "none")


def _bars(sums: Sequence[UsageSum], nameless: str) -> list[dict[str, Any]]:
    return [{"name": each.name or nameless, "cost": round(each.cost, _DIGITS)} for each in sums]


def _lines(sums: Sequence[UsageSum], nameless: str) -> list[CostLine]:
    return [CostLine(each.name or nameless, _words(each)) for each in sums]


def _words(each: UsageSum) -> str:
    tokens = count(each.prompt_tokens + each.completion_tokens, "token")
    return f"{each.cost:.{_DIGITS}f} for {count(each.questions, 'question')} and {tokens}"
