"""Every signal there is, one of each."""

from functools import lru_cache

from backend.tips.signals.base import AnySignal
from backend.tips.signals.here import HabitsSignal, MoodSignal
from backend.tips.signals.platform import PlatformSignal


@lru_cache
def signals() -> dict[str, AnySignal]:
    """By the name of their kind."""
    return {each.kind.name: each for each in (PlatformSignal(), HabitsSignal(), MoodSignal())}
