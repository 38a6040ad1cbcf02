"""What is known about a person for tips: numbers of rules/features.py, with when each was so and how long it holds.

Nobody reads one whose consent is gone, or whose time is over, whatever the table still holds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import col, delete, select

from backend.db import Tx
from backend.models import TipFeature, User
from backend.models.base import now
from backend.operation import operation, require
from backend.rules.consents import Scope
from backend.rules.features import FEATURES
from backend.rules.policy import Action, Actor
from backend.tips.consents import live

_PRUNED_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Feature:
    """One number about a person. `detail` names what of the platform's it is about, where that can be named."""

    name: str
    value: float
    detail: dict[str, Any] = field(default_factory=dict[str, Any])
    event_at: datetime = field(default_factory=now)
    computed_at: datetime = field(default_factory=now)
    expires_at: datetime | None = None
    """Without one it holds as long as its kind says."""

    def is_stale(self, at: datetime) -> bool:
        """Whether it is older than its signal promises."""
        return at - self.computed_at > FEATURES[self.name].fresh_for

    @property
    def until(self) -> datetime:
        """When it is forgotten."""
        return self.expires_at or self.computed_at + FEATURES[self.name].ttl


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh one feature is, over everybody who has it. Ages in seconds."""

    name: str
    scope: Scope
    promised_s: float
    held_by: int
    stale: int
    oldest_s: float


async def profile(tx: Tx, user_id: int, *, at: datetime) -> Mapping[str, Feature]:
    """What is known about a person at `at`, by name: only what they agree to now, and what has not run out."""
    agreed = await live(tx, user_id)
    query = select(TipFeature).where(TipFeature.user_id == user_id, col(TipFeature.expires_at) > at)
    rows = (await tx.exec(query.order_by(col(TipFeature.name)))).all()
    return {row.name: _feature(row) for row in rows if row.name in FEATURES and FEATURES[row.name].scope in agreed}


async def write(tx: Tx, user_id: int, features: Iterable[Feature]) -> None:
    """Keep these in the place of those of the same names. A feature that nobody registered is a mistake.

    Raises:
        KeyError: rules/features.py does not know one of them.
    """
    for each in features:
        _ = FEATURES[each.name]
        row = TipFeature(
            user_id=user_id,
            name=each.name,
            value=each.value,
            detail=each.detail,
            event_at=each.event_at,
            computed_at=each.computed_at,
            expires_at=each.until,
        )
        await tx.merge(row)
    await tx.flush()


async def replace(tx: Tx, user_id: int, scope: Scope, features: Iterable[Feature]) -> None:
    """What a scope says now: these, and nothing of what it said before."""
    fresh = list(features)
    names = [name for name, kind in FEATURES.items() if kind.scope is scope and name not in {f.name for f in fresh}]
    await tx.exec(delete(TipFeature).where(col(TipFeature.user_id) == user_id, col(TipFeature.name).in_(names)))
    await write(tx, user_id, fresh)


async def forget(tx: Tx, user_id: int, scope: Scope) -> None:
    """Remove all that was derived under a scope."""
    await replace(tx, user_id, scope, ())


@operation(Action.FEATURE_LIST)
async def my_features(tx: Tx, actor: Actor) -> list[Feature]:
    """What is known about the actor now."""
    require(actor, Action.FEATURE_LIST)
    return list((await profile(tx, actor.person_id, at=now())).values())


@operation(Action.FEATURE_FRESHNESS)
async def freshness(tx: Tx, actor: Actor) -> list[Freshness]:
    """How every feature keeps the promise of its signal now, over all people; nobody's values are in it."""
    require(actor, Action.FEATURE_FRESHNESS)
    at = now()
    query = select(TipFeature.name, TipFeature.computed_at).join(User).where(col(TipFeature.expires_at) > at)
    ages: dict[str, list[float]] = {name: [] for name in FEATURES}
    for name, computed_at in (await tx.exec(query)).all():
        ages.setdefault(name, []).append((at - computed_at).total_seconds())
    return [
        Freshness(
            name,
            kind.scope,
            kind.fresh_for.total_seconds(),
            held_by=len(ages[name]),
            stale=sum(age > kind.fresh_for.total_seconds() for age in ages[name]),
            oldest_s=max(ages[name], default=0.0),
        )
        for name, kind in FEATURES.items()
    ]


async def prune(tx: Tx) -> int:
    """Remove a batch of what has run out; returns how many."""
    over = select(TipFeature.user_id, TipFeature.name).where(col(TipFeature.expires_at) <= now())
    rows = (await tx.exec(over.limit(_PRUNED_AT_ONCE))).all()
    for user_id, name in rows:
        mine = (col(TipFeature.user_id) == user_id, col(TipFeature.name) == name, col(TipFeature.expires_at) <= now())
        await tx.exec(delete(TipFeature).where(*mine))
    return len(rows)


def _feature(row: TipFeature) -> Feature:
    return Feature(row.name, row.value, row.detail, row.event_at, row.computed_at, row.expires_at)
