"""A moment and a tip as one row of numbers, by names; and how lately a kind was shown, as numbers too.

A row has: 1 · each number of the moment · the tip's kind · the kind together with each number of the moment · each
number of the tip itself. So what a moment means is learnt for each kind, and what a number of a tip means (how lately
its kind was shown, how urgent it is) for all kinds together. Nothing is hashed: a column has a name that a person can
read, no two share one, and there are only as many as have been seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from backend.rules.bandit.shapes import Arm, Context

MOST_COLUMNS = 1024
"""Whatever is new after that is left out: what is learnt takes its square in memory."""
_FORGOTTEN_AFTER_H = 24.0
_FORGIVEN_AFTER_H = 24.0 * 14
_OFTEN = 7


def named(context: Context, arm: Arm) -> dict[str, float]:
    """The row of one arm, each number by its name."""
    row = {"1": 1.0, f"kind={arm.kind}": 1.0}
    for name, value in context.values.items():
        row[name] = value
        row[f"kind={arm.kind}&{name}"] = value
    row.update((f"tip:{name}", value) for name, value in arm.values.items())
    return row


@dataclass(slots=True)
class Columns:
    """Which name stands where. It only grows, so what was learnt keeps its place."""

    names: list[str] = field(default_factory=list[str])
    _places: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._places = {name: place for place, name in enumerate(self.names)}

    def add(self, names: Mapping[str, float]) -> int:
        """Give a place to those that have none; how many there are then."""
        for name in names:
            if name not in self._places and len(self.names) < MOST_COLUMNS:
                self._places[name] = len(self.names)
                self.names.append(name)
        return len(self.names)

    def matrix(self, rows: Sequence[Mapping[str, float]]) -> NDArray[float64]:
        """One row an arm over the known columns."""
        result = np.zeros((len(rows), len(self.names)))
        for number, row in enumerate(rows):
            for name, value in row.items():
                place = self._places.get(name)
                if place is not None:
                    result[number, place] = value
        return result

    def new(self, row: Mapping[str, float]) -> dict[str, float]:
        """What of a row has no column yet."""
        return {name: value for name, value in row.items() if name not in self._places}


def recency(*, shown_h_ago: Sequence[float], refused_h_ago: Sequence[float]) -> dict[str, float]:
    """How tired a person may be of a kind: numbers for `Arm.values`, each from 0 to 1.

    Args:
        shown_h_ago: for each time that the kind was shown, how many hours ago that was.
        refused_h_ago: likewise for each “not for me”.

    `lately` halves in 17 hours after it was shown, `refused` in ten days; `often` counts a week's times up to seven.
    """
    last_week = sum(each <= 24.0 * 7 for each in shown_h_ago)
    return {
        "lately": exp(-min(shown_h_ago) / _FORGOTTEN_AFTER_H) if shown_h_ago else 0.0,
        "often": min(last_week, _OFTEN) / _OFTEN,
        "refused": exp(-min(refused_h_ago) / _FORGIVEN_AFTER_H) if refused_h_ago else 0.0,
    }
