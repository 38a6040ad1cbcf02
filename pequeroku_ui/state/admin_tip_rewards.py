"""What tips were worth by day, and what other policies would have earned."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import reflex as rx

from backend.rules.bandit.estimators import Estimate, NotEnough
from backend.rules.bandit.worth import LEAST_MEAN, Other, Worth
from backend.tips.review import worth
from backend.tips.review.worth import Review
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.wording import count

SPANS = ((7, "Week"), (30, "Month"), (365, "Year"))
_NONE = "–"


@dataclass(frozen=True)
class WorthRow:
    """A day, or who decided at which stage."""

    key: str
    name: str
    stage: str
    tips: str
    known: str
    mean: str
    interval: str
    regret: str


@dataclass(frozen=True)
class OtherRow:
    """What a policy would have earned more than what was shown."""

    name: str
    more: str
    sure: str


class AdminTipRewardsState(AppState):
    """The decisions of the last `span` days, summed up."""

    span: int = 30
    total: str = ""
    rewarded: str = ""
    counted: str = ""
    regret: str = ""
    has_regret: bool = False
    days: list[dict[str, Any]] = []
    day_rows: list[WorthRow] = []
    deciders: list[WorthRow] = []
    others: list[OtherRow] = []

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
            seen = await worth.review(tx, actor, days=self.span)
        said, lost = seen.history, dict(seen.history.lost)
        self.days = [_bar(day, each, lost.get(day)) for day, each in _every_day(said.days)]
        self.day_rows = [
            _row(f"{day:%Y-%m-%d}", "", each, f"{lost[day]:+.2f}" if day in lost else _NONE) for day, each in said.days
        ][::-1]
        self.deciders = [_row(name, stage, each, "") for name, stage, each in said.deciders]
        self.others = [_other(each) for each in said.others]
        self.has_regret = said.best is not None
        self.total, self.counted = _total(seen), _counted(seen)
        self.rewarded = f"From 0 to 1. A day gets an interval, in the table below, from {LEAST_MEAN} rewards on."
        self.regret = _regret(seen)


def _every_day(days: tuple[tuple[date, Worth], ...]) -> list[tuple[date, Worth]]:
    """From the first of them to the last, those without a tip, too: a plot has as much room for each."""
    known = dict(days)
    length = (days[-1][0] - days[0][0]).days + 1 if days else 0
    each_day = [days[0][0] + timedelta(days=number) for number in range(length)]
    return [(day, known.get(day, Worth(0, 0))) for day in each_day]


def _bar(day: date, each: Worth, lost: float | None) -> dict[str, Any]:
    return {"name": f"{day:%m-%d}", "tips": each.decisions, "reward": _rounded(each.mean), "regret": _rounded(lost)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _total(seen: Review) -> str:
    settled = sum(each.settled for _, each in seen.history.days)
    cut = " These are the newest; there were more." if seen.is_cut else ""
    return f"{count(seen.decisions, 'tip')} chosen in {count(seen.days, 'day')}, {settled:,} with a reward.{cut}"


def _counted(seen: Review) -> str:
    settled = sum(each.settled for _, each in seen.history.days)
    return f"{seen.decisions - settled:,} without a reward: nobody saw them, or their time is not over."


def _regret(seen: Review) -> str:
    best, lost = seen.history.best, seen.history.lost
    if best is None or not isinstance(best.more, Estimate) or not lost:
        return "Not enough evidence to tell: see each policy below." if seen.history.others else _UNASKED
    said = f"{best.name} would have earned {best.more.value:+.3f} a tip ({_interval(best.more.low, best.more.high)})"
    if best.more.low <= 0.0:
        return f"{said}: it is not sure that there is any regret."
    return f"{said}, {lost[-1][1]:+.1f} rewards in all."


_UNASKED = "Not enough evidence: no policy was asked at a decision whose reward is known."


def _row(name: str, stage: str, each: Worth, regret: str) -> WorthRow:
    mean = _NONE if each.mean is None else f"{each.mean:.3f}"
    interval = "too few" if each.low is None or each.high is None else f"{each.low:.3f} to {each.high:.3f}"
    return WorthRow(f"{name} {stage}", name, stage, f"{each.decisions:,}", f"{each.settled:,}", mean, interval, regret)


def _other(each: Other) -> OtherRow:
    if isinstance(each.more, NotEnough):
        return OtherRow(each.name, _NONE, each.more.sentence)
    said = each.more
    sure = f"{_interval(said.low, said.high)}; {said.rounds:,} decisions, worth {said.ess:,.0f} of its own"
    return OtherRow(each.name, f"{said.value:+.3f}", sure)


def _interval(low: float, high: float) -> str:
    return f"{low:+.3f} to {high:+.3f}"
