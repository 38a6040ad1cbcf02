"""What happens around tips, as events that are kept (events/durable.py): each is written with what it tells of."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from backend.db import Tx
from backend.events.contracts import accounts_pb2, signals_pb2, tips_pb2
from backend.events.durable import about, emit
from backend.models import TipAction, TipCandidate, TipDecision
from backend.rules.bandit.reward import Reaction

if TYPE_CHECKING:
    from backend.tips.features import Feature

_REACTIONS = {
    Reaction.DONE: tips_pb2.REACTION_DONE,
    Reaction.LATER: tips_pb2.REACTION_LATER,
    Reaction.NOT_FOR_ME: tips_pb2.REACTION_NOT_FOR_ME,
}


async def observed(tx: Tx, user_id: int, scope: str, features: "Iterable[Feature]") -> None:
    """Features were computed under a consent."""
    told = [
        signals_pb2.Feature(name=each.name, value=each.value, event_at=each.event_at, expires_at=each.until)
        for each in features
    ]
    if told:
        await emit(tx, about(user_id, signals_pb2.SignalObserved(scope=scope, features=told)))


async def consented(tx: Tx, user_id: int, scope: str, *, given: bool) -> None:
    """A consent was given or withdrawn."""
    await emit(tx, about(user_id, signals_pb2.ConsentChanged(scope=scope, is_given=given)))


async def connected(tx: Tx, user_id: int, provider: str) -> None:
    """An account was connected."""
    await emit(tx, about(user_id, accounts_pb2.AccountConnected(provider=provider)))


async def revoked(tx: Tx, user_id: int, provider: str, *, by_provider: bool) -> None:
    """An account opens no more."""
    await emit(tx, about(user_id, accounts_pb2.AccountRevoked(provider=provider, by_provider=by_provider)))


async def made(tx: Tx, user_id: int, rows: Sequence[TipCandidate]) -> None:
    """New candidates are there."""
    told = [tips_pb2.Candidate(id=str(row.id), kind=row.kind, phrased_by=row.phrased_by) for row in rows]
    if told:
        await emit(tx, about(user_id, tips_pb2.TipCandidatesMade(candidates=told)))


async def decided(tx: Tx, row: TipDecision) -> None:
    """A policy was asked, and a tip drawn."""
    told = tips_pb2.TipDecided(
        decision_id=str(row.id),
        eligible=[str(each["id"]) for each in row.eligible if not each["excluded"]],
        probabilities=row.probabilities,
        chosen=str(row.candidate_id),
        policy=row.policy,
        policy_version=row.policy_version,
        stage=row.stage,
        seed=row.seed,
    )
    await emit(tx, about(row.user_id, told, at=row.at))


async def shown(tx: Tx, user_id: int, tip: str, channel: str, *, at: datetime) -> None:
    """A tip was put in front of its person."""
    await emit(tx, about(user_id, tips_pb2.TipShown(decision_id=tip, channel=channel), at=at))


async def activated(tx: Tx, row: TipDecision, channel: str) -> None:
    """The tip was in sight for a second."""
    told = tips_pb2.TipActivated(decision_id=str(row.id), channel=channel)
    await emit(tx, about(row.user_id, told, at=row.activated_at))


async def reacted(tx: Tx, row: TipDecision, reaction: Reaction, at: datetime) -> None:
    """Its person answered."""
    told = tips_pb2.TipReacted(decision_id=str(row.id), reaction=_REACTIONS[reaction])
    await emit(tx, about(row.user_id, told, at=at))


async def settled(tx: Tx, row: TipDecision, value: float, outcome: str) -> None:
    """What the tip was worth is known."""
    told = tips_pb2.RewardSettled(decision_id=str(row.id), reward=value, outcome=outcome, propensity=row.propensity)
    await emit(tx, about(row.user_id, told))


async def acted(tx: Tx, user_id: int, action: TipAction, at: datetime, *, is_undo: bool = False) -> None:
    """The tip's action was taken, or taken back."""
    told = tips_pb2.TipActionTaken(
        decision_id=str(action.decision_id), action=action.verb, is_undo=is_undo, asked_at=at
    )
    await emit(tx, about(user_id, told, at=at))
