"""Who else could choose: LinUCB, and Vowpal Wabbit with several ways to explore."""

from collections.abc import Sequence

import numpy as np
import vowpalwabbit
from numpy import float64
from numpy.typing import NDArray

from backend.rules.bandit.distributions import floored
from backend.rules.bandit.encoding import Columns, named
from backend.rules.bandit.shapes import Arm, Context

WABBITS = ("--epsilon 0.05", "--bag 5 --epsilon 0.02", "--cover 5", "--squarecb --gamma_scale 100",
           "--squarecb --gamma_scale 1000")  # fmt: skip


class LinUCB:
    """The arm with the highest upper bound; one model for all arms over the same rows that our policy has.

    Source: Li et al., “A Contextual-Bandit Approach to Personalized News Article Recommendation”, WWW 2010, with shared
    weights (ridge 1).
    """

    def __init__(self, alpha: float = 0.3, *, knows_people: bool = False) -> None:
        self._alpha, self._knows_people = alpha, knows_people
        self._columns = Columns()
        self._inverse, self._mean = np.zeros((0, 0)), np.zeros(0)

    def distribution(self, context: Context, arms: Sequence[Arm]) -> NDArray[float64]:
        rows = [self._row(context, arm) for arm in arms]
        x = self._columns.matrix(rows)
        unknown = np.array([sum(value**2 for value in self._columns.new(row).values()) for row in rows])
        width = np.sqrt(np.einsum("ij,jk,ik->i", x, self._inverse, x) + unknown)
        scores = x @ self._mean + self._alpha * width
        return np.eye(len(arms))[int(np.argmax(scores))]

    def update(self, context: Context, arm: Arm, *, reward: float, propensity: float) -> None:
        row = self._row(context, arm)
        had, size = len(self._mean), self._columns.add(row)
        inverse = np.eye(size)
        inverse[:had, :had] = self._inverse
        mean = np.concatenate([self._mean, np.zeros(size - had)])
        x = self._columns.matrix([row])[0]
        step = inverse @ x
        gain = 1.0 / (1.0 + x @ step)
        self._mean = mean + gain * (reward - x @ mean) * step
        self._inverse = inverse - gain * np.outer(step, step)

    def _row(self, context: Context, arm: Arm) -> dict[str, float]:
        row = named(context, arm)
        return row | {f"user={context.user_id}&kind={arm.kind}": 1.0} if self._knows_people else row


class Wabbit:
    """Vowpal Wabbit, told of the same numbers: context (c) by kind (k), and, if it is to, person (u) by kind.

    `is_floored` puts our floor beneath its probabilities, which it has none of: the price of being judged, for both.
    """

    def __init__(self, exploration: str, seed: int, *, knows_people: bool, is_floored: bool = False) -> None:
        pairs = "-q ck -q uk" if knows_people else "-q ck"
        self._workspace = vowpalwabbit.Workspace(f"--cb_explore_adf {exploration} {pairs} --random_seed {seed} --quiet")
        self._knows_people, self._is_floored = knows_people, is_floored

    def distribution(self, context: Context, arms: Sequence[Arm]) -> NDArray[float64]:
        told = np.array(self._workspace.predict(self._text(context, arms)))
        return floored(told) if self._is_floored else told / told.sum()

    def learn(self, context: Context, arms: Sequence[Arm], place: int, reward: float, propensity: float) -> None:
        self._workspace.learn(self._text(context, arms, f"0:{-reward}:{propensity} ", place))

    def close(self) -> None:
        self._workspace.finish()

    def _text(self, context: Context, arms: Sequence[Arm], label: str = "", labelled: int = -1) -> list[str]:
        moment = " ".join(f"{name}:{value:.5f}" for name, value in context.values.items())
        person = f" |u person{context.user_id}" if self._knows_people else ""
        lines = [f"shared |c {moment}{person}"]
        for place, arm in enumerate(arms):
            own = " ".join(f"{name}:{value:.5f}" for name, value in arm.values.items())
            lines.append(f"{label if place == labelled else ''}|k {arm.kind} |a {own}")
        return lines
