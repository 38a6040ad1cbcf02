"""What habits and moods say."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from backend.rules.signals.readings import Reading

_RISKY_STREAK = 2
_LONGEST_STREAK = 3660
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class HabitFacts:
    """A habit, the days of the week it is for (Monday is 0), and the days it was done on."""

    id: int
    name: str
    weekdays: frozenset[int]
    created_on: date
    done_on: Collection[date]


def streak(habit: HabitFacts, today: date) -> int:
    """How many of its days in a row, up to today, it was done; today counts only once it is done."""
    if not habit.weekdays:
        return 0
    count, day = 0, today if today in habit.done_on else today - timedelta(days=1)
    for _ in range(_LONGEST_STREAK):
        if day.weekday() in habit.weekdays:
            if day not in habit.done_on:
                break
            count += 1
        day -= timedelta(days=1)
    return count


def is_due(habit: HabitFacts, today: date) -> bool:
    """Whether it is for today, and not done yet."""
    return today.weekday() in habit.weekdays and today not in habit.done_on


def derive_habits(habits: Sequence[HabitFacts], today: date, day_ends: datetime) -> list[Reading]:
    """What is due today, and whose streak of two or more ends with the day. Both hold until the day ends."""
    due = [each for each in habits if is_due(each, today)]
    at_risk = [each for each in due if streak(each, today) >= _RISKY_STREAK]
    return [
        Reading("habits.due_today", len(due), _named(due), until=day_ends),
        Reading("habits.streak_at_risk", len(at_risk), _named(at_risk), until=day_ends),
    ]


def _named(habits: Sequence[HabitFacts]) -> dict[str, list[dict[str, object]]]:
    return {"habits": [{"habit_id": each.id, "name": each.name} for each in habits]}


def derive_mood(marks: Sequence[tuple[datetime, int]], at: datetime) -> list[Reading]:
    """The newest of the last seven days; and the slope of a line through them, in points a week.

    Source: ordinary least squares of the mark on the time, in weeks; without two moments there is no line.
    """
    week = sorted((when, mood) for when, mood in marks if at - _WEEK <= when <= at)
    if not week:
        return []
    latest_at, latest = week[-1]
    found = [Reading("mood.latest", latest, event_at=latest_at, until=latest_at + _WEEK)]
    times = [(when - at) / _WEEK for when, _ in week]
    mean_t, mean_m = sum(times) / len(times), sum(mood for _, mood in week) / len(week)
    spread = sum((t - mean_t) ** 2 for t in times)
    if len({when for when, _ in week}) > 1 and spread > 0:
        slope = sum((t - mean_t) * (mood - mean_m) for t, (_, mood) in zip(times, week, strict=True)) / spread
        trend = max(-4.0, min(4.0, slope))
        found.append(Reading("mood.trend_7d", trend, event_at=latest_at, until=latest_at + _WEEK))
    return found
