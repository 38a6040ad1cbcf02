"""Who may decide next: the gate reads what was decided here, and moves a policy up or back; people move the rest."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from backend.db import Tx
from backend.errors import Conflict, Invalid
from backend.models import TipDecision, TipGateReport, TipPolicy, TipReaction, TipReward
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules.bandit.estimators import Estimate, NotEnough, difference
from backend.rules.bandit.gate import Outcome, Verdict, judge
from backend.rules.bandit.reward import Reaction
from backend.rules.bandit.rounds import Round, evidence, refusals
from backend.rules.bandit.stages import Guardrail, Mover, Stage, reason_to_roll_back, why_not_move
from backend.rules.policy import Action, Actor
from backend.tips import stages
from backend.tips.review.worth import round_of

_MOST_ROUNDS = 20_000
_REFUSALS_SLACK = 0.03
_BACK = "rolled back"
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


async def look(tx: Tx) -> None:
    """Judge whoever is tried out, or has just arrived; write down what was said, and do it."""
    active, challenger = await _at(tx, Stage.ACTIVE), await _at(tx, Stage.CANARY)
    if active is None:
        return
    if challenger is not None:
        await _judge(tx, challenger, active)
    elif active.predecessor_id is not None:
        await _watch(tx, active, await tx.get_one(TipPolicy, active.predecessor_id, with_for_update=True))


async def _watch(tx: Tx, active: TipPolicy, before: TipPolicy) -> None:
    """Bring back who was active before, if that was better."""
    names = stages.key_of(active), stages.key_of(before)
    known = await _rounds(tx, Stage.ACTIVE, since=active.since)
    seen = evidence([each for each, _ in known], challenger=names[0], incumbent=names[1])
    found = difference(seen.challenger, seen.incumbent) if seen is not None else None
    if found is None or isinstance(found, NotEnough):
        return
    if why := reason_to_roll_back(found, (_refusals(known, *names),)):
        tx.add(_row(names, {"online": asdict(found)}, _BACK, [why]))
        active.predecessor_id = None
        await _move(tx, active, Stage.RETIRED, Mover.ROLLBACK)
        await _move(tx, before, Stage.ACTIVE, Mover.ROLLBACK)


async def _judge(tx: Tx, challenger: TipPolicy, incumbent: TipPolicy) -> None:
    names = stages.key_of(challenger), stages.key_of(incumbent)
    before = await _rounds(tx, Stage.ACTIVE, since=incumbent.since)
    during = await _rounds(tx, Stage.CANARY, since=challenger.since)
    seen_before = evidence([each for each, _ in before], challenger=names[0], incumbent=names[1])
    seen_during = evidence([each for each, _ in during], challenger=names[0], incumbent=names[1])
    if seen_before is None or seen_during is None:
        where = "before it was tried out" if seen_before is None else "since it is tried out"
        await _note(tx, names, Verdict(Outcome.NOT_ENOUGH, (f"{_NOT_ENOUGH} {where}.",)))
        return
    rails = (_refusals(during, *names),)
    online = difference(seen_during.challenger, seen_during.incumbent)
    why_back = "" if isinstance(online, NotEnough) else reason_to_roll_back(online, rails)
    verdict = judge(offline=seen_before, online=seen_during, guardrails=rails)
    if why_back:
        tx.add(_row(names, _figures(verdict), _BACK, [why_back]))
        await _move(tx, challenger, Stage.SHADOW, Mover.ROLLBACK)
        return
    await _note(tx, names, verdict)
    if verdict.outcome is Outcome.PROMOTE:
        await _move(tx, incumbent, Stage.RETIRED, Mover.SUCCESSOR)
        await _move(tx, challenger, Stage.ACTIVE, Mover.GATE)
        challenger.predecessor_id = incumbent.id


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


async def _at(tx: Tx, stage: Stage) -> TipPolicy | None:
    return (await tx.exec(select(TipPolicy).where(TipPolicy.stage == stage).with_for_update())).first()


async def _move(tx: Tx, row: TipPolicy, to: Stage, mover: Mover) -> None:
    if why := why_not_move(Stage(row.stage), to, mover):
        raise Conflict(why)
    row.stage, row.since = to, now()
    await tx.flush()


async def _rounds(tx: Tx, stage: Stage, *, since: datetime) -> list[tuple[Round, bool]]:
    """The newest decisions of that stage whose worth is known, oldest first; and whether “not for me” was said."""
    said = (TipDecision.stage == stage, col(TipDecision.at) >= since, col(TipReward.value).is_not(None))
    query = select(TipDecision, TipReward.value).join(TipReward).where(*said)
    rows = (await tx.exec(query.order_by(col(TipDecision.id).desc()).limit(_MOST_ROUNDS))).all()
    no = select(TipReaction.decision_id).join(TipDecision)
    no = no.where(TipReaction.kind == Reaction.NOT_FOR_ME, TipDecision.stage == stage, col(TipDecision.at) >= since)
    refused = set((await tx.exec(no)).all())
    found = [(round_of(row, value or 0.0), row.id in refused) for row, value in reversed(rows)]
    return [(each, was_refused) for each, was_refused in found if each is not None]


def _refusals(known: list[tuple[Round, bool]], challenger: str, incumbent: str) -> Guardrail:
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
