"""What could be said to a person now, as rows: the same thing is one row, however often it is looked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, delete, func, select

from backend.db import Tx
from backend.models import Container, TipCandidate, TipDecision, TipPhrase
from backend.models.base import now
from backend.tips import stream
from backend.tips.candidates import kinds
from backend.tips.candidates.grounding import problems
from backend.tips.candidates.shapes import Find, Kind, Known, digest_of, filled, grounding_of
from backend.tips.features import Feature

_PRUNED_AT_ONCE = 2000
_KEPT_UNUSED = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Made:
    """A candidate, and what it was found by; `found` is empty where it is not true any more."""

    row: TipCandidate
    kind: Kind
    found: Find | None


async def known_of(tx: Tx, user_id: int, features: Mapping[str, Feature], *, is_admin: bool) -> Known:
    """What kinds may look at, with the facts that need no consent."""
    count = select(func.count()).where(Container.user_id == user_id, col(Container.delete_requested_at).is_(None))
    return Known(features, {"containers": float((await tx.exec(count)).one())}, is_admin)


async def refresh(tx: Tx, user_id: int, known: Known, *, at: datetime) -> list[Made]:
    """All candidates of the person that have not expired, those that are new among them."""
    wanted = {digest_of(kind.name, found): (kind, found) for kind, found in kinds.everything(known)}
    query = select(TipCandidate).where(TipCandidate.user_id == user_id, col(TipCandidate.expires_at) > at)
    rows = {row.digest: row for row in (await tx.exec(query.order_by(col(TipCandidate.id)))).all()}
    missing = [digest for digest in wanted if digest not in rows]
    if missing:
        phrases = await _phrases(tx)
        for digest in missing:
            kind, found = wanted[digest]
            row = await _written(tx, user_id, digest, phrases.get(kind.name, []), kind, found)
            if row is not None:
                row.grounding = grounding_of(found, known, at)
                row.made_at, row.expires_at = at, at + kind.lasts
                tx.add(row)
                rows[digest] = row
        await tx.flush()
        await stream.made(tx, user_id, [rows[digest] for digest in missing if digest in rows])
    known_kinds = kinds.KINDS
    return [
        Made(row, known_kinds[row.kind], wanted.get(digest, (None, None))[1])
        for digest, row in rows.items()
        if row.kind in known_kinds
    ]


def words_for(kind: Kind, found: Find, digest: str, phrases: Sequence[TipPhrase]) -> tuple[str, str]:
    """A sentence, and who phrased it: the same for the same thing. What would not pass the check is not chosen."""
    ways = [(each, "template") for each in kind.templates] + [(each.text, each.alias) for each in phrases]
    turn = int(digest[:8], 16) % len(ways)
    for template, by in ways[turn:] + ways[:turn]:
        sentence = filled(template, found.slots)
        if not problems(sentence, found.slots):
            return sentence, by
    return "", ""


async def prune(tx: Tx) -> int:
    """Remove candidates that expired two days ago and that no decision names; returns how many."""
    named = select(TipDecision.id).where(TipDecision.candidate_id == TipCandidate.id).exists()
    old = select(TipCandidate.id).where(col(TipCandidate.expires_at) < now() - _KEPT_UNUSED, ~named)
    gone = delete(TipCandidate).where(col(TipCandidate.id).in_(old.limit(_PRUNED_AT_ONCE)))
    return (await tx.exec(gone)).rowcount


async def _phrases(tx: Tx) -> dict[str, list[TipPhrase]]:
    rows = (await tx.exec(select(TipPhrase).order_by(col(TipPhrase.id)))).all()
    by_kind: dict[str, list[TipPhrase]] = {}
    for row in rows:
        by_kind.setdefault(row.kind, []).append(row)
    return by_kind


async def _written(
    tx: Tx, user_id: int, digest: str, phrases: Sequence[TipPhrase], kind: Kind, found: Find
) -> TipCandidate | None:
    """The row of what is true again, or a new one; None where there are no words for it."""
    sentence, by = words_for(kind, found, digest, phrases)
    if not sentence:
        return None
    query = select(TipCandidate).where(TipCandidate.user_id == user_id, TipCandidate.digest == digest)
    row = (await tx.exec(query)).first() or TipCandidate(user_id=user_id, digest=digest, kind=kind.name, sentence="")
    row.sentence, row.phrased_by = sentence, by
    row.target_type, row.target_id, row.slots = found.target_type, found.target_id, dict(found.slots)
    if found.offer is not None:
        label = filled(found.offer.label, found.slots)
        row.action = {"verb": found.offer.verb, "label": label, "target": found.offer.target}
    return row
