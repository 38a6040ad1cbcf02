"""`recommend`: the one tip of this moment. The only place that draws, and it draws from the vector that it writes down.

The tip that stands is given again until it is answered or its time is over. Whatever chooses can be swapped for
another (backend/tips/policies.py): who asks sees none of it.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select

from backend.db import Tx
from backend.models import TipAction, TipDecision, User
from backend.models.base import now
from backend.operation import operation, require
from backend.rules.bandit.distributions import pick
from backend.rules.bandit.shapes import Arm, Context
from backend.rules.policy import Action, Actor
from backend.rules.telling import Channel
from backend.tips import eligibility, features, moment, rewards, stages, stream
from backend.tips.actions import tokens
from backend.tips.candidates import making
from backend.tips.candidates.making import Made
from backend.tips.moment import Moment
from backend.tips.reaching import arbiter
from backend.tips.views import TipView, view_of

_SEED_BITS = 62
_ACTION_LASTS = timedelta(hours=4)


@operation(Action.TIP_ASK)
async def recommend(
    tx: Tx,
    actor: Actor,
    *,
    device: str = "",
    time_zone: str = "",
    idempotency_key: str = "",
    channel: Channel | None = None,
    at: datetime | None = None,
) -> TipView | None:
    """The tip for the actor now; None: there is nothing worth saying. Asking again gives the same one.

    Args:
        device, time_zone: as `moment.moment_of`.
        channel: the page that shows it at once, so that no other channel tells of it, too.
    """
    require(actor, Action.TIP_ASK)
    at, user_id = at or now(), actor.person_id
    await tx.get_one(User, user_id, with_for_update=True)  # one tip a person, whoever else asks for them now
    here = await moment.moment_of(tx, user_id, at=at, device=device, time_zone=time_zone)
    profile = await features.profile(tx, user_id, at=at)
    known = await making.known_of(tx, user_id, profile, is_admin=actor.is_superuser)
    made = await making.refresh(tx, user_id, known, at=at)
    standing = await _still_standing(tx, user_id, made, at=at)
    decision = standing or await _decide(tx, user_id, made, here, _context(user_id, here, profile))
    if decision is None:
        return None
    if standing is None:
        decision.idempotency_key, decision.via = idempotency_key[:200], actor.via
    if channel is not None:
        await arbiter.tell(tx, decision, channel, at=at)
    return await _shown(tx, decision)


@operation(Action.TIP_LOOK)
async def current(tx: Tx, actor: Actor, *, at: datetime | None = None) -> TipView | None:
    """The tip that stands; nothing is chosen."""
    require(actor, Action.TIP_LOOK)
    query = select(TipDecision).where(TipDecision.user_id == actor.user_id, TipDecision.state == "standing")
    decision = (await tx.exec(query)).first()
    if decision is None or decision.ends_at <= (at or now()):
        return None
    return await _shown(tx, decision)


async def _shown(tx: Tx, decision: TipDecision) -> TipView:
    query = select(TipAction).where(TipAction.decision_id == decision.id)
    return view_of(decision, (await tx.exec(query)).first())


async def _still_standing(tx: Tx, user_id: int, made: Sequence[Made], *, at: datetime) -> TipDecision | None:
    """The decision that stands, or that is back after a “later”. What is over or not true any more is settled."""
    true = {
        eligibility.target_of(each.row.kind, each.row.target_type, each.row.target_id)
        for each in made
        if each.found is not None
    }
    query = select(TipDecision).where(TipDecision.user_id == user_id, TipDecision.state != "closed")
    back: TipDecision | None = None
    for each in (await tx.exec(query.order_by(col(TipDecision.id)).with_for_update())).all():
        if each.ends_at <= at or eligibility.target_in(each.shown) not in true:
            await rewards.close(tx, each, at=at, is_over=each.ends_at <= at)
        elif each.state == "standing":
            return each
        elif each.snoozed_until is not None and each.snoozed_until <= at:
            back = back or each
    if back is not None:
        back.state = "standing"
        await tx.flush()
    return back


async def _decide(tx: Tx, user_id: int, made: Sequence[Made], here: Moment, context: Context) -> TipDecision | None:
    """Choose among what is eligible, and write down all of it."""
    past = await eligibility.past_of(tx, user_id, at=here.at)
    log: list[dict[str, Any]] = []
    choice: list[tuple[Made, Arm]] = []
    for each in made:
        excluded = eligibility.reason(each, past, at=here.at, is_quiet=here.is_quiet)
        arm = _arm(each, eligibility.habituation(past, each.row.kind, at=here.at))
        log.append({"id": each.row.id, "kind": arm.kind, "values": dict(arm.values), "excluded": excluded})
        if not excluded:
            choice.append((each, arm))
    if not choice:
        return None
    verdict = await stages.verdict(tx, context, [arm for _, arm in choice])
    seed = secrets.randbits(_SEED_BITS)
    number = pick(verdict.probabilities, seed)
    chosen, arm = choice[number]
    decision = TipDecision(
        user_id=user_id,
        at=here.at,
        context=dict(context.values),
        eligible=log,
        probabilities=verdict.probabilities.tolist(),
        opinions=verdict.opinions,
        candidate_id=chosen.row.id,
        shown=_as_shown(chosen, arm),
        propensity=float(verdict.probabilities[number]),
        policy=verdict.policy,
        policy_version=verdict.version,
        stage=verdict.stage,
        seed=seed,
        ends_at=chosen.row.expires_at,
    )
    tx.add(decision)
    await tx.flush()
    await _allow_action(tx, decision, chosen)
    await stream.decided(tx, decision)
    return decision


async def _allow_action(tx: Tx, decision: TipDecision, chosen: Made) -> None:
    offered = chosen.row.action
    if not offered:
        return
    ends = decision.at + _ACTION_LASTS
    action = TipAction(
        decision_id=decision.id, verb=offered["verb"], target=offered["target"], token_hash="", expires_at=ends
    )
    action.token_hash = tokens.hash_of(tokens.token_of(action))
    tx.add(action)
    await tx.flush()


def _as_shown(chosen: Made, arm: Arm) -> dict[str, Any]:
    row = chosen.row
    return {
        "kind": row.kind,
        "target_type": row.target_type,
        "target_id": row.target_id,
        "sentence": row.sentence,
        "action": row.action,
        "phrased_by": row.phrased_by,
        "grounding": row.grounding,
        "values": dict(arm.values),
    }


def _arm(made: Made, habituation: dict[str, float]) -> Arm:
    values = {**(made.found.values if made.found is not None else {}), **habituation, "priority": made.kind.priority}
    return Arm(str(made.row.id), made.row.kind, {name: max(-1.0, min(1.0, value)) for name, value in values.items()})


def _context(user_id: int, here: Moment, profile: Any) -> Context:
    """The moment, and the numbers of the profile, each squeezed into -1 to 1."""
    values = dict(here.values)
    for name, feature in profile.items():
        values[name] = feature.value / (1 + abs(feature.value))
    return Context(user_id, values)
