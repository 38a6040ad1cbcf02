"""The policies there are: the one place to add another. They are pure (backend/rules/bandit), and draw nothing."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from backend.rules.bandit.shapes import Arm, Context, Policy

State = Mapping[str, object]


class Uniform:
    """Every tip is as probable as the next. It learns nothing, and is what others are measured against."""

    name = "random"
    version = 1

    def __init__(self, state: State) -> None:
        self._state = dict(state)

    def distribution(self, context: Context, arms: Sequence[Arm]) -> NDArray[float64]:
        """The same for each.

        Raises:
            ValueError: there are no arms.
        """
        if not arms:
            raise ValueError("there is nothing to choose from")
        return np.full(len(arms), 1 / len(arms))

    def update(self, context: Context, arm: Arm, *, reward: float, propensity: float) -> None:
        """Nothing changes."""

    def state(self) -> dict[str, object]:
        """What it was given."""
        return self._state


MAKERS: Mapping[str, Callable[[State], Policy]] = {"random": Uniform}
"""By name; each takes back what `state` gave."""
BASELINE = "random"
"""Who decides where nobody was promoted, and where who was can't."""


def make(name: str, state: State) -> Policy:
    """The policy of that name, with what it has learnt.

    Raises:
        KeyError: there is none.
    """
    return MAKERS[name](state)


def version_of(name: str) -> int | None:
    """The version of its formula; None: there is no such policy in this code."""
    return MAKERS[name]({}).version if name in MAKERS else None
