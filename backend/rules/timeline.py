"""Where the time of a start went. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

READY = "ready"
"""What ends the list of a start's phases."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A phase of a start: how long after the start's beginning it began, and how long it took."""

    phase: str
    after_s: float
    took_s: float


def begun(phases: Sequence[list[str]], phase: str, at: datetime) -> list[list[str]]:
    """The phases of the last start once `phase` has begun: what follows a start that ended is another start."""
    is_over = bool(phases) and phases[-1][0] == READY
    if phase == READY and (is_over or not phases):
        return [*phases]
    return [*([] if is_over else phases), [phase, at.isoformat()]]


def ready_at(phases: Sequence[Sequence[str]]) -> datetime | None:
    """When the last start was over; None if it is not, or failed."""
    return datetime.fromisoformat(phases[-1][1]) if phases and phases[-1][0] == READY else None


def stretches(phases: Sequence[tuple[str, datetime]]) -> list[Stretch]:
    """A start that is over, phase by phase; nothing of one that is under way, or failed. A phase that was repeated
    (the boot was tried again) counts as often.
    """
    if not phases or phases[-1][0] != READY:
        return []
    first = phases[0][1]
    return [
        Stretch(phase, (at - first).total_seconds(), (until - at).total_seconds())
        for (phase, at), (_, until) in pairwise(phases)
    ]
