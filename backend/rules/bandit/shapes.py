"""What a policy is asked, and what it has to be able to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from numpy import float64
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Context:
    """A moment of a person's: named numbers, each from -1 to 1; what is not known is not there."""

    user_id: int
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Arm:
    """One tip that could be shown: its kind, and named numbers of its own, each from -1 to 1."""

    id: str
    kind: str
    values: Mapping[str, float]


class Policy(Protocol):
    """Who chooses. A policy draws nothing: it says how probable each arm is, and who asks draws from that."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int:
        """Of the formula, not of what was learnt: what was learnt by another version is not read."""
        ...

    def distribution(self, context: Context, arms: Sequence[Arm]) -> NDArray[float64]:
        """One probability an arm, in their order; they add up to 1. The same question has the same answer.

        Raises:
            ValueError: there are no arms.
        """
        ...

    def update(self, context: Context, arm: Arm, *, reward: float, propensity: float) -> None:
        """Learn from the reward (0 to 1) of an arm that was shown with that probability."""
        ...

    def state(self) -> dict[str, object]:
        """What was learnt, as JSON would have it; the constructor of the policy takes it back."""
        ...
