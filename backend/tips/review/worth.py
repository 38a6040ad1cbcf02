"""What tips were worth over time, and what another policy would have made of them: from the decisions as written."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlmodel import col, select

from backend.db import Tx
from backend.models import TipDecision, TipReward
from backend.models.base import now
from backend.operation import operation, require
from backend.rules.bandit.rounds import Round
from backend.rules.bandit.worth import SHOWN, Decided, History, history
from backend.rules.policy import Action, Actor

MOST_DAYS = 365
_MOST_DECISIONS = 5_000


@dataclass(frozen=True, slots=True)
class Review:
    """The history of the last so many days; `is_cut` where there were more decisions than were read: the newest."""

    days: int
    decisions: int
    is_cut: bool
    history: History


@operation(Action.TIP_REVIEW)
async def review(tx: Tx, actor: Actor, *, days: int = 30) -> Review:
    """What was decided in the last so many days of UTC, today among them, for whomever; nobody is named in it."""
    require(actor, Action.TIP_REVIEW)
    span = max(1, min(days, MOST_DAYS))
    since = datetime.combine(now().date(), time.min, UTC) - timedelta(days=span - 1)
    query = select(TipDecision, TipReward.value).outerjoin(TipReward).where(col(TipDecision.at) >= since)
    rows = (await tx.exec(query.order_by(col(TipDecision.at).desc()).limit(_MOST_DECISIONS + 1))).all()
    decided = [_decided(row, value) for row, value in reversed(rows[:_MOST_DECISIONS])]
    summed_up = await asyncio.to_thread(history, decided)
    return Review(span, len(decided), len(rows) > _MOST_DECISIONS, summed_up)


def round_of(row: TipDecision, reward: float) -> Round | None:
    """A decision as the estimators read it, with what was drawn from; None where its candidate was removed."""
    free = [each for each in row.eligible if not each["excluded"]]
    place = next((number for number, each in enumerate(free) if each["id"] == row.candidate_id), None)
    if place is None:
        return None
    said = {name: tuple(each["probabilities"]) for name, each in row.opinions.items()}
    said[SHOWN] = tuple(row.probabilities)
    return Round(tuple(each["kind"] for each in free), place, reward, row.propensity, said)


def _decided(row: TipDecision, reward: float | None) -> Decided:
    seen = round_of(row, reward) if reward is not None else None
    return Decided(row.at.astimezone(UTC).date(), f"{row.policy}@{row.policy_version}", row.stage, seen)
