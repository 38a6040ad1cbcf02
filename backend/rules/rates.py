"""How often somebody may ask: so many requests at once, and that many again in each period."""

from dataclasses import dataclass
from math import ceil, floor


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands after a request. `retry_s`: 0 where it may pass, else when the next one will."""

    limit: int
    remaining: int
    reset_s: int
    """Until all of the limit is there again."""
    retry_s: int = 0


def take(debt_until_s: float, *, limit: int, period_s: float, at_s: float) -> tuple[float, Standing]:
    """Let one request pass, or not; returns what to give back for the next one, and the standing.

    Each request costs `period_s / limit` seconds of quiet, and a whole period may be owed.

    Args:
        debt_until_s: what this returned before; 0.0 at first. On the clock of `at_s`, which never goes back.

    Source: the generic cell rate algorithm of ITU-T I.371, as a virtual scheduling algorithm.
    """
    cost_s = period_s / limit
    debt_s = max(debt_until_s - at_s, 0.0)
    if debt_s + cost_s > period_s + 1e-6:
        wait_s = ceil(debt_s + cost_s - period_s)
        return debt_until_s, Standing(limit, 0, ceil(debt_s), max(1, wait_s))
    debt_s += cost_s
    remaining = min(limit - 1, floor((period_s - debt_s) / cost_s + 1e-6))
    return at_s + debt_s, Standing(limit, max(0, remaining), ceil(debt_s))
