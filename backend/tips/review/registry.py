"""The registry of policies is the table tip_policy; this is what another one (MLflow) is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy.orm import defer
from sqlmodel import col, func, select

from backend.db import Tx
from backend.models import TipDecision, TipGateReport, TipPolicy, TipReward
from backend.models.base import now
from backend.tips.review.mlflow import Version

_LATELY = timedelta(days=30)

Mark = tuple[datetime, str, datetime, datetime, datetime | None]
"""By which a change shows: the day, the stage and since when, when it learnt last, and when the gate last spoke."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A policy's row, and its mark."""

    policy_id: int
    key: str
    mark: Mark


async def entries(tx: Tx) -> list[Entry]:
    """All policies but drafts, which nobody asks; what they have learnt is not read for that."""
    query = select(TipPolicy).where(TipPolicy.stage != "draft").order_by(col(TipPolicy.id))
    rows = (await tx.exec(query.options(defer(cast(Any, TipPolicy.state))))).all()
    spoke = select(TipGateReport.challenger, func.max(col(TipGateReport.at))).group_by(TipGateReport.challenger)
    last = dict((await tx.exec(spoke)).all())
    keys = [f"{row.name}@{row.version}" for row in rows]
    return [
        Entry(row.id, key, (_today(), row.stage, row.since, row.updated_at, last.get(key)))
        for row, key in zip(rows, keys, strict=True)
    ]


async def version_of(tx: Tx, entry: Entry) -> Version:
    """All that is told of it: what it learnt from, what it earned in the last 30 days, and what the gate said."""
    row = await tx.get_one(TipPolicy, entry.policy_id)
    said = select(TipGateReport).where(TipGateReport.challenger == entry.key).order_by(col(TipGateReport.at).desc())
    report = (await tx.exec(said.limit(1))).first()
    updates = int(row.state.get("updates", 0))
    metrics = {"updates": float(updates)} | await _earned(tx, row)
    moments = [_today(), row.since, row.updated_at]
    if report is not None:
        moments.append(report.at)
        metrics |= _figures(report.figures)
    return Version(
        row.name,
        row.version,
        row.stage,
        row.since,
        max(moments),
        updates,
        metrics,
        report.outcome if report is not None else "",
        tuple(report.reasons) if report is not None else (),
    )


def _today() -> datetime:
    return now().replace(hour=0, minute=0, second=0, microsecond=0)


async def _earned(tx: Tx, row: TipPolicy) -> dict[str, float]:
    mine = (TipDecision.policy == row.name, TipDecision.policy_version == row.version)
    query = select(func.count(), func.avg(TipReward.value)).select_from(TipDecision).join(TipReward)
    query = query.where(*mine, col(TipDecision.at) > now() - _LATELY, col(TipReward.value).is_not(None))
    count, mean = (await tx.exec(query)).one()
    return {"rewards_30d": float(count)} | ({} if mean is None else {"reward_mean_30d": float(mean)})


def _figures(figures: Mapping[str, Any]) -> dict[str, float]:
    names = ("value", "low", "high", "ess")
    return {f"gate.{side}.{name}": float(said[name]) for side, said in figures.items() for name in names}
