"""What a policy would have earned, from decisions that another one made.

Notation: r reward, μ the probability with which the arm that was shown had been drawn, π the probability that the
judged policy gives that arm, w = π/μ, q a model's guess of the reward of the arm that was shown, v that model's
expectation over the judged policy's whole distribution. Every decision is one round of a mean.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf, sqrt
from statistics import NormalDist

import numpy as np
from numpy import float64
from numpy.typing import NDArray

LEAST_ESS = 100.0
"""Below this many rounds' worth of evidence no interval that leans on the normal distribution can be trusted."""
LEAST_COVERED = 0.7
"""Three standard errors below 1 for a log that is just worth `LEAST_ESS` rounds."""
SWITCH_AT = 20.0
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Log:
    """Decisions with their rewards, as seen by one judged policy; arrays of one length.

    Raises:
        ValueError: they differ in length, there are none, or a propensity is not above 0.
    """

    reward: NDArray[float64]
    propensity: NDArray[float64]
    """μ: exact, as it was logged with the decision."""
    target: NDArray[float64]
    """π."""
    guess: NDArray[float64]
    """q; zeros without a model, which makes DR the same as IPS. A model that was fitted on these very rounds is not
    independent of them: fit it on others."""
    expected: NDArray[float64]
    """v; zeros without a model."""

    def __post_init__(self) -> None:
        lengths = {len(each) for each in (self.reward, self.propensity, self.target, self.guess, self.expected)}
        if len(lengths) != 1 or not len(self.reward):
            raise ValueError("a log has as many rewards as propensities and the rest, and at least one")
        if not (self.propensity.min() > 0.0 and self.propensity.max() <= 1.0):
            raise ValueError("what was drawn had a propensity above 0, and of 1 at most")

    @property
    def weight(self) -> NDArray[float64]:
        return self.target / self.propensity


class Method(StrEnum):
    """The estimators there are."""

    IPS = "ips"
    SNIPS = "snips"
    DM = "dm"
    DR = "dr"
    SWITCH_DR = "switch-dr"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean reward a round, and its confidence interval of two sides."""

    value: float
    low: float
    high: float
    rounds: int
    ess: float
    """How many rounds drawn by the judged policy itself would tell as much."""

    @property
    def error(self) -> float:
        """Its standard error, as far as the interval tells it at the usual confidence."""
        return (self.high - self.low) / 2.0 / _quantile(CONFIDENCE)


@dataclass(frozen=True, slots=True)
class NotEnough:
    """There is too little to say anything. `covered` is the mean weight: how much of what the judged policy does came
    up in the log at all, 1 or thereabouts when it is all."""

    ess: float
    least: float
    covered: float

    @property
    def sentence(self) -> str:
        if self.ess >= self.least:
            return f"Not enough evidence: the decisions hold only {self.covered:.0%} of what it would have shown."
        return (
            f"Not enough evidence: the decisions are worth {self.ess:.0f} of its own, and {self.least:.0f} are needed."
        )


def effective_size(weight: NDArray[float64]) -> float:
    """(Σw)² / Σw², between 0 and the number of rounds.

    Source: Kish, “Survey Sampling”, 1965; for importance weights, Kong 1992.
    """
    squares = float(weight @ weight)
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def ips_rounds(log: Log) -> NDArray[float64]:
    """w·r. Unbiased.

    Source: Horvitz and Thompson 1952; for bandits, Strehl et al., NIPS 2010.
    """
    return log.weight * log.reward


def snips_rounds(log: Log) -> NDArray[float64]:
    """V + w·(r − V) / mean(w), where V = Σw·r / Σw is also their mean: the rounds of its linearisation.

    Source: Swaminathan and Joachims, “The Self-Normalized Estimator for Counterfactual Learning”, NIPS 2015; its
    variance by the delta method, Owen, “Monte Carlo theory, methods and examples”, 9.2.
    """
    weight = log.weight
    total = float(weight.sum())
    value = float(weight @ log.reward) / total if total else 0.0
    return value + weight * (log.reward - value) / (total / len(weight) if total else 1.0)


def dm_rounds(log: Log) -> NDArray[float64]:
    """v. As good as its model, and its interval knows nothing of the model's error."""
    return log.expected


