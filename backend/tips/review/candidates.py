"""What could be said, and on what it stands, as administrators see it: sentences and numbers, and nobody's name.

What a person calls their things is shown only where the administration shows it anyway, which is what belongs to the
platform. A habit's name, say, is left out of the sentence and of the slots.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, func, select

from backend.db import Tx
from backend.models import TipCandidate, TipDecision, TipPhrase
from backend.models.base import now
from backend.operation import operation, require
from backend.rules.consents import Scope
from backend.rules.features import FEATURES
from backend.rules.policy import Action, Actor
from backend.tips.candidates.kinds import KINDS

PAGE = 50
_MOST = 200
_MOST_PHRASES = 500
_LEFT_OUT = "…"
_LATELY = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class CandidateView:
    """One candidate. `last_said` is what became of it when its person was last asked about: `shown`, `free`, the
    reason why it could not be chosen, or empty where it was not there then."""

    id: int
    made_at: datetime
    expires_at: datetime
    kind: str
    sentence: str
    phrased_by: str
    slots: Mapping[str, str | int]
    feature: str
    value: float | None
    feature_at: datetime | None
    last_said: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """A model's words, with the places left open."""

    text: str
    alias: str
    model: str


@dataclass(frozen=True, slots=True)
class PhrasesView:
    """The words there are for a kind: so many of ours, these of models, and how many candidates use which."""

    kind: str
    templates: int
    phrases: tuple[Phrase, ...]
    in_use: Mapping[str, int]
    """By who phrased it: `template`, or a model's alias."""


@operation(Action.TIP_CANDIDATE_LIST)
async def list_candidates(
    tx: Tx, actor: Actor, *, kind: str = "", before_id: int | None = None, limit: int = PAGE
) -> list[CandidateView]:
    """Candidates that could be said in the last two days, newest first, of those with an id below `before_id`; of all
    kinds, or of one.
    """
    require(actor, Action.TIP_CANDIDATE_LIST)
    query = select(TipCandidate).where(col(TipCandidate.expires_at) > now() - _LATELY)
    query = query.order_by(col(TipCandidate.id).desc()).limit(max(1, min(limit, _MOST)))
    if kind:
        query = query.where(TipCandidate.kind == kind)
    if before_id is not None:
        query = query.where(col(TipCandidate.id) < before_id)
    rows = (await tx.exec(query)).all()
    said = await _last_said(tx, {row.user_id for row in rows})
    return [_candidate(row, said.get(row.id, "")) for row in rows]


@operation(Action.TIP_PHRASE_LIST)
async def list_phrases(tx: Tx, actor: Actor) -> list[PhrasesView]:
    """The words of each kind; who said those that are not ours, and how many candidates of now are in whose words."""
    require(actor, Action.TIP_PHRASE_LIST)
    rows = (await tx.exec(select(TipPhrase).order_by(col(TipPhrase.id).desc()).limit(_MOST_PHRASES))).all()
    kind, by = col(TipCandidate.kind), col(TipCandidate.phrased_by)
    used: dict[str, Counter[str]] = {}
    query = select(kind, by, func.count()).where(col(TipCandidate.expires_at) > now()).group_by(kind, by)
    for name, who, number in (await tx.exec(query)).all():
        used.setdefault(name, Counter())[who] = number
    return [
        PhrasesView(
            name,
            len(each.templates),
            tuple(Phrase(row.text, row.alias, row.model) for row in reversed(rows) if row.kind == name),
            dict(used.get(name, {})),
        )
        for name, each in KINDS.items()
    ]


async def _last_said(tx: Tx, user_ids: Iterable[int]) -> dict[int, str]:
    """By candidate, what the last decision of its person said of it."""
    last = select(func.max(TipDecision.id)).where(col(TipDecision.user_id).in_(set(user_ids)))
    last = last.group_by(col(TipDecision.user_id))
    rows = (await tx.exec(select(TipDecision).where(col(TipDecision.id).in_(last)))).all()
    said: dict[int, str] = {}
    for row in rows:
        for each in row.eligible:
            said[each["id"]] = "shown" if each["id"] == row.candidate_id else str(each["excluded"]) or "free"
    return said


def _candidate(row: TipCandidate, last_said: str) -> CandidateView:
    feature = str(row.grounding.get("feature", ""))
    hidden = [] if _is_known_anyway(feature) else [str(each) for each in row.slots.values() if isinstance(each, str)]
    slots: dict[str, str | int] = {
        name: _LEFT_OUT if str(each) in hidden and isinstance(each, str) else each for name, each in row.slots.items()
    }
    value: Any = row.grounding.get("value")
    at: Any = row.grounding.get("at")
    return CandidateView(
        row.id,
        row.made_at,
        row.expires_at,
        row.kind,
        _without(row.sentence, hidden),
        row.phrased_by,
        slots,
        feature,
        float(value) if isinstance(value, int | float) else None,
        datetime.fromisoformat(at) if isinstance(at, str) and at else None,
        last_said,
    )


def _is_known_anyway(feature: str) -> bool:
    """Whether it is of the platform: what is named there are containers, which the administration lists. What no
    scope knows is a fact of the platform, too: it needs no consent."""
    return feature not in FEATURES or FEATURES[feature].scope is Scope.PLATFORM


def _without(sentence: str, hidden: Iterable[str]) -> str:
    for each in sorted(hidden, key=len, reverse=True):
        sentence = sentence.replace(each, _LEFT_OUT) if each else sentence
    return sentence
