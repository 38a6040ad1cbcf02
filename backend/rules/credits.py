"""Credits: a cap on what runs at once. Stopped containers cost nothing."""

from collections.abc import Iterable

from backend.errors import QuotaExceeded

UNTYPED_COST = 1
"""What a container without a type costs."""


def used_credits(costs: Iterable[int | None]) -> int:
    """Sum what running containers cost; None stands for a container without a type."""
    return sum(UNTYPED_COST if cost is None else cost for cost in costs)


def check_affordable(asked: int | None, *, used: int, limit: int) -> None:
    """Let a start pass only within the limit.

    Raises:
        QuotaExceeded: `used` plus `asked` is more than `limit`.
    """
    cost = UNTYPED_COST if asked is None else asked
    if used + cost > limit:
        raise QuotaExceeded(used=used, asked=cost, limit=limit)
