"""How every feature keeps the promise of its signal."""

from dataclasses import dataclass

import reflex as rx

from backend.tips import features
from backend.tips.features import Freshness
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state.base import AppState
from pequeroku_ui.state.wording import count


@dataclass(frozen=True)
class FreshRow:
    """One feature, over everybody who has it."""

    name: str
    scope: str
    promised: str
    held: str
    stale: str
    oldest: str
    is_late: bool


class AdminTipFreshnessState(AppState):
    """Every feature there is, as it was when the page was opened."""

    rows: list[FreshRow] = []
    summary: str = ""

    @rx.event
    @access(Access.ADMIN)
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        with self._loading():
            await self._enter("")
            async with self._look() as (tx, actor):
                known = await features.freshness(tx, actor)
            self.rows = [_fresh(each) for each in known]
            self.summary = _summary(sum(each.held_by for each in known), sum(each.stale for each in known))


def _summary(held: int, stale: int) -> str:
    if not held:
        return "Nothing is known of anybody now."
    return f"{count(held, 'number')} known now, {stale:,} of them older than their signal promises. Nobody's are shown."


def _fresh(view: Freshness) -> FreshRow:
    return FreshRow(
        view.name,
        view.scope,
        _span(view.promised_s),
        f"{view.held_by:,}",
        f"{view.stale:,}",
        _span(view.oldest_s) if view.held_by else "–",
        view.stale > 0,
    )


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
