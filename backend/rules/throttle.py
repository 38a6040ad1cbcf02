"""How long to make guessers wait."""

from datetime import datetime, timedelta

FREE_FAILURES = 5
FORGET_AFTER = timedelta(hours=1)


def wait_s(failures: int, last_failure_at: datetime, *, at: datetime) -> int:
    """Seconds until the next attempt is looked at; 0 when it may come now.

    The first five failures cost nothing, then 2, 4, 8 … seconds, an hour at most; an hour of quiet forgets all.
    """
    if failures < FREE_FAILURES or at - last_failure_at >= FORGET_AFTER:
        return 0
    cost = timedelta(seconds=min(3600, 2 ** min(failures - FREE_FAILURES + 1, 12)))
    return max(0, -int((at - last_failure_at - cost).total_seconds() // 1))