def dr_rounds(log: Log) -> NDArray[float64]:
    """v + w·(r − q). Unbiased whatever the model says, as long as μ is exact.

    Source: Dudík, Langford and Li, “Doubly Robust Policy Evaluation and Learning”, ICML 2011.
    """
    return log.expected + log.weight * (log.reward - log.guess)


def switch_dr_rounds(log: Log, switch_at: float = SWITCH_AT) -> NDArray[float64]:
    """As DR where w ≤ `switch_at`, else v alone: some bias for much less variance.

    Source: Wang, Agarwal and Dudík, “Optimal and Adaptive Off-policy Evaluation in Contextual Bandits”, ICML 2017.
    """
    weight = log.weight
    return log.expected + np.where(weight <= switch_at, weight, 0.0) * (log.reward - log.guess)


ROUNDS: Mapping[Method, Callable[[Log], NDArray[float64]]] = {
    Method.IPS: ips_rounds,
    Method.SNIPS: snips_rounds,
    Method.DM: dm_rounds,
    Method.DR: dr_rounds,
    Method.SWITCH_DR: switch_dr_rounds,
}
"""What each estimator is the mean of."""


def estimate(
    log: Log, method: Method = Method.DR, *, confidence: float = CONFIDENCE, least_ess: float = LEAST_ESS
) -> Estimate | NotEnough:
    """What the judged policy earns a round; or that there is too little to tell, by the effective sample size."""
    lack = _lack(log, least_ess)
    if lack is not None:
        return lack
    return replace(of_mean(ROUNDS[method](log), confidence=confidence), ess=effective_size(log.weight))


def difference(
    challenger: Log,
    incumbent: Log,
    method: Method = Method.DR,
    *,
    confidence: float = CONFIDENCE,
    least_ess: float = LEAST_ESS,
) -> Estimate | NotEnough:
    """What the challenger earns more a round than the incumbent, from the same decisions, pair by pair.

    What both have in common cancels out, so this is far surer than the difference of two estimates. The effective
    sample size is the smaller of the two.

    Raises:
        ValueError: these are not the same decisions.
    """
    if not np.array_equal(challenger.propensity, incumbent.propensity):
        raise ValueError("both are to be judged by the same decisions")
    lack = _lack(challenger, least_ess) or _lack(incumbent, least_ess)
    if lack is not None:
        return lack
    ess = min(effective_size(challenger.weight), effective_size(incumbent.weight))
    rounds = ROUNDS[method]
    return replace(of_mean(rounds(challenger) - rounds(incumbent), confidence=confidence), ess=ess)


def _lack(log: Log, least_ess: float) -> NotEnough | None:
    """What is missing, if anything. Where a log happens to have none of the rare, heavy rounds, its effective size
    looks large: that the weights' mean is far beneath 1, as it never is on average, gives it away."""
    ess, covered = effective_size(log.weight), float(log.weight.mean())
    return NotEnough(ess, least_ess, covered) if ess < least_ess or covered < LEAST_COVERED else None


def pooled(one: Estimate, other: Estimate, *, confidence: float = CONFIDENCE) -> Estimate:
    """Two independent estimates of the same thing as one, each weighing by the inverse of its variance.

    Both have to have come with the usual confidence.
    """
    weights = [1.0 / max(each.error, 1e-12) ** 2 for each in (one, other)]
    value = (weights[0] * one.value + weights[1] * other.value) / sum(weights)
    reach = _quantile(confidence) / sqrt(sum(weights))
    return Estimate(value, value - reach, value + reach, one.rounds + other.rounds, one.ess + other.ess)


def of_mean(rounds: NDArray[float64], *, confidence: float = CONFIDENCE) -> Estimate:
    """The mean of independent rounds and its interval by the central limit theorem; of one round, an endless one."""
    count = len(rounds)
    value = float(rounds.mean())
    reach = _quantile(confidence) * float(rounds.std(ddof=1)) / sqrt(count) if count > 1 else inf
    return Estimate(value, value - reach, value + reach, count, float(count))


def _quantile(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence / 2.0)
