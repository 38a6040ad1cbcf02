"""Who may decide next: the gate reads what was decided here, and moves a policy up or back; people move the rest."""

import asyncio
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from backend.db import Tx, reading, transaction
from backend.errors import Conflict, Invalid
from backend.models import TipDecision, TipGateReport, TipPolicy, TipReaction, TipReward
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules.bandit.estimators import Estimate, NotEnough, difference
from backend.rules.bandit.gate import Evidence, Outcome, Verdict, judge
from backend.rules.bandit.reward import Reaction
from backend.rules.bandit.rounds import Round, evidence, refusals
from backend.rules.bandit.stages import Guardrail, Mover, Stage, reason_to_roll_back, why_not_move
from backend.rules.policy import Action, Actor
from backend.tips import stages
from backend.tips.review.worth import round_of

_MOST_ROUNDS, _AT_ONCE, _NEWEST = 20_000, 500, 2**31 - 1
_REFUSALS_SLACK = 0.03
_BACK = "rolled back"
_Known = list[tuple[Round, bool]]
"""Decisions, and of each whether “not for me” was said."""
_NOT_ENOUGH = "Not enough evidence: there is no settled decision at which both were asked,"


@dataclass(frozen=True, slots=True)
class ReportView:
    """What the gate said once, in sentences."""

    at: datetime
    challenger: str
    incumbent: str
    outcome: str
    reasons: list[str]
    figures: dict[str, Estimate]
    """The challenger's reward a tip less the incumbent's: `offline`, `online` and `together`, where there are any."""


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy, and where a person may move it."""

    id: int
    name: str
    version: int
    stage: Stage
    since: datetime
    updates: int
    moves: tuple[Stage, ...]


@operation(Action.TIP_POLICY_LIST)
async def list_policies(tx: Tx, actor: Actor) -> tuple[list[PolicyView], list[ReportView]]:
    """Every policy, and the gate's latest reports, newest first."""
    require(actor, Action.TIP_POLICY_LIST)
    rows = (await tx.exec(select(TipPolicy).order_by(col(TipPolicy.id)))).all()
    reports = (await tx.exec(select(TipGateReport).order_by(col(TipGateReport.id).desc()).limit(50))).all()
    return [_policy(row) for row in rows], [_report(row) for row in reports]


@operation(Action.TIP_POLICY_MOVE)
async def move(tx: Tx, actor: Actor, policy_id: int, to: str) -> None:
    """Move a policy to a stage that a person may move it to. No person makes one active: the gate does.

    Raises:
        Invalid: no such stage, or no such policy.
        Conflict: it does not go there from where it is, or another one is tried out already.
    """
    require(actor, Action.TIP_POLICY_MOVE)
    row = await tx.get(TipPolicy, policy_id, with_for_update=True)
    if row is None or to not in set(Stage):
        raise Invalid("There is no such policy or stage.", field="stage")
    note("tip policy", row.id, f"{row.name} {row.version}: {row.stage} → {to}")
    if to == Stage.CANARY and await _at(tx, Stage.CANARY) is not None:
        raise Conflict("Another policy is tried out already. One at a time: else neither could be told apart.")
    await _move(tx, row, Stage(to), Mover.ADMIN)


