"""Probabilities over arms: a floor beneath them, a mixture of two, and a draw."""

import numpy as np
from numpy import float64
from numpy.typing import NDArray

FLOOR = 0.02
CANARY_SHARE = 0.25
_SUM_TOLERANCE = 1e-9


def floored(weights: NDArray[float64], floor: float = FLOOR) -> NDArray[float64]:
    """Probabilities in proportion to `weights`, but none beneath `floor`: those beneath get it, the others pay for it.

    With more than 1 / `floor` arms, all are equally probable.

    Raises:
        ValueError: there are no weights, or one is negative, or all are 0.
    """
    if not weights.size or weights.min() < 0 or not 0 < weights.sum() < np.inf:
        raise ValueError("weights are to be positive, one of them at least above 0")
    floor = min(floor, 1.0 / weights.size)
    low = np.zeros(weights.size, dtype=bool)
    result = weights / weights.sum()
    while bool(((result < floor) & ~low).any()):
        low |= result < floor
        rest = float(weights[~low].sum())
        share = 1.0 - floor * int(low.sum())
        result = np.where(low, floor, weights * (share / rest if rest else 0.0))
    return result / result.sum()


def mixture(incumbent: NDArray[float64], challenger: NDArray[float64], share: float = CANARY_SHARE) -> NDArray[float64]:
    """The probabilities of who asks the challenger in `share` of all cases: exact, for they are what is drawn from.

    Raises:
        ValueError: they are not over the same arms, or the share is not one.
    """
    if incumbent.shape != challenger.shape:
        raise ValueError("both are to be over the same arms")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"a share is from 0 to 1, and not {share}")
    return (1.0 - share) * incumbent + share * challenger


def pick(distribution: NDArray[float64], seed: int) -> int:
    """The place of one arm, drawn from `distribution`. The same seed draws the same, here and on any machine.

    Args:
        seed: 0 or more, below 2 ** 128; to be kept with the decision.

    Raises:
        ValueError: these are no probabilities.

    Source: inversion; the uniform number is the first of PCG64 (NumPy keeps the stream of a bit generator as it is).
    """
    if not distribution.size or distribution.min() < 0 or abs(distribution.sum() - 1.0) > _SUM_TOLERANCE:
        raise ValueError("probabilities are to be positive, and to add up to 1")
    uniform = (int(np.random.PCG64(seed).random_raw()) >> 11) * 2.0**-53
    place = int(np.searchsorted(np.cumsum(distribution), uniform, side="right"))
    return min(place, int(np.flatnonzero(distribution)[-1]))
