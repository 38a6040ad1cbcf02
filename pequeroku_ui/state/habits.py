"""Habits and moods, as their person keeps them."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend.tips import clock, consents, habits
from backend.tips.consents import Scope
from backend.tips.habits import HabitView
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.privacy import ASK_ZONE
from pequeroku_ui.state.wording import count, moment

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class HabitRow:
    """A habit as it stands today, in words."""

    id: int
    name: str
    days: str
    is_today: bool
    is_done: bool
    streak: str


@dataclass(frozen=True)
class MoodRow:
    """A mark, and when it was given."""

    mood: int
    at: str


class HabitsState(AppState):
    """The page of habits and mood."""

    habits: list[HabitRow] = []
    moods: list[MoodRow] = []
    is_asked: bool = False
    """Tips may know of neither: the page says where that is allowed."""
    problem: str = ""
    forms: int = 0
    """Counts up when the form has done its work, so that it is drawn anew and empty."""

    @rx.event
    async def load(self) -> rx.event.EventSpec:
        """The page was opened, or “Try again” pressed. Asks the browser what its clock goes by."""
        self.problem = ""
        with self._loading():
            await self._enter("")
            await self._read()
        return rx.call_script(ASK_ZONE, callback=HabitsState.suppose)

    @rx.event
    async def suppose(self, time_zone: str) -> None:
        """What the browser says its time zone is: the person's days are counted in it."""
        with self._refusable():
            async with self._act() as (tx, actor):
                await clock.set_clock(tx, actor, str(time_zone)[:64])
            await self._read()
        self.problem = ""

    @rx.event
    async def add(self, form: dict[str, Any]) -> None:
        """Write a habit down; or say by the form why not."""
        with self._refusable():
            days = "".join(day for day in "0123456" if form.get(f"day{day}"))
            async with self._act() as (tx, actor):
                await habits.add_habit(tx, actor, str(form.get("name", "")), days)
            self.forms += 1
            await self._read()

    @rx.event
    async def tick(self, habit_id: int, is_done: bool) -> None:
        """It was done today; or was not, after all."""
        async with self._act() as (tx, actor):
            await habits.tick_habit(tx, actor, as_id(habit_id), is_done is True)
        await self._read()

    @rx.event
    async def archive(self, habit_id: int) -> rx.event.EventSpec:
        """Put it away."""
        async with self._act() as (tx, actor):
            await habits.archive_habit(tx, actor, as_id(habit_id))
        await self._read()
        return rx.toast.success("It is put away. Its ticks stay.")

    @rx.event
    async def delete(self, habit_id: int) -> rx.event.EventSpec:
        """Remove it, with every tick."""
        async with self._act() as (tx, actor):
            await habits.delete_habit(tx, actor, as_id(habit_id))
        await self._read()
        return rx.toast.success("It is deleted.")

    @rx.event
    async def mark(self, mood: int) -> None:
        """Note how one is now."""
        async with self._act() as (tx, actor):
            await habits.mark_mood(tx, actor, as_id(mood))
        await self._read()

    @rx.event
    async def forget_moods(self) -> rx.event.EventSpec:
        """Remove every mark."""
        async with self._act() as (tx, actor):
            await habits.forget_moods(tx, actor)
        await self._read()
        return rx.toast.success("Your marks are deleted.")

    async def _read(self) -> None:
        async with self._look() as (tx, actor):
            self.habits = [_row(each) for each in await habits.list_habits(tx, actor)]
            self.moods = [MoodRow(each.mood, moment(each.at)) for each in await habits.list_moods(tx, actor)]
            self.is_asked = not await consents.live(tx, actor.person_id) & {Scope.HABITS, Scope.MOOD}


def _row(view: HabitView) -> HabitRow:
    days = "Every day" if len(view.weekdays) == 7 else ", ".join(_DAYS[int(each)] for each in view.weekdays)
    streak = count(view.streak, "day in a row", "days in a row") if view.streak else ""
    return HabitRow(view.id, view.name, days, view.is_due or view.is_done, view.is_done, streak)
