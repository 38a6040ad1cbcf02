"""Rewards become what policies know: each reward in each policy once, whoever does it, and after every restart."""

import logging
from typing import Protocol, runtime_checkable

from sqlmodel import col, select

from backend.db import Tx
from backend.models import TipDecision, TipLearnt, TipPolicy, TipReward
from backend.models.base import now
from backend.rules.bandit.shapes import Arm, Context
from backend.tips import serving, stages

log = logging.getLogger(__name__)

_AT_ONCE = 500


@runtime_checkable
class Forgetful(Protocol):
    """A policy that keeps something of each person's own."""

    def forget(self, user_id: int) -> None:
        """Drop it."""
        ...


async def learn(tx: Tx, policy_id: int) -> int:
    """Let one policy learn from the rewards that it does not know, oldest first; returns how many.

    The policy's row is locked meanwhile. That it learnt, and what, are one transaction: a process that dies in it
    has learnt nothing, and another one begins anew. A row of another version than this program's is left alone.
    """
    query = select(TipPolicy).where(TipPolicy.id == policy_id).with_for_update()
    row = (await tx.exec(query.execution_options(populate_existing=True))).first()
    policy = stages.current(row) if row is not None else None
    if row is None or policy is None:
        return 0
    new = await _unknown(tx, policy_id)
    if new:
        row.state = await serving.update(policy, [_lesson(reward, decision) for reward, decision in new])
        row.updated_at = now()
        tx.add_all(TipLearnt(reward_id=reward.id, policy_id=policy_id) for reward, _ in new)
    return len(new)


async def forget(tx: Tx, user_id: int) -> None:
    """Have every policy drop what it keeps of one person alone: their account goes."""
    query = select(TipPolicy).order_by(col(TipPolicy.id)).with_for_update()
    for row in (await tx.exec(query.execution_options(populate_existing=True))).all():
        policy = stages.current(row)
        if policy is not None and isinstance(policy, Forgetful):
            policy.forget(user_id)
            row.state, row.updated_at = policy.state(), now()


async def learners(tx: Tx) -> list[int]:
    """The policies for which there is something to learn."""
    return [row.id for row in await stages.live(tx) if await _unknown(tx, row.id, limit=1)]


async def _unknown(tx: Tx, policy_id: int, *, limit: int = _AT_ONCE) -> list[tuple[TipReward, TipDecision]]:
    known = (
        select(TipLearnt.reward_id)
        .where(TipLearnt.reward_id == TipReward.id, TipLearnt.policy_id == policy_id)
        .exists()
    )
    query = (
        select(TipReward, TipDecision)
        .join(TipDecision)
        .where(col(TipReward.value).is_not(None), ~known)
        .order_by(col(TipReward.id))
        .limit(limit)
    )
    return [(reward, decision) for reward, decision in (await tx.exec(query)).all()]


def _lesson(reward: TipReward, decision: TipDecision) -> serving.Lesson:
    shown = decision.shown
    arm = Arm(str(decision.candidate_id or 0), str(shown["kind"]), shown["values"])
    context = Context(decision.user_id, decision.context)
    return serving.Lesson(context, arm, reward.value or 0.0, decision.propensity)
