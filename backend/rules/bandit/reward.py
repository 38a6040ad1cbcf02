"""What a reaction is worth to who learns from it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum


class Reaction(StrEnum):
    """How a tip ended."""

    DONE = "done"
    DONE_LATER = "done_later"
    """Done, after it had been put off."""
    LATER = "later"
    NOT_FOR_ME = "not_for_me"
    EXPIRED = "expired"
    """It was seen, and nothing came of it."""


REWARDS: Mapping[Reaction, float] = {
    Reaction.DONE: 1.0,
    Reaction.DONE_LATER: 0.8,  # the right tip, and not quite the right moment
    Reaction.LATER: 0.3,  # a wrong moment, but it was not sent away: well above a no, and far from a yes
    Reaction.EXPIRED: 0.1,  # looked at and let be says little; were it 0, silence would weigh as much as a refusal
    Reaction.NOT_FOR_ME: 0.0,
}
"""From 0 to 1. A reaction that is more welcome is never worth less: tests hold the order."""


def is_in_time(*, activated_at: datetime, at: datetime, window: timedelta) -> bool:
    """Whether a reaction still counts: what comes later is logged, and nobody learns from it."""
    return activated_at <= at <= activated_at + window
