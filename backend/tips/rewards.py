"""What a tip was worth: settled once, when that is known, and handed to those who learn from it."""

from datetime import datetime, timedelta

from sqlmodel import col, delete, select

from backend.db import Tx
from backend.events.bus import TipSettled, announce
from backend.models import TipAction, TipDecision, TipReaction, TipReward
from backend.models.base import now
from backend.rules.bandit.reward import Effect, Reaction, outcome, reward
from backend.rules.config_keys import TIPS_RETENTION_DAYS
from backend.services.config import value_of
from backend.tips import stream
from backend.tips.actions import effects

HOLDS_AFTER = timedelta(minutes=10)
"""An action counts once its effect has lasted as long."""
_AT_ONCE = 200
_PRUNED_AT_ONCE = 2000


async def close(tx: Tx, decision: TipDecision, *, at: datetime, is_over: bool = True) -> None:
    """The tip stands no more. Where its window is over, that nobody answered is noted, and its worth is settled.

    One that stopped being true before that is settled, too: by what was said to it until then.
    """
    decision.state = "closed"
    said = await reactions_to(tx, decision.id)
    if is_over and decision.activated_at is not None and not said:
        tx.add(TipReaction(decision_id=decision.id, kind=Reaction.EXPIRED, at=at))
        said = [TipReaction(decision_id=decision.id, kind=Reaction.EXPIRED, at=at)]
    await tx.flush()
    if is_over or said:
        await settle(tx, decision, at=at)
    else:
        await _write(tx, decision, None, {"why": "no longer true"}, at)


async def settle(tx: Tx, decision: TipDecision, *, at: datetime) -> TipReward | None:
    """Write down the worth, once. None: it is settled already, or an action's effect has to be waited for.

    A tip that was never visible for a second is worth nothing either way: nobody learns from it.
    """
    if await is_settled(tx, decision.id):
        return None
    action = (await tx.exec(select(TipAction).where(TipAction.decision_id == decision.id))).first()
    effect = await _effect(tx, action, at=at)
    if effect is None:
        return None
    said = [Reaction(each.kind) for each in await reactions_to(tx, decision.id) if not each.late]
    parts: dict[str, object] = {"reactions": [each.value for each in said], "effect": effect.value}
    parts["outcome"] = outcome(said, effect)
    if decision.activated_at is None and not said and effect is Effect.NONE:
        return await _write(tx, decision, None, parts | {"why": "never seen"}, at)
    return await _write(tx, decision, reward(said, effect), parts, at)


async def reactions_to(tx: Tx, decision_id: int) -> list[TipReaction]:
    """In the order in which they came."""
    query = select(TipReaction).where(TipReaction.decision_id == decision_id).order_by(col(TipReaction.id))
    return list((await tx.exec(query)).all())


async def due(tx: Tx, *, at: datetime) -> list[int]:
    """Decisions whose window is over, and those whose action has had its time to hold."""
    open_ones = select(TipDecision.id).where(col(TipDecision.state) != "closed", col(TipDecision.ends_at) <= at)
    ids = set((await tx.exec(open_ones.limit(_AT_ONCE))).all())
    settled = select(TipReward.id).where(TipReward.decision_id == TipAction.decision_id).exists()
    acted = select(TipAction.decision_id).where(col(TipAction.used_at) <= at - HOLDS_AFTER, ~settled)
    return sorted(ids | set((await tx.exec(acted.limit(_AT_ONCE))).all()))


async def settle_due(tx: Tx, decision_id: int, *, at: datetime) -> None:
    """Look at one decision again, under its lock: any number of processes may."""
    query = select(TipDecision).where(TipDecision.id == decision_id).with_for_update()
    decision = (await tx.exec(query)).first()
    if decision is None:
        return
    if decision.state != "closed" and decision.ends_at <= at:
        await close(tx, decision, at=at)
    elif decision.state == "closed":
        await settle(tx, decision, at=at)


async def prune(tx: Tx) -> int:
    """Remove a batch of decisions, with what came of them, that are older than Config keeps them; returns how many."""
    cutoff = now() - timedelta(days=await value_of(tx, TIPS_RETENTION_DAYS))
    old = select(TipDecision.id).where(col(TipDecision.at) < cutoff).limit(_PRUNED_AT_ONCE)
    return (await tx.exec(delete(TipDecision).where(col(TipDecision.id).in_(old)))).rowcount


async def _effect(tx: Tx, action: TipAction | None, *, at: datetime) -> Effect | None:
    """None: it is too early to say."""
    if action is None or action.used_at is None or action.verb not in effects.LASTING:
        return Effect.NONE
    if action.undone_at is not None:
        return Effect.REVERTED
    if at < action.used_at + HOLDS_AFTER:
        return None
    return Effect.HOLDS if await effects.holds(tx, action) else Effect.REVERTED


async def is_settled(tx: Tx, decision_id: int) -> bool:
    """Whether what the decision was worth is written down."""
    query = select(TipReward.id).where(TipReward.decision_id == decision_id)
    return (await tx.exec(query)).first() is not None


async def _write(
    tx: Tx, decision: TipDecision, value: float | None, parts: dict[str, object], at: datetime
) -> TipReward | None:
    if await is_settled(tx, decision.id):
        return None
    row = TipReward(decision_id=decision.id, value=value, parts=parts, settled_at=at)
    tx.add(row)
    await tx.flush()
    if value is not None:
        announce(tx, TipSettled(decision.user_id))
        await stream.settled(tx, decision, value, str(parts["outcome"]))
    return row
