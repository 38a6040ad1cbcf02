"""Every signal there is, one of each."""

from functools import lru_cache

from backend.tips.signals.base import AnySignal
from backend.tips.signals.calendars import CalendarSignal
from backend.tips.signals.here import HabitsSignal, MoodSignal
from backend.tips.signals.platform import PlatformSignal
from backend.tips.signals.todoist import TodoistSignal


@lru_cache
def signals() -> dict[str, AnySignal]:
    """By the name of their kind."""
    every: tuple[AnySignal, ...] = (PlatformSignal(), HabitsSignal(), MoodSignal(), TodoistSignal(), CalendarSignal())
    return {each.kind.name: each for each in every}
