"""Which policy decides: the active one, in a mixture with one that is tried out; shadows are only asked and noted."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, cast

import numpy as np
from numpy import float64
from numpy.typing import ArrayLike, NDArray
from sqlalchemy.orm import defer
from sqlmodel import col, or_, select, update

from backend.db import Tx
from backend.models import TipPolicy
from backend.models.base import now
from backend.rules.bandit.distributions import mixture
from backend.rules.bandit.shapes import Arm, Context, Policy
from backend.rules.bandit.stages import Stage
from backend.tips import policies, serving

log = logging.getLogger(__name__)

ACTIVE, CANARY, SHADOW = Stage.ACTIVE, Stage.CANARY, Stage.SHADOW
FALLBACK = "fallback"
_ASKED = (ACTIVE, CANARY, SHADOW)


class _Known(NamedTuple):
    """A policy as it was read last, of which row's contents, and how it is named to ML_SERVING_URL."""

    key: tuple[str, int, datetime]
    policy: Policy
    state_id: str


_known: dict[int, _Known] = {}
"""By row: to read a policy costs a hundred times as much as to ask it."""


@dataclass(slots=True)
class Verdict:
    """Who decided, the vector that is drawn from, and what each policy would have said."""

    policy: str
    version: int
    stage: str
    probabilities: NDArray[float64]
    opinions: dict[str, Any] = field(default_factory=dict[str, Any])


async def verdict(tx: Tx, context: Context, arms: Sequence[Arm]) -> Verdict:
    """Ask every policy that has a say, or is watched. The mixture's vector is exact: nothing is drawn here.

    Raises:
        ValueError: there are no arms.
    """
    rows = await live(tx, with_state=False)
    opinions: dict[str, Any] = {}
    vectors: dict[str, tuple[TipPolicy, NDArray[float64]]] = {}
    for row in rows:
        known = await _asked(tx, row)
        if known is None:
            continue
        answer = await serving.distribution(known.policy, context, arms, state_id=known.state_id)
        said = checked(answer.probabilities, len(arms), answer.policy)
        opinions[key_of(row)] = {"stage": row.stage, "by": answer.policy, "probabilities": said.tolist()}
        if row.stage in (ACTIVE, CANARY):
            vectors.setdefault(row.stage, (row, said))
    if ACTIVE not in vectors:
        baseline = policies.make(policies.BASELINE, {})
        said = checked(baseline.distribution(context, arms), len(arms), baseline.name)
        opinions[f"{baseline.name}@{baseline.version}"] = {"stage": FALLBACK, "probabilities": said.tolist()}
        return Verdict(baseline.name, baseline.version, FALLBACK, said, opinions)
    row, vector = vectors[ACTIVE]
    if CANARY not in vectors:
        return Verdict(row.name, row.version, ACTIVE, vector, opinions)
    return Verdict(row.name, row.version, CANARY, mixture(vector, vectors[CANARY][1]), opinions)


def key_of(row: TipPolicy) -> str:
    """How a decision names a policy among those that were asked."""
    return f"{row.name}@{row.version}"


async def live(tx: Tx, *, with_state: bool = True) -> list[TipPolicy]:
    """The policies that are asked; without their state, which may be a megabyte, it is only read when it is touched."""
    before = select(TipPolicy.predecessor_id).where(TipPolicy.stage == ACTIVE)
    asked = or_(col(TipPolicy.stage).in_(_ASKED), col(TipPolicy.id).in_(before))
    query = select(TipPolicy).where(asked).order_by(col(TipPolicy.id))
    if not with_state:
        query = query.options(defer(cast(Any, TipPolicy.state)))
    return list((await tx.exec(query)).all())


async def found(tx: Tx) -> None:
    """A new installation's first: the rule decides, and the one that learns looks on until it is promoted."""
    if (await tx.exec(select(TipPolicy.id).limit(1))).first() is None:
        await put(tx, policies.BASELINE, ACTIVE)
        await put(tx, policies.LEARNER, SHADOW)


async def put(tx: Tx, name: str, stage: str) -> TipPolicy:
    """Put this code's version of a policy at a stage, with what it has learnt; who had the stage alone, leaves it.

    Raises:
        KeyError: there is no policy of that name.
    """
    version = policies.make(name, {}).version
    if stage in (ACTIVE, CANARY):
        await tx.exec(update(TipPolicy).where(col(TipPolicy.stage) == stage).values(stage="retired", since=now()))
    query = select(TipPolicy).where(TipPolicy.name == name, TipPolicy.version == version)
    row = (await tx.exec(query.with_for_update())).first() or TipPolicy(name=name, version=version)
    row.stage, row.since = stage, now()
    tx.add(row)
    await tx.flush()
    return row


async def _asked(tx: Tx, row: TipPolicy) -> _Known | None:
    """As `current`, but read once for each time that it has learnt: what it is asked changes nothing in it."""
    key, known = (row.name, row.version, row.updated_at), _known.get(row.id)
    if known is None or known.key != key:
        await tx.refresh(row, ["state"])
        policy = current(row)
        if policy is None:
            return None
        known = _known[row.id] = _Known(key, policy, serving.digest(policy.state()))
    return known


def current(row: TipPolicy) -> Policy | None:
    """The policy of a row, with what it learnt. None where this code has another version of it, or none at all.

    What another version learnt is neither read nor thrown away: the row stays as it is, and somebody has to promote
    the new version in its place.
    """
    version = policies.version_of(row.name)
    ours = f"version {version}" if version is not None else "nothing of that name"
    if version == row.version:
        try:
            return policies.make(row.name, row.state)
        except ValueError as fault:
            ours = f"no use for its state ({fault})"
    log.warning(
        "policy %s is %s in version %s, and this program has %s: it is not asked, and keeps what it learnt",
        *(row.name, row.stage, row.version, ours),
    )
    return None


def checked(vector: ArrayLike, length: int, name: str) -> NDArray[float64]:
    """What a policy says, if that is a distribution.

    Raises:
        RuntimeError: it is none.
    """
    said = np.asarray(vector, dtype=float64)
    if said.shape != (length,) or not np.isfinite(said).all() or (said < 0).any() or abs(said.sum() - 1) > 1e-6:
        raise RuntimeError(f"what {name} says is no distribution over {length} arms: {said!r}")
    return said / said.sum()
