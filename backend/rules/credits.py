"""Credits: a cap on what runs at once. Stopped containers cost nothing."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from backend.errors import QuotaExceeded

UNTYPED_COST = 1
"""What a container without a type costs."""

K = TypeVar("K", bound=Hashable)


def cost_of(asked: int | None) -> int:
    """What a container costs while it runs; None stands for one without a type."""
    return UNTYPED_COST if asked is None else asked


def used_credits(costs: Iterable[int | None]) -> int:
    """Sum what running containers cost; None stands for a container without a type."""
    return sum(cost_of(cost) for cost in costs)


def check_affordable(asked: int | None, *, used: int, limit: int) -> None:
    """Let a start pass only within the limit.

    Raises:
        QuotaExceeded: `used` plus `asked` is more than `limit`.
    """
    cost = cost_of(asked)
    if used + cost > limit:
        raise QuotaExceeded(used=used, asked=cost, limit=limit)


@dataclass(frozen=True, slots=True)
class Forecast(Generic[K]):
    """At what runs now: the limit, what is left of it, and what each possible start would leave.

    A negative number of credits says how many are missing: a limit that was lowered stops nothing that runs.
    """

    limit: int
    left: int
    after: Mapping[K, int]

    def allows(self, start: K) -> bool:
        """Whether `check_affordable` would let it pass."""
        return self.after[start] >= 0


def forecast(running: Iterable[int | None], *, limit: int, starts: Mapping[K, int | None]) -> Forecast[K]:
    """Look ahead, each start taken by itself. Costs are credits; None stands for a container without a type."""
    left = limit - used_credits(running)
    return Forecast(limit, left, {start: left - cost_of(cost) for start, cost in starts.items()})
