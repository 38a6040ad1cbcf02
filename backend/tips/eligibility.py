"""Which candidates may be chosen at all: decided, and written down, before any policy is asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select

from backend.db import Tx
from backend.models import TipAction, TipDecision, TipReaction
from backend.rules.bandit.encoding import recency
from backend.rules.bandit.reward import Reaction
from backend.tips.candidates.making import Made

_BLOCKED_FOR = timedelta(days=30)
_BLOCKS_KIND_AFTER = 2
"""So many times not for me, of whatever target: the kind is not for them."""
_RECENT = timedelta(days=30)
_HOUR = timedelta(hours=1)

Target = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Past:
    """What was shown of one target, when, and what was said to it."""

    target: Target
    at: datetime
    reactions: frozenset[str]
    was_acted_on: bool
    is_open: bool


def reason(made: Made, past: Iterable[Past], *, at: datetime, is_quiet: bool) -> str:
    """Why a candidate can't be chosen; empty: it can."""
    if is_quiet:
        return "quiet hours"
    if made.found is None:
        return "no longer true"
    mine = target_of(made.row.kind, made.row.target_type, made.row.target_id)
    refused = [each for each in past if Reaction.NOT_FOR_ME in each.reactions and at - each.at < _BLOCKED_FOR]
    if any(each.target == mine for each in refused):
        return "not for me"
    if sum(each.target[0] == made.kind.name for each in refused) >= _BLOCKS_KIND_AFTER:
        return "not for me, whatever it is about"
    for each in past:
        if each.target != mine:
            continue
        if each.is_open:
            return "later"
        if each.was_acted_on or each.reactions:
            rests = made.kind.rest if each.was_acted_on or Reaction.DONE in each.reactions else made.kind.rest / 4
            if at - each.at < rests:
                return "cool-down"
    return ""


async def past_of(tx: Tx, user_id: int, *, at: datetime) -> list[Past]:
    """What was shown to them in the last month."""
    query = select(TipDecision).where(TipDecision.user_id == user_id, col(TipDecision.at) > at - _RECENT)
    decisions = (await tx.exec(query)).all()
    ids = [each.id for each in decisions]
    said: dict[int, set[str]] = {}
    for row in (await tx.exec(select(TipReaction).where(col(TipReaction.decision_id).in_(ids)))).all():
        said.setdefault(row.decision_id, set()).add(row.kind)
    used = select(TipAction.decision_id).where(col(TipAction.decision_id).in_(ids), col(TipAction.used_at).is_not(None))
    acted = set((await tx.exec(used)).all())
    return [
        Past(
            target_in(each.shown),
            each.at,
            frozenset(said.get(each.id, ())),
            was_acted_on=each.id in acted,
            is_open=each.state != "closed",
        )
        for each in decisions
    ]


def habituation(past: Iterable[Past], kind: str, *, at: datetime) -> dict[str, float]:
    """How tired a person may be of a kind, each from 0 to 1: shown lately, shown often, refused."""
    of_kind = [each for each in past if each.target[0] == kind]
    shown_h = [(at - each.at) / _HOUR for each in of_kind]
    refused_h = [(at - each.at) / _HOUR for each in of_kind if Reaction.NOT_FOR_ME in each.reactions]
    return recency(shown_h_ago=shown_h, refused_h_ago=refused_h)


def target_of(kind: str, target_type: str, target_id: str) -> Target:
    """What a tip is about, whatever its numbers are."""
    return kind, target_type, target_id


def target_in(shown: Mapping[str, Any]) -> Target:
    """As `target_of`, of what a decision showed."""
    return target_of(str(shown.get("kind")), str(shown.get("target_type")), str(shown.get("target_id")))