async def look() -> None:
    """Judge whoever is tried out, or has just arrived; write down what was said, and do it.

    What was decided is read and weighed without a lock, and beside the loop: there may be much of it. What follows is
    done only if both still stand where they stood.
    """
    async with reading() as tx:
        pair = await _pair(tx)
        if pair is None:
            return
        during = await _rounds(tx, pair.stage, since=pair.since)
        before = await _rounds(tx, Stage.ACTIVE, since=pair.before_since) if pair.is_trial else []
    said = await asyncio.to_thread(_weighed, pair, before, during)
    if said.verdict is not None or said.why_back:
        async with transaction() as tx:
            if await _pair(tx, locks=True) == pair:
                await _carry_out(tx, pair, said)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Who is compared with whom. In a trial a canary with the active one; else that one with who was before it."""

    challenger_id: int
    incumbent_id: int
    names: tuple[str, str]
    is_trial: bool
    since: datetime
    before_since: datetime

    @property
    def stage(self) -> Stage:
        """Whose decisions show how the challenger does."""
        return Stage.CANARY if self.is_trial else Stage.ACTIVE


@dataclass(frozen=True, slots=True)
class _Said:
    """What follows: `why_back` where the challenger has to go back; no verdict where nothing is to be written."""

    verdict: Verdict | None
    why_back: str = ""
    figures: dict[str, Any] = field(default_factory=dict[str, Any])


async def _pair(tx: Tx, *, locks: bool = False) -> _Pair | None:
    active, canary = await _at(tx, Stage.ACTIVE, locks=locks), await _at(tx, Stage.CANARY, locks=locks)
    if active is None:
        return None
    if canary is not None:
        names = stages.key_of(canary), stages.key_of(active)
        return _Pair(canary.id, active.id, names, True, canary.since, active.since)
    if active.predecessor_id is None:
        return None
    before = await tx.get_one(TipPolicy, active.predecessor_id, with_for_update=locks)
    names = stages.key_of(active), stages.key_of(before)
    return _Pair(active.id, before.id, names, False, active.since, before.since)


def _weighed(pair: _Pair, before: _Known, during: _Known) -> _Said:
    return _judged(pair, before, during) if pair.is_trial else _watched(pair, during)


def _watched(pair: _Pair, during: _Known) -> _Said:
    """Whether who was active before was better."""
    seen = _evidence(pair, during)
    found = difference(seen.challenger, seen.incumbent) if seen is not None else None
    if found is None or isinstance(found, NotEnough):
        return _Said(None)
    why = reason_to_roll_back(found, (_refusals(during, *pair.names),))
    return _Said(None, why, {"online": asdict(found)})


def _judged(pair: _Pair, before: _Known, during: _Known) -> _Said:
    """What the gate says."""
    seen_before, seen_during = _evidence(pair, before), _evidence(pair, during)
    if seen_before is None or seen_during is None:
        where = "before it was tried out" if seen_before is None else "since it is tried out"
        return _Said(Verdict(Outcome.NOT_ENOUGH, (f"{_NOT_ENOUGH} {where}.",)))
    rails = (_refusals(during, *pair.names),)
    online = difference(seen_during.challenger, seen_during.incumbent)
    why_back = "" if isinstance(online, NotEnough) else reason_to_roll_back(online, rails)
    verdict = judge(offline=seen_before, online=seen_during, guardrails=rails)
    return _Said(verdict, why_back, _figures(verdict))


async def _carry_out(tx: Tx, pair: _Pair, said: _Said) -> None:
    challenger, incumbent = [await tx.get_one(TipPolicy, each) for each in (pair.challenger_id, pair.incumbent_id)]
    if said.why_back:
        tx.add(_row(pair.names, said.figures, _BACK, [said.why_back]))
        await _move(tx, challenger, Stage.SHADOW if pair.is_trial else Stage.RETIRED, Mover.ROLLBACK)
        if not pair.is_trial:
            challenger.predecessor_id = None
            await _move(tx, incumbent, Stage.ACTIVE, Mover.ROLLBACK)
    elif said.verdict is not None:
        await _note(tx, pair.names, said.verdict)
        if said.verdict.outcome is Outcome.PROMOTE:
            await _move(tx, incumbent, Stage.RETIRED, Mover.SUCCESSOR)
            await _move(tx, challenger, Stage.ACTIVE, Mover.GATE)
            challenger.predecessor_id = incumbent.id


def _evidence(pair: _Pair, known: _Known) -> Evidence | None:
    return evidence([each for each, _ in known], challenger=pair.names[0], incumbent=pair.names[1])


async def _note(tx: Tx, names: tuple[str, str], verdict: Verdict) -> None:
    """What is said again, is said once: while there is not enough evidence, only how much there is changes."""
    query = select(TipGateReport).where(TipGateReport.challenger == names[0]).order_by(col(TipGateReport.id).desc())
    last = (await tx.exec(query.limit(1).with_for_update())).first()
    reasons, figures = list(verdict.reasons), _figures(verdict)
    if last is None or (last.incumbent, last.outcome) != (names[1], verdict.outcome):
        tx.add(_row(names, figures, verdict.outcome, reasons))
    elif verdict.outcome is Outcome.NOT_ENOUGH:
        last.at, last.reasons, last.figures = now(), reasons, figures
    elif last.reasons != reasons:
        tx.add(_row(names, figures, verdict.outcome, reasons))


async def _at(tx: Tx, stage: Stage, *, locks: bool = True) -> TipPolicy | None:
    query = select(TipPolicy).where(TipPolicy.stage == stage)
    return (await tx.exec(query.with_for_update() if locks else query)).first()


async def _move(tx: Tx, row: TipPolicy, to: Stage, mover: Mover) -> None:
    if why := why_not_move(Stage(row.stage), to, mover):
        raise Conflict(why)
    row.stage, row.since = to, now()
    await tx.flush()


async def _rounds(tx: Tx, stage: Stage, *, since: datetime) -> _Known:
    """The newest decisions of that stage whose worth is known, oldest first; and whether “not for me” was said.

    Piece by piece, so that whoever else is served meanwhile has a turn.
    """
    no = select(TipReaction.decision_id).join(TipDecision)
    no = no.where(TipReaction.kind == Reaction.NOT_FOR_ME, TipDecision.stage == stage, col(TipDecision.at) >= since)
    refused = set((await tx.exec(no)).all())
    said = (TipDecision.stage == stage, col(TipDecision.at) >= since, col(TipReward.value).is_not(None))
    query = select(TipDecision, TipReward.value).join(TipReward).where(*said).order_by(col(TipDecision.id).desc())
    found: _Known = []
    last_id, read = _NEWEST, 0
    while read < _MOST_ROUNDS:
        rows = (await tx.exec(query.where(col(TipDecision.id) < last_id).limit(_AT_ONCE))).all()
        for row, value in rows:
            seen = round_of(row, value or 0.0)
            if seen is not None:
                found.append((seen, row.id in refused))
        read += len(rows)
        if len(rows) < _AT_ONCE:
            break
        last_id = rows[-1][0].id
        tx.expunge_all()
    return found[::-1]


def _refusals(known: _Known, challenger: str, incumbent: str) -> Guardrail:
    rounds, refused = [each for each, _ in known], [no for _, no in known]
    shares = {name: refusals(rounds, refused, name) for name in (incumbent, challenger)}
    return Guardrail("“Not for me”", shares[incumbent], shares[challenger], _REFUSALS_SLACK)


def _figures(verdict: Verdict) -> dict[str, Any]:
    named: dict[str, Estimate | None] = {
        "offline": verdict.offline,
        "online": verdict.online,
        "together": verdict.together,
    }
    return {name: asdict(each) for name, each in named.items() if each is not None}


def _row(names: tuple[str, str], figures: dict[str, Any], outcome: str, reasons: list[str]) -> TipGateReport:
    return TipGateReport(challenger=names[0], incumbent=names[1], outcome=outcome, reasons=reasons, figures=figures)


def _policy(row: TipPolicy) -> PolicyView:
    stage = Stage(row.stage)
    moves = tuple(to for to in Stage if not why_not_move(stage, to, Mover.ADMIN))
    updates = row.state.get("updates", 0)
    return PolicyView(row.id, row.name, row.version, stage, row.since, int(updates), moves)


def _report(row: TipGateReport) -> ReportView:
    figures = {name: Estimate(**said) for name, said in row.figures.items()}
    return ReportView(row.at, row.challenger, row.incumbent, row.outcome, list(row.reasons), figures)
