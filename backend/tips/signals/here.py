"""Habits and mood: what a person wrote down on our own pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import col, select

from backend.db import Tx, reading
from backend.models import Habit, HabitMark, MoodMark
from backend.rules.signals.habits import HabitFacts, derive_habits, derive_mood
from backend.rules.signals.readings import Reading
from backend.tips.clock import day_end, zone_of
from backend.tips.signals.base import Signal

_LOOKED_BACK = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class HabitsNow:
    """The habits, and the day it is where the person is."""

    habits: Sequence[HabitFacts]
    today: date
    day_ends: datetime


class HabitsSignal(Signal[HabitsNow]):
    """What is due today, and whose streak is at risk."""

    def __init__(self) -> None:
        super().__init__("habits")

    async def fetch(self, user_id: int, at: datetime) -> HabitsNow:
        async with reading() as tx:
            zone = await zone_of(tx, user_id)
            today = at.astimezone(zone).date()
            return HabitsNow(await facts_of(tx, user_id, today), today, day_end(at, zone))

    def derive(self, raw: HabitsNow, at: datetime) -> list[Reading]:
        return derive_habits(raw.habits, raw.today, raw.day_ends)


class MoodSignal(Signal[Sequence[tuple[datetime, int]]]):
    """How a person is, and how that goes."""

    def __init__(self) -> None:
        super().__init__("mood")

    async def fetch(self, user_id: int, at: datetime) -> Sequence[tuple[datetime, int]]:
        week = col(MoodMark.at) >= at - timedelta(days=7)
        async with reading() as tx:
            rows = await tx.exec(select(MoodMark.at, MoodMark.mood).where(MoodMark.user_id == user_id, week))
            return list(rows.all())

    def derive(self, raw: Sequence[tuple[datetime, int]], at: datetime) -> list[Reading]:
        return derive_mood(raw, at)


async def facts_of(tx: Tx, user_id: int, today: date) -> list[HabitFacts]:
    """A person's habits that are not put away, oldest first, with the days of the last year that they were done on."""
    query = select(Habit).where(Habit.user_id == user_id, col(Habit.archived_at).is_(None)).order_by(col(Habit.id))
    habits = (await tx.exec(query)).all()
    ids = [each.id for each in habits]
    marks = select(HabitMark).where(col(HabitMark.habit_id).in_(ids))
    done: dict[int, set[date]] = {each: set() for each in ids}
    for mark in (await tx.exec(marks.where(col(HabitMark.day) >= today - _LOOKED_BACK))).all():
        done[mark.habit_id].add(mark.day)
    return [
        HabitFacts(each.id, each.name, frozenset(map(int, each.weekdays)), each.created_on, done[each.id])
        for each in habits
    ]
