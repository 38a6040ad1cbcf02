"""A press on a tip's button, and on “undo”: once each, in time, by its person, and only while it is still right."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import select

from backend.db import Tx
from backend.errors import Conflict
from backend.models import TipAction, TipDecision
from backend.models.base import now
from backend.operation import note, operation
from backend.rules.policy import Action, Actor
from backend.services.targets import owned
from backend.tips import rewards, stream
from backend.tips.actions import tokens
from backend.tips.actions.effects import LASTING
from backend.tips.actions.verbs import VERBS

UNDO_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class DoneView:
    """What came of a press. `opens`: a page of ours to go on to. `undo_until` is empty where it is for good."""

    decision_id: int
    message: str
    opens: str
    undo_until: datetime | None


@operation(Action.TIP_ACT)
async def act(tx: Tx, actor: Actor, decision_id: int, token: str, *, at: datetime | None = None) -> DoneView:
    """Do what the tip offers, once. What it does is done by its own service, as the actor, and audited there too.

    Raises:
        NotFound: no such tip, or somebody else's.
        Conflict: not its token, it was done already, it is too late, or things are not any more as the tip says.
    """
    at = at or now()
    decision, action = await _locked(tx, actor, Action.TIP_ACT, decision_id)
    if not tokens.is_right(action, token):
        raise Conflict("That is not this tip's token. Load the page again.")
    if action.used_at is not None:
        raise Conflict("That was done already.")
    if action.expires_at <= at:
        raise Conflict("That tip is too old to act on.")
    verb = VERBS[action.verb]
    note(message=f"{action.verb} {action.target}", verb=action.verb)
    action.outcome = await verb.do(tx, actor, action, at)
    action.used_at = at
    decision.activated_at = decision.activated_at or at
    if action.verb in LASTING:
        decision.state = "closed"
        await tx.flush()
    await stream.acted(tx, decision.user_id, action, at)
    until = at + UNDO_WITHIN if verb.undo is not None else None
    opens = str(action.outcome.get("open", ""))
    return DoneView(decision_id, verb.done.format(**action.outcome), opens, until)


@operation(Action.TIP_UNDO)
async def undo(tx: Tx, actor: Actor, decision_id: int, *, at: datetime | None = None) -> DoneView:
    """Take back what the tip's action did, within ten minutes. Twice is the same as once.

    Raises:
        NotFound: no such tip, or somebody else's.
        Conflict: nothing was done, it can't be taken back, or it is too late.
    """
    at = at or now()
    decision, action = await _locked(tx, actor, Action.TIP_UNDO, decision_id)
    verb = VERBS[action.verb]
    if action.used_at is None or verb.undo is None:
        raise Conflict("There is nothing to take back.")
    if action.undone_at is None:
        if at > action.used_at + UNDO_WITHIN:
            raise Conflict("It is too late to take that back here.")
        note(message=f"{action.verb} {action.target}", verb=action.verb)
        await verb.undo(tx, actor, action, at)
        action.undone_at = at
        await tx.flush()
        await rewards.settle(tx, decision, at=at)
        await stream.acted(tx, decision.user_id, action, at, is_undo=True)
    return DoneView(decision_id, verb.undone.format(**action.outcome), "", None)


async def _locked(tx: Tx, actor: Actor, asked: Action, decision_id: int) -> tuple[TipDecision, TipAction]:
    note("tip", decision_id)
    decision = await owned(asked, tx, actor, TipDecision, decision_id, "That tip")
    query = select(TipAction).where(TipAction.decision_id == decision_id).with_for_update()
    action = (await tx.exec(query.execution_options(populate_existing=True))).first()
    if action is None:
        raise Conflict("There is nothing to press in that tip.")
    return decision, action
