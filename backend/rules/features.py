"""What is known about a person for tips: every feature there is, whose consent it needs, and how fresh it has to be.

A feature that is older than `fresh_for` is stale: it is counted against the promise of its signal. One that is older
than `ttl` is gone: nobody reads it any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from backend.rules.consents import Scope


@dataclass(frozen=True, slots=True)
class Kind:
    """One feature. `words` say what its value is, for people; `source` where it comes from."""

    name: str
    scope: Scope
    words: str
    source: str
    fresh_for: timedelta
    ttl: timedelta


_TODOIST, _CALENDAR, _HERE = "Todoist", "your calendar", "what you ticked here"
_MACHINES = "your use of this platform"
_SOON, _QUARTER = timedelta(minutes=5), timedelta(minutes=15)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


def _tasks(name: str, words: str) -> Kind:
    return Kind(f"tasks.{name}", Scope.TASKS, words, _TODOIST, _QUARTER, _DAY)


def _calendar(name: str, words: str) -> Kind:
    return Kind(f"calendar.{name}", Scope.CALENDAR, words, _CALENDAR, _QUARTER, _HOUR)


def _habits(name: str, words: str) -> Kind:
    return Kind(f"habits.{name}", Scope.HABITS, words, _HERE, _QUARTER, _DAY)


def _mood(name: str, words: str) -> Kind:
    return Kind(f"mood.{name}", Scope.MOOD, words, _HERE, _HOUR, timedelta(days=7))


def _platform(name: str, words: str) -> Kind:
    return Kind(f"platform.{name}", Scope.PLATFORM, words, _MACHINES, _SOON, _QUARTER)


FEATURES: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        _tasks("overdue", "Tasks that are overdue"),
        _tasks("due_today", "Tasks that are due today"),
        _tasks("done_7d", "Tasks done in the last seven days"),
        _tasks("oldest_overdue_days", "Days that the oldest overdue task has waited"),
        _calendar("busy_now", "Whether you are busy now"),
        _calendar("free_minutes", "Minutes until your next event"),
        _calendar("busy_hours_today", "Hours that are taken today"),
        _habits("due_today", "Habits that are due today and not ticked"),
        _habits("streak_at_risk", "Habits whose streak ends with today"),
        _mood("latest", "Your latest mood, 1 to 5"),
        _mood("trend_7d", "How your mood went in a week"),
        _platform("idle_vm", "Hours that your idlest running machine was not used"),
        _platform("failing_command", "How often the same command failed today"),
        _platform("credits_left", "Credits you have left"),
        _platform("ai_uses_left", "Questions to the assistant you have left today"),
        _platform("template_unused", "Whether there is a template you have not tried"),
        _platform("expiry_near", "Hours until a machine of yours expires"),
        _platform("node_unhealthy", "Nodes that do not answer"),
    )
}


def of_scope(scope: Scope) -> list[str]:
    """The names of the features that need that consent."""
    return [kind.name for kind in FEATURES.values() if kind.scope is scope]
