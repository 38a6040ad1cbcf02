"""What a person does with the tip that stands: sees it, answers it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.db import Tx
from backend.errors import Conflict, Invalid
from backend.models import TipDecision, TipReaction
from backend.models.base import now
from backend.operation import operation
from backend.rules.bandit.reward import Reaction
from backend.rules.config_keys import TIPS_LATER_MIN, TIPS_WINDOW_H
from backend.rules.policy import Action, Actor
from backend.rules.telling import Channel
from backend.services.config import value_of
from backend.services.targets import owned
from backend.tips import rewards, stream
from backend.tips.reaching import arbiter

_SAYABLE = (Reaction.DONE, Reaction.LATER, Reaction.NOT_FOR_ME)
WHAT = "That tip"


@dataclass(frozen=True, slots=True)
class ReactionView:
    """An answer that was taken. `late`: after the window, so that nobody learns from it."""

    decision_id: int
    kind: str
    at: datetime
    late: bool


@operation(Action.TIP_SEEN)
async def activate(
    tx: Tx, actor: Actor, decision_id: int, *, channel: Channel = Channel.PAGE, at: datetime | None = None
) -> datetime:
    """Note that the tip was visible for a second: from now on it counts. Twice is the same as once.

    Args:
        channel: where it was.

    Returns:
        When its window is over.

    Raises:
        NotFound: no such tip, or somebody else's.
    """
    at = at or now()
    decision = await owned(Action.TIP_SEEN, tx, actor, TipDecision, decision_id, WHAT)
    if decision.state == "closed":
        return decision.ends_at
    await arbiter.tell(tx, decision, channel, at=at)
    await tx.refresh(decision)  # another page of theirs may have said so while we waited for our turn
    await arbiter.shown(tx, decision.user_id, channel, str(decision.id), at=at)
    if decision.activated_at is None:
        decision.activated_at = at
        decision.ends_at = at + timedelta(hours=await value_of(tx, TIPS_WINDOW_H))
        await stream.activated(tx, decision, channel)
    return decision.ends_at


@operation(Action.TIP_REACT)
async def react(tx: Tx, actor: Actor, decision_id: int, kind: str, *, at: datetime | None = None) -> ReactionView:
    """Take an answer, once: the same again is the same. One that comes after the window is kept, and not learnt from.

    Raises:
        NotFound: no such tip, or somebody else's.
        Invalid: that is no answer.
        Conflict: it was answered otherwise already.
    """
    at = at or now()
    if kind not in _SAYABLE:
        raise Invalid("Answer with done, later or not_for_me.", field="kind")
    decision = await owned(Action.TIP_REACT, tx, actor, TipDecision, decision_id, WHAT)
    await tx.refresh(decision)
    if decision.state != "closed" and decision.ends_at <= at:
        await rewards.close(tx, decision, at=at)
    said = await rewards.reactions_to(tx, decision_id)
    before = next((each for each in said if each.kind == kind), None)
    if before is None:
        if any(each.kind in (Reaction.DONE, Reaction.NOT_FOR_ME) for each in said):
            raise Conflict("That tip was answered already.")
        before = TipReaction(decision_id=decision_id, kind=kind, at=at)
        before.late = await rewards.is_settled(tx, decision_id)
        tx.add(before)
        await tx.flush()
        if not before.late:
            await _follow(tx, decision, before, at)
        await stream.reacted(tx, decision, Reaction(kind), at)
    elif kind == Reaction.LATER and decision.state == "standing":  # it came back, and is put off once more
        await _put_off(tx, decision, at)
    return ReactionView(decision_id, before.kind, before.at, before.late)


async def _follow(tx: Tx, decision: TipDecision, row: TipReaction, at: datetime) -> None:
    """Whoever answers has seen it, even where their browser did not come to say so."""
    window = timedelta(hours=await value_of(tx, TIPS_WINDOW_H))
    decision.activated_at = decision.activated_at or at
    if row.kind != Reaction.LATER:
        decision.state = "closed"
        await tx.flush()
        await rewards.settle(tx, decision, at=at)
    elif decision.state != "closed":
        decision.ends_at = max(decision.ends_at, at + window)
        await _put_off(tx, decision, at)


async def _put_off(tx: Tx, decision: TipDecision, at: datetime) -> None:
    away = timedelta(minutes=await value_of(tx, TIPS_LATER_MIN))
    decision.state, decision.snoozed_until = "snoozed", at + away
