"""People who react to tips, made up: what is worth showing depends on the kind, the moment, the person and the past."""

from dataclasses import dataclass

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from backend.rules.bandit.encoding import recency
from backend.rules.bandit.shapes import Arm, Context

KINDS = 12
_PEOPLE = 20
_SIGNALS = 8
_FEWEST, _MOST = 3, 8
_BETWEEN_H = (0.5, 6.0)
_REMEMBERED_H = 24.0 * 14


@dataclass(frozen=True, slots=True)
class Moment:
    """A round: who is asked, what there is to choose from, and how probable a yes to each is."""

    context: Context
    arms: tuple[Arm, ...]
    truth: NDArray[float64]

    def answer(self, place: int, luck: float) -> float:
        """1 for a yes, 0 for a no; `luck` is from 0 to 1."""
        return float(luck < self.truth[place])


class World:
    """The same seed makes the same world, and asks the same people at the same moments about the same kinds.

    The chance of a yes is a logistic function, so that no linear learner has the right model: of the kind, of eight
    numbers of the moment in the kind's own way, of the person's own leaning for the kind, and of how lately the person
    was shown it, which depends on who chose so far.
    """

    def __init__(self, seed: int, contrast: float = 0.4) -> None:
        self._dice = np.random.default_rng(seed)
        self._kind = self._dice.normal(-1.0, 0.5, KINDS)
        self._signal = self._dice.normal(0.0, contrast, (KINDS, _SIGNALS))
        self._person = self._dice.normal(0.0, 0.4, (_PEOPLE, KINDS))
        self._tired = self._dice.uniform(0.3, 1.2)
        self._clock_h = np.zeros(_PEOPLE)
        self._shown_h: dict[tuple[int, int], list[float]] = {}

    def ask(self) -> Moment:
        """The next round."""
        person = int(self._dice.integers(_PEOPLE))
        self._clock_h[person] += self._dice.uniform(*_BETWEEN_H)
        signals = self._dice.uniform(-1.0, 1.0, _SIGNALS)
        kinds = self._dice.choice(KINDS, int(self._dice.integers(_FEWEST, _MOST + 1)), replace=False)
        context = Context(person, {f"signal{number}": float(value) for number, value in enumerate(signals)})
        arms = tuple(Arm(f"tip{kind}", f"kind{kind}", self._weariness(person, int(kind))) for kind in kinds)
        lately = np.array([arm.values["lately"] for arm in arms])
        logit = self._kind[kinds] + self._signal[kinds] @ signals + self._person[person, kinds] - self._tired * lately
        return Moment(context, arms, 1.0 / (1.0 + np.exp(-logit)))

    def show(self, moment: Moment, place: int) -> None:
        """Remember that it was shown."""
        person, kind = moment.context.user_id, int(moment.arms[place].kind.removeprefix("kind"))
        self._shown_h.setdefault((person, kind), []).append(self._clock_h[person])

    def luck(self) -> float:
        return float(self._dice.uniform())

    def _weariness(self, person: int, kind: int) -> dict[str, float]:
        now = self._clock_h[person]
        ago = [now - at for at in self._shown_h.get((person, kind), []) if now - at < _REMEMBERED_H]
        return recency(shown_h_ago=ago, refused_h_ago=[])
