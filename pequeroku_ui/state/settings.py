"""A container's settings: its size, its time, and when it starts and stops by itself."""

from typing import Any

import reflex as rx

from backend.services import containers, quotas, schedules, sizes, upkeep
from pequeroku_ui.state.base import AppState, as_id, words_of
from pequeroku_ui.state.rows import ScheduleRow, TypeRow, resize_row, schedule_row

_OVERRIDES = ("memory_mb", "vcpus", "disk_gib")


class SettingsState(AppState):
    """One dialog, about the container that it was opened for."""

    is_setting: bool = False
    box_id: int = 0
    box_name: str = ""
    box_type: str = ""
    box_runs: bool = False
    kinds: list[TypeRow] = []
    schedules: list[ScheduleRow] = []
    time_zone: str = "UTC"
    size_problem: str = ""
    schedule_problem: str = ""
    forms: int = 0
    """Counts up when a form has done its work, so that it is drawn anew."""

    @rx.event
    async def open(self, container_id: int) -> rx.event.EventSpec:
        """Open it, filled; and ask the browser what its clock goes by."""
        await self._fill(as_id(container_id))
        self.size_problem = self.schedule_problem = ""
        self.is_setting = True
        return rx.call_script("Intl.DateTimeFormat().resolvedOptions().timeZone", callback=SettingsState.suppose)

    @rx.event
    async def suppose(self, time_zone: str) -> None:
        """What the browser says its time zone is: only what the form begins with."""
        self.time_zone = str(time_zone)[:64] or "UTC"

    @rx.event
    async def close(self, is_open: bool) -> None:
        """The dialog was closed (or opened)."""
        self.is_setting = bool(is_open)

    @rx.event
    async def resize(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Give it another type, and (administrators) numbers of its own; or say by the form why not."""
        with self._refusable("size_problem"):
            asked = {name: as_id(form[name]) for name in _OVERRIDES if form.get(name)}
            kind = as_id(form["type"]) if form.get("type") else None
            async with self._act() as (tx, actor):
                await sizes.resize(tx, actor, self.box_id, container_type_id=kind, **asked)
            self.is_setting = False
            return rx.toast.success(f"“{self.box_name}” has its new size{' and restarts' if self.box_runs else ''}.")
        return None

    @rx.event
    async def add_schedule(self, form: dict[str, Any]) -> None:
        """Start or stop it at a time of day from now on; or say by the form why not."""
        with self._refusable("schedule_problem"):
            await self._add(form)
            self.forms += 1
            await self._fill(self.box_id)

    @rx.event
    async def switch_schedule(self, schedule_id: int, is_on: bool) -> None:
        """Let a schedule rest, or take it up again."""
        async with self._act() as (tx, actor):
            await schedules.update_schedule(tx, actor, as_id(schedule_id), enabled=bool(is_on))
        await self._fill(self.box_id)

    @rx.event
    async def remove_schedule(self, schedule_id: int) -> None:
        """Remove a schedule."""
        async with self._act() as (tx, actor):
            await schedules.delete_schedule(tx, actor, as_id(schedule_id))
        await self._fill(self.box_id)

    @rx.event
    async def keep(self, container_id: int) -> rx.event.EventSpec:
        """Begin its lifetime anew."""
        async with self._act() as (tx, actor):
            kept = await upkeep.keep(tx, actor, as_id(container_id))
        return rx.toast.success(f"“{kept.name}” is kept.")

    async def _add(self, form: dict[str, Any]) -> None:
        async with self._act() as (tx, actor):
            await schedules.create_schedule(
                tx,
                actor,
                self.box_id,
                starts=form.get("what") == "start",
                weekdays="".join(day for day in "0123456" if form.get(f"day{day}")),
                **words_of(form, "time", "time_zone"),
            )

    async def _fill(self, container_id: int) -> None:
        async with self._look() as (tx, actor):
            view = await containers.get(tx, actor, container_id)
            kinds = await quotas.my_types(tx, actor)
            rows = await schedules.list_schedules(tx, actor, container_id)
        self.box_id, self.box_name, self.box_runs = view.id, view.name, view.desired_state == "running"
        self.kinds = [resize_row(each, of=view) for each in kinds]
        self.box_type = next((each.id for each in self.kinds if each.name == view.type_name), "")
        self.schedules = [schedule_row(each) for each in rows]
