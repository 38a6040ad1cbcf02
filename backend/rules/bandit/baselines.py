"""Policies that learn nothing: what a learning one has to beat."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from backend.rules.bandit.distributions import floored
from backend.rules.bandit.shapes import Arm, Context


class Random:
    """Every arm is equally probable."""

    name = "random"
    version = 1

    def __init__(self, state: Mapping[str, object] | None = None) -> None:
        del state  # there is none to take back

    def distribution(self, context: Context, arms: Sequence[Arm]) -> NDArray[float64]:
        """As of `Policy`."""
        return floored(np.ones(len(arms)))

    def update(self, context: Context, arm: Arm, *, reward: float, propensity: float) -> None:
        """Nothing is learnt."""

    def state(self) -> dict[str, object]:
        """Empty."""
        return {}


class Rule:
    """The arm of the highest priority, less how lately its kind was shown or refused; the others get the floor.

    An arm's priority is its own number `priority`, and 0 without one. Whoever makes the arm knows how much it matters.
    """

    name = "rule"
    version = 1

    def __init__(self, state: Mapping[str, object] | None = None) -> None:
        del state  # there is none to take back

    def distribution(self, context: Context, arms: Sequence[Arm]) -> NDArray[float64]:
        """As of `Policy`; arms that are equally good share."""
        scores = np.array([_score(arm) for arm in arms])
        return floored((scores == scores.max(initial=-np.inf)).astype(float64))

    def update(self, context: Context, arm: Arm, *, reward: float, propensity: float) -> None:
        """Nothing is learnt."""

    def state(self) -> dict[str, object]:
        """Empty."""
        return {}


def _score(arm: Arm) -> float:
    tired = max(arm.values.get("lately", 0.0), arm.values.get("refused", 0.0))
    return arm.values.get("priority", 0.0) - tired
