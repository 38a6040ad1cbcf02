"""Who chooses tips, and what the gate says of who may."""

from dataclasses import dataclass

import reflex as rx

from backend.rules.bandit.estimators import Estimate
from backend.rules.config_keys import TIPS_LINKS
from backend.rules.links import links_of
from backend.services.config import value_of
from backend.tips import promotion
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
_TONES = {"promote": "good", "rolled back": "bad", "not enough evidence": "warn"}
_WHERE = {"offline": "Offline, before it was tried out", "online": "Online, since", "together": "Together"}


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
class FigureRow:
    """How much better the challenger is by one estimate."""

    name: str
    value: str
    interval: str
    decisions: str
    worth: str


@dataclass(frozen=True)
class ReportRow:
    """What the gate said once."""

    at: str
    who: str
    outcome: str
    tone: str
    reasons: list[str]
    figures: list[FigureRow]


@dataclass(frozen=True)
class LinkRow:
    """A way out, as Config has it."""

    name: str
    url: str


class AdminTipsState(AppState):
    """Policies and reports, as they were when the page was opened or something was moved."""

    policies: list[PolicyRow] = []
    reports: list[ReportRow] = []
    links: list[LinkRow] = []

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
            links = links_of(await value_of(tx, TIPS_LINKS))
        self.policies = [_policy(each) for each in listed]
        self.reports = [_report(each) for each in reports]
        self.links = [LinkRow(name, url) for name, url in links.items()]


def _policy(view: PolicyView) -> PolicyRow:
    learnt = f"from {count(view.updates, 'reward')}" if view.updates else "nothing"
    name = f"{view.name} {view.version}"
    return PolicyRow(str(view.id), name, view.stage, _SAYS[view.stage], moment(view.since), learnt, [*view.moves])


def _report(view: ReportView) -> ReportRow:
    who = f"{view.challenger} against {view.incumbent}"
    figures = [_figure(name, view.figures[name]) for name in _WHERE if name in view.figures]
    return ReportRow(moment(view.at), who, view.outcome, _TONES.get(view.outcome, "off"), view.reasons, figures)


def _figure(name: str, said: Estimate) -> FigureRow:
    interval = f"{said.low:+.3f} to {said.high:+.3f}"
    return FigureRow(_WHERE[name], f"{said.value:+.3f}", interval, f"{said.rounds:,}", f"{said.ess:,.0f}")
