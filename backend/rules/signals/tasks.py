"""What a person's tasks say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from backend.rules.signals.readings import Reading

DONE_WITHIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class TasksNow:
    """The days that open tasks are due on, and the times that tasks were done at. Nothing else of a task gets here."""

    due_on: Sequence[date]
    done_at: Sequence[datetime]
    today: date
    day_ends: datetime


def derive(tasks: TasksNow, at: datetime) -> list[Reading]:
    """How many are overdue, due today and done; and how many days the oldest has waited."""
    late = [(tasks.today - each).days for each in tasks.due_on if each < tasks.today]
    due = sum(each == tasks.today for each in tasks.due_on)
    done = sum(at - DONE_WITHIN <= each <= at for each in tasks.done_at)
    return [
        Reading("tasks.overdue", len(late), until=tasks.day_ends),
        Reading("tasks.due_today", due, until=tasks.day_ends),
        Reading("tasks.done_7d", done),
        Reading("tasks.oldest_overdue_days", max(late, default=0), until=tasks.day_ends),
    ]
