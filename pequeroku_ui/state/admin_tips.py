"""Who chooses tips, what the gate says of who may, and how fresh what they know is."""

from dataclasses import dataclass

import reflex as rx

from backend.tips import features, promotion
from backend.tips.features import Freshness
from backend.tips.promotion import PolicyView, ReportView
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.wording import count, moment

_SAYS = {
    "draft": "is not asked",
    "shadow": "is asked, and only noted",
    "canary": "decides a quarter of all tips",
    "active": "decides",
    "retired": "has had its time",
}


@dataclass(frozen=True)
class PolicyRow:
    """A policy; `moves` are the stages a person may move it to."""

    key: str
    name: str
    stage: str
    says: str
    since: str
    learnt: str
    moves: list[str]


@dataclass(frozen=True)
class ReportRow:
    """What the gate said once."""

    at: str
    who: str
    outcome: str
    reasons: list[str]


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


class AdminTipsState(AppState):
    """Policies, reports and freshness, as they were when the page was opened or something was moved."""

    policies: list[PolicyRow] = []
    reports: list[ReportRow] = []
    fresh: list[FreshRow] = []

    @rx.event
    @access(Access.ADMIN)
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        with self._loading():
            await self._enter("")
            await self._read()

    @rx.event
    @access(Access.ADMIN)
    async def move(self, policy: str, stage: str) -> None:
        """Move a policy to another stage."""
        async with self._act() as (tx, actor):
            await promotion.move(tx, actor, as_id(policy), stage)
        await self._read()

    async def _read(self) -> None:
        async with self._look() as (tx, actor):
            listed, reports = await promotion.list_policies(tx, actor)
            known = await features.freshness(tx, actor)
        self.policies = [_policy(each) for each in listed]
        self.reports = [_report(each) for each in reports]
        self.fresh = [_fresh(each) for each in known]


def _policy(view: PolicyView) -> PolicyRow:
    learnt = f"learnt from {count(view.updates, 'reward')}" if view.updates else "has learnt nothing"
    name = f"{view.name} {view.version}"
    return PolicyRow(str(view.id), name, view.stage, _SAYS[view.stage], moment(view.since), learnt, [*view.moves])


def _report(view: ReportView) -> ReportRow:
    return ReportRow(moment(view.at), f"{view.challenger} against {view.incumbent}", view.outcome, view.reasons)


def _fresh(view: Freshness) -> FreshRow:
    return FreshRow(
        view.name, view.scope, _span(view.promised_s), str(view.held_by), str(view.stale),
        _span(view.oldest_s) if view.held_by else "–", view.stale > 0,
    )  # fmt: skip


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
