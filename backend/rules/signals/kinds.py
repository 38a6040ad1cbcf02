"""The signals there are, what consent each needs, and how it is kept fresh. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from backend.rules.consents import Scope


@dataclass(frozen=True, slots=True)
class SignalKind:
    """A way to learn of a person. It is read anew after `every`, which is sooner than its features grow stale.

    `deadline` bounds one reading; `at_once` how many of the kind one process reads at a time.
    """

    name: str
    scope: Scope
    every: timedelta
    deadline: timedelta
    at_once: int


KINDS: Mapping[str, SignalKind] = {
    kind.name: kind
    for kind in (
        SignalKind("platform", Scope.PLATFORM, timedelta(minutes=3), timedelta(seconds=10), 4),
        SignalKind("habits", Scope.HABITS, timedelta(minutes=10), timedelta(seconds=10), 2),
        SignalKind("mood", Scope.MOOD, timedelta(minutes=30), timedelta(seconds=10), 2),
        SignalKind("todoist", Scope.TASKS, timedelta(minutes=10), timedelta(seconds=20), 4),
        SignalKind("calendar", Scope.CALENDAR, timedelta(minutes=10), timedelta(seconds=30), 4),
    )
}

PROVIDERS: Mapping[str, tuple[str, ...]] = {"todoist": ("todoist",), "calendar": ("ics", "google")}
"""Whose accounts a signal is read through, by its name; one that is not named here needs none."""

_LONGEST_WAIT = timedelta(hours=1)


def kinds_of(scope: Scope) -> list[str]:
    """The signals that need that consent."""
    return [kind.name for kind in KINDS.values() if kind.scope is scope]


def wait_after(kind: SignalKind, failures: int) -> timedelta:
    """How long after the n-th failure in a row (from 1) the next try is: a minute, then twice as long each time."""
    return min(timedelta(minutes=1) * 2 ** min(failures - 1, 10), max(_LONGEST_WAIT, kind.every))
