"""Tips about a person's day: tasks, calendar, habits, mood. None of them names what a task or an event is called."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

from backend.tips.candidates.shapes import Find, Kind, Known, Offer, short

_HABITS = "/me/habits"
_FREE_MIN = 45
_BUSY_H = 5
_LOW_MOOD = 2


def _value(known: Known, name: str) -> float | None:
    feature = known.features.get(name)
    return feature.value if feature is not None else None


def _overdue(known: Known) -> Iterable[Find]:
    count = _value(known, "tasks.overdue") or 0
    if count >= 1:
        days = int(_value(known, "tasks.oldest_overdue_days") or 1)
        slots = {"count": int(count), "days": max(1, days)}
        yield Find("tasks.overdue", slots, values={"count": min(count / 10, 1.0), "age": min(days / 14, 1.0)})


def _due_today(known: Known) -> Iterable[Find]:
    count = _value(known, "tasks.due_today") or 0
    if count >= 1:
        yield Find("tasks.due_today", {"count": int(count)}, values={"count": min(count / 10, 1.0)})


def _free(known: Known) -> Iterable[Find]:
    minutes = _value(known, "calendar.free_minutes") or 0
    if minutes >= _FREE_MIN and not _value(known, "calendar.busy_now"):
        rounded = int(minutes // 15 * 15)
        if rounded <= 4 * 60:  # a whole free day is no gap to be used
            yield Find("calendar.free_minutes", {"minutes": rounded}, values={"free": min(minutes / 240, 1.0)})


def _break(known: Known) -> Iterable[Find]:
    hours = _value(known, "calendar.busy_hours_today") or 0
    if hours >= _BUSY_H and not _value(known, "calendar.busy_now"):
        yield Find("calendar.busy_hours_today", {"hours": int(hours)}, values={"busy": min(hours / 10, 1.0)})


def _each_habit(known: Known, feature_name: str) -> Iterable[Find]:
    feature = known.features.get(feature_name)
    if feature is None or feature.value < 1:
        return
    said: Any = feature.detail.get("habits", feature.detail)
    for each in cast("list[Any]", said)[:3] if isinstance(said, list) else []:
        if isinstance(each, dict) and "habit_id" in each:
            habit = cast("dict[str, Any]", each)
            slots = {"name": short(habit.get("name", ""))}
            offer = Offer("open", "Tick it off", _HABITS)
            yield Find(feature_name, slots, "habit", str(habit["habit_id"]), {"due": 1.0}, offer)


def _habit(known: Known) -> Iterable[Find]:
    yield from _each_habit(known, "habits.due_today")


def _streak(known: Known) -> Iterable[Find]:
    yield from _each_habit(known, "habits.streak_at_risk")


def _mood(known: Known) -> Iterable[Find]:
    mood = _value(known, "mood.latest")
    if mood is not None and mood <= _LOW_MOOD:
        yield Find("mood.latest", {}, values={"mood": (mood - 3) / 2})


KINDS = (
    Kind(
        "tasks_overdue",
        "They have {count} overdue tasks, the oldest by {days} days. Suggest doing the oldest, or letting it go.",
        (
            "Take the oldest overdue task, {days} days late, and finish it or let it go.",
            "Overdue tasks: {count}. One of them in the next ten minutes?",
            "Tasks past their day: {count}. Move one, do one, drop one.",
        ),
        _overdue,
        priority=0.7,
    ),
    Kind(
        "tasks_due_today",
        "They have {count} tasks due today. Suggest beginning with the hardest.",
        (
            "Due today: {count}. Begin with the one you like least.",
            "Tasks for today: {count}. Pick the first now, and close everything else.",
        ),
        _due_today,
        priority=0.6,
    ),
    Kind(
        "calendar_gap",
        "They are free for {minutes} minutes. Suggest using it for one thing that needs quiet.",
        (
            "You have {minutes} quiet minutes. Use them for one thing that needs them.",
            "Nothing for {minutes} minutes: enough for the task you keep putting off.",
        ),
        _free,
        priority=0.5,
        rest=timedelta(hours=5),
        lasts=timedelta(minutes=30),
    ),
    Kind(
        "take_a_break",
        "They have {hours} hours of meetings today. Suggest a short break.",
        (
            "Meetings today: {hours} hours. Stand up and look out of a window.",
            "After {hours} hours of meetings, five minutes of air are work, too.",
        ),
        _break,
        priority=0.4,
    ),
    Kind(
        "habit_due",
        "Their habit {name} is due today. Encourage them, lightly.",
        ("{name}: today is a day for it.", "Now would be a good moment for {name}."),
        _habit,
        priority=0.5,
        rest=timedelta(hours=12),
    ),
    Kind(
        "streak_at_risk",
        "Their streak in the habit {name} breaks unless they do it today.",
        ("{name} today keeps your streak alive.", "Don't break the chain: {name} is still open today."),
        _streak,
        priority=0.8,
        rest=timedelta(hours=12),
    ),
    Kind(
        "mood_low",
        "They said that their mood is low. Suggest one small kind thing. Name no feeling.",
        ("Be kind to yourself today: one small thing is enough.", "A short walk, then the rest of the day."),
        _mood,
        priority=0.4,
    ),
)
"""Those of a person's day."""
