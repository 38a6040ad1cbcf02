"""Decisions as they were written down, made into what the estimators read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from backend.rules.bandit.estimators import Log
from backend.rules.bandit.gate import Evidence

_FOLDS = 2


@dataclass(frozen=True, slots=True)
class Round:
    """One decision whose reward is known.

    `kinds` are those of the eligible arms, `chosen` the place of the one that was shown, `propensity` the probability
    with which it was drawn; `opinions` has each asked policy's probabilities, in the arms' order.
    """

    kinds: tuple[str, ...]
    chosen: int
    reward: float
    propensity: float
    opinions: Mapping[str, tuple[float, ...]]


def evidence(rounds: Sequence[Round], *, challenger: str, incumbent: str) -> Evidence | None:
    """The decisions at which both were asked, as each of them sees them; None where there are none.

    The guess of a reward is the mean of its kind over the other half of the decisions, so no decision tells of itself.
    """
    both = [each for each in rounds if challenger in each.opinions and incumbent in each.opinions]
    if not both:
        return None
    reward = np.array([each.reward for each in both])
    propensity = np.array([each.propensity for each in both])
    means = [_means([each for place, each in enumerate(both) if place % _FOLDS != fold]) for fold in range(_FOLDS)]
    guesses = [_guesses(each, means[place % _FOLDS]) for place, each in enumerate(both)]
    guess = np.array([known[each.chosen] for each, known in zip(both, guesses, strict=True)])

    def seen_by(name: str) -> Log:
        target = np.array([each.opinions[name][each.chosen] for each in both])
        expected = np.array(
            [float(np.array(each.opinions[name]) @ known) for each, known in zip(both, guesses, strict=True)]
        )
        return Log(reward, propensity, target, guess, expected)

    return Evidence(seen_by(challenger), seen_by(incumbent))


def refusals(rounds: Sequence[Round], refused: Sequence[bool], name: str) -> float:
    """The share of its tips that people would have said “not for me” to, by SNIPS; 0 without a decision.

    Args:
        refused: of each round, whether that was said.
    """
    known = [(each, no) for each, no in zip(rounds, refused, strict=True) if name in each.opinions]
    weight = np.array([each.opinions[name][each.chosen] / each.propensity for each, _ in known])
    total = float(weight.sum())
    return float(weight @ np.array([no for _, no in known], dtype=float64)) / total if total else 0.0


def _means(rounds: Sequence[Round]) -> dict[str, float]:
    """Of each kind that was shown, and of all of them under the empty name."""
    by_kind: dict[str, list[float]] = {}
    for each in rounds:
        by_kind.setdefault(each.kinds[each.chosen], []).append(each.reward)
        by_kind.setdefault("", []).append(each.reward)
    return {kind: sum(rewards) / len(rewards) for kind, rewards in by_kind.items()}


def _guesses(each: Round, means: Mapping[str, float]) -> NDArray[float64]:
    overall = means.get("", 0.0)
    return np.array([means.get(kind, overall) for kind in each.kinds])
