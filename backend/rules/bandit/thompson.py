"""Linear Thompson sampling: one posterior for all people, and a little of each person's own."""

import base64
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from backend.rules.bandit.distributions import floored
from backend.rules.bandit.encoding import Columns, named
from backend.rules.bandit.shapes import Arm, Context

_PRIOR_OF_ALL, _PRIOR_OF_ONE, _PRIOR_OF_BOTH = 1.0, 4.0, 16.0
"""How many observations the prior of a weight counts for, which says 0: of what all tips share, of one kind or one
number, and of a kind together with a number. The finer the distinction, the more has to speak for it."""
_PERSON_PRIOR = 20.0
"""Likewise for how far a person is from all others about a kind."""
_SPREAD = 0.1
"""The standard deviation of a reward around what is expected of it, as the posterior's width has it. It really is 0.4
or so; but the floor explores besides, and both at their full width would be too much."""
_DRAWS = 1024
_JITTER = 1e-9


class StateMismatch(ValueError):
    """What was learnt is of another policy, or of another version of it: who loads it says what becomes of it."""


class Thompson:
    """Each arm is as probable as that it is the best, by what has been learnt; none is less so than the floor.

    The reward is modelled as x·w + o, where x is the row of `encoding.named`, w ~ N(0, s²/prior) is everybody's, and
    o ~ N(0, s²/20) is of one person and one kind. The posterior of w is exact (recursive least squares), given the o's
    means; the posterior of each o is exact, given w's mean. The vector that is returned is what is drawn from, so its
    numbers are the propensities, without any error: that they stand for the probability of being best within what 1,024
    fixed draws can tell is a matter of quality alone. The draws never change, so the same question has the same answer.

    Source: Agrawal and Goyal, “Thompson Sampling for Contextual Bandits with Linear Payoffs”, ICML 2013, with a fixed
    width in place of their growing one; Chapelle and Li, NIPS 2011, for the narrowing.
    """

    name = "thompson"
    version = 1

    def __init__(self, state: Mapping[str, object] | None = None) -> None:
        """Take back what `state` gave; without it, nothing has been learnt.

        Raises:
            StateMismatch: it is not of this policy and this version.
        """
        self._columns = Columns()
        self._mean = np.zeros(0)
        self._covariance = np.zeros((0, 0))
        self._people: dict[int, dict[str, tuple[float, float]]] = {}
        self._updates = 0
        if state:
            self._restore(cast(Mapping[str, Any], state))

    @property
    def updates(self) -> int:
        """How many rewards it has learnt from."""
        return self._updates

    def distribution(self, context: Context, arms: Sequence[Arm]) -> NDArray[float64]:
        """As of `Policy`. It depends on which arms there are, and not on their order."""
        if not arms:
            raise ValueError("there are no arms")
        order = sorted(range(len(arms)), key=lambda place: (arms[place].id, arms[place].kind))
        mean, covariance = self._posterior(context, [arms[place] for place in order])
        root = np.linalg.cholesky(covariance + _JITTER * np.eye(len(arms)))
        best = np.argmax(mean + _SPREAD * (_normals(len(arms)) @ root.T), axis=1)
        result = np.empty(len(arms))
        result[order] = floored(np.bincount(best, minlength=len(arms)).astype(float64))
        return result

    def expected(self, context: Context, arms: Sequence[Arm]) -> NDArray[float64]:
        """The reward that each arm is expected to bring: the model that DM and DR lean on."""
        return self._posterior(context, arms)[0]

    def update(self, context: Context, arm: Arm, *, reward: float, propensity: float) -> None:
        """As of `Policy`. The propensity is not needed: what was shown does not change what it was worth."""
        row = named(context, arm)
        self._grow(self._columns.add(row))
        x = self._columns.matrix([row])[0]
        known = self._people.get(context.user_id, {}).get(arm.kind, (0.0, 0.0))
        left = reward - _own_mean(known) - float(x @ self._mean)
        step = self._covariance @ x
        step_size = 1.0 / (1.0 + float(x @ step))
        self._covariance -= step_size * np.outer(step, step)
        self._mean += step_size * left * step
        own = reward - float(x @ self._mean)
        self._people.setdefault(context.user_id, {})[arm.kind] = (known[0] + 1.0, known[1] + own)
        self._updates += 1

    def forget(self, user_id: int) -> None:
        """Drop what is this person's own. What they taught about all people stays: it names nobody."""
        self._people.pop(user_id, None)

    def state(self) -> dict[str, object]:
        """As of `Policy`: the covariance is the lower triangle, row by row, as base64 of little-endian doubles."""
        lower = self._covariance[np.tril_indices(len(self._mean))]
        return {
            "policy": self.name,
            "version": self.version,
            "updates": self._updates,
            "columns": list(self._columns.names),
            "mean": self._mean.tolist(),
            "covariance": base64.b64encode(lower.astype("<f8").tobytes()).decode(),
            "people": {
                str(user): {kind: list(own) for kind, own in kinds.items()} for user, kinds in self._people.items()
            },
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        if (state.get("policy"), state.get("version")) != (self.name, self.version):
            raise StateMismatch(f"this was not learnt by {self.name}, version {self.version}")
        self._columns = Columns(list(state["columns"]))
        self._mean = np.array(state["mean"], dtype=float64)
        lower = np.zeros((len(self._mean), len(self._mean)))
        lower[np.tril_indices(len(self._mean))] = np.frombuffer(base64.b64decode(state["covariance"]), dtype="<f8")
        self._covariance = lower + np.tril(lower, -1).T
        self._people = {
            int(user): {kind: (float(own[0]), float(own[1])) for kind, own in kinds.items()}
            for user, kinds in state["people"].items()
        }
        self._updates = int(state["updates"])

    def _posterior(self, context: Context, arms: Sequence[Arm]) -> tuple[NDArray[float64], NDArray[float64]]:
        """Mean and covariance of the arms' rewards, the latter in units of the spread's square."""
        rows = [named(context, arm) for arm in arms]
        x = self._columns.matrix(rows)
        new = [sum(value**2 / _prior(name) for name, value in self._columns.new(row).items()) for row in rows]
        own = self._people.get(context.user_id, {})
        known = [own.get(arm.kind, (0.0, 0.0)) for arm in arms]
        mean = x @ self._mean + np.array([_own_mean(each) for each in known])
        own_variance = np.array([1.0 / (_PERSON_PRIOR + count) for count, _ in known])
        same_kind = np.array([[one.kind == other.kind for other in arms] for one in arms])
        covariance = x @ self._covariance @ x.T + same_kind * own_variance[:, None] + np.diag(new)
        return mean, covariance

    def _grow(self, size: int) -> None:
        had = len(self._mean)
        if size > had:
            covariance = np.diag([1.0 / _prior(name) for name in self._columns.names])
            covariance[:had, :had] = self._covariance
            self._covariance = covariance
            self._mean = np.concatenate([self._mean, np.zeros(size - had)])


def _prior(name: str) -> float:
    if name == "1":
        return _PRIOR_OF_ALL
    return _PRIOR_OF_BOTH if "&" in name else _PRIOR_OF_ONE


def _own_mean(known: tuple[float, float]) -> float:
    count, total = known
    return total / (_PERSON_PRIOR + count)


@cache
def _normals(arms: int) -> NDArray[float64]:
    """Standard normal numbers, each draw with its mirror image; always the same."""
    half = np.random.Generator(np.random.PCG64(arms)).standard_normal((_DRAWS // 2, arms))
    return np.concatenate([half, -half])
