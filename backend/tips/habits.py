"""Habits and moods, as their person keeps them: small lists, ticks, and marks from 1 to 5."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import col, delete, func, select

from backend.db import Tx, insert_if_absent
from backend.errors import Conflict, Invalid
from backend.models import Habit, HabitMark, MoodMark, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules.policy import Action, Actor
from backend.rules.signals.habits import is_due, streak
from backend.services.targets import owned
from backend.tips.clock import zone_of
from backend.tips.events import signals_wanted
from backend.tips.signals.here import facts_of

_MOST = 50
_LONGEST_NAME = 60
_SHOWN_MOODS = 30
_MOST_MOODS_A_DAY = 200


@dataclass(frozen=True, slots=True)
class HabitView:
    """One habit. `streak` counts its days in a row up to today."""

    id: int
    name: str
    weekdays: str
    is_due: bool
    is_done: bool
    streak: int


@dataclass(frozen=True, slots=True)
class MoodView:
    """One mark, from 1 to 5."""

    mood: int
    at: datetime


@operation(Action.HABIT_LIST)
async def list_habits(tx: Tx, actor: Actor) -> list[HabitView]:
    """The actor's habits that are not put away, as they stand today."""
    require(actor, Action.HABIT_LIST)
    today = await _today(tx, actor)
    return [
        HabitView(
            each.id,
            each.name,
            "".join(map(str, sorted(each.weekdays))),
            is_due(each, today),
            today in each.done_on,
            streak(each, today),
        )
        for each in await facts_of(tx, actor.person_id, today)
    ]


@operation(Action.HABIT_ADD)
async def add_habit(tx: Tx, actor: Actor, name: str, weekdays: str = "0123456") -> int:
    """Write one down; returns its id.

    Raises:
        Invalid: no name, or no days.
        Conflict: there are as many as one may have.
    """
    require(actor, Action.HABIT_ADD)
    words, days = _name(name), _days(weekdays)
    await tx.get(User, actor.user_id, with_for_update=True)
    mine = (Habit.user_id == actor.user_id, col(Habit.archived_at).is_(None))
    if (await tx.exec(select(func.count()).select_from(Habit).where(*mine))).one() >= _MOST:
        raise Conflict(f"You have {_MOST} habits, which is as many as one may have. Put one away first.")
    row = Habit(user_id=actor.person_id, name=words, weekdays=days, created_on=await _today(tx, actor))
    tx.add(row)
    await tx.flush()
    note("habit", row.id)
    signals_wanted(tx, actor.person_id)
    return row.id


@operation(Action.HABIT_TICK)
async def tick_habit(tx: Tx, actor: Actor, habit_id: int, done: bool = True) -> None:
    """It was done today; or was not, after all. Twice is the same as once.

    Raises:
        NotFound: no such habit, or somebody else's.
    """
    row = await _owned(tx, actor, Action.HABIT_TICK, habit_id)
    today = await _today(tx, actor)
    if done:
        await insert_if_absent(tx, HabitMark(habit_id=row.id, day=today))
    else:
        await tx.exec(delete(HabitMark).where(col(HabitMark.habit_id) == row.id, col(HabitMark.day) == today))
    signals_wanted(tx, row.user_id)


@operation(Action.HABIT_ARCHIVE)
async def archive_habit(tx: Tx, actor: Actor, habit_id: int) -> None:
    """Put it away: it is due no more, and its ticks stay.

    Raises:
        NotFound: no such habit, or somebody else's.
    """
    row = await _owned(tx, actor, Action.HABIT_ARCHIVE, habit_id)
    row.archived_at = row.archived_at or now()
    signals_wanted(tx, row.user_id)


@operation(Action.HABIT_DELETE)
async def delete_habit(tx: Tx, actor: Actor, habit_id: int) -> None:
    """Remove it, with every tick.

    Raises:
        NotFound: no such habit, or somebody else's.
    """
    row = await _owned(tx, actor, Action.HABIT_DELETE, habit_id)
    await tx.delete(row)
    signals_wanted(tx, row.user_id)


@operation(Action.MOOD_LIST)
async def list_moods(tx: Tx, actor: Actor) -> list[MoodView]:
    """The actor's latest marks, newest first."""
    require(actor, Action.MOOD_LIST)
    query = select(MoodMark).where(MoodMark.user_id == actor.user_id).order_by(col(MoodMark.id).desc())
    return [MoodView(row.mood, row.at) for row in (await tx.exec(query.limit(_SHOWN_MOODS))).all()]


@operation(Action.MOOD_MARK)
async def mark_mood(tx: Tx, actor: Actor, mood: int) -> None:
    """Note how the actor is now, from 1 to 5.

    Raises:
        Invalid: it is none of these.
        Conflict: that was said very often today.
    """
    require(actor, Action.MOOD_MARK)
    if mood not in range(1, 6):
        raise Invalid("A mood is a number from 1 to 5.", field="mood")
    at = now()
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    today = (MoodMark.user_id == actor.user_id, col(MoodMark.at) >= day)
    if (await tx.exec(select(func.count()).select_from(MoodMark).where(*today))).one() >= _MOST_MOODS_A_DAY:
        raise Conflict("You said so very often today. Go on tomorrow.")
    tx.add(MoodMark(user_id=actor.person_id, mood=mood, at=at))
    signals_wanted(tx, actor.person_id)


@operation(Action.MOOD_FORGET)
async def forget_moods(tx: Tx, actor: Actor) -> None:
    """Remove every mark the actor gave."""
    require(actor, Action.MOOD_FORGET)
    await tx.exec(delete(MoodMark).where(col(MoodMark.user_id) == actor.user_id))
    signals_wanted(tx, actor.person_id)


async def _today(tx: Tx, actor: Actor) -> date:
    return now().astimezone(await zone_of(tx, actor.person_id)).date()


async def _owned(tx: Tx, actor: Actor, action: Action, habit_id: int) -> Habit:
    note("habit", habit_id)
    return await owned(action, tx, actor, Habit, habit_id, "That habit")


def _name(said: str) -> str:
    words = " ".join(said.split())
    if not words or len(words) > _LONGEST_NAME or not words.isprintable():
        raise Invalid(f"A habit has a name, of at most {_LONGEST_NAME} characters.", field="name")
    return words


def _days(said: str) -> str:
    days = "".join(sorted(set(said) & set("0123456")))
    if not days or set(said) - set("0123456"):
        raise Invalid("Choose at least one day of the week.", field="weekdays")
    return days
