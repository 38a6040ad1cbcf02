"""Start, stop, restart, sleep, delete: the same few wishes from the dashboard and from a container's own page."""

import reflex as rx

from backend.services import containers, sleeping
from pequeroku_ui.state.base import AppState, as_id


class PowerState(AppState):
    """Wishes about one container. What comes of them arrives by the bus, in every open tab."""

    is_confirming: bool = False
    doomed_id: int = 0
    doomed_name: str = ""
    doomed_disk: str = ""

    @rx.event
    async def start(self, container_id: int) -> None:
        """Start it; after an error, try again."""
        async with self._act() as (tx, actor):
            await containers.power_on(tx, actor, as_id(container_id))

    @rx.event
    async def stop(self, container_id: int) -> None:
        """Shut it down."""
        async with self._act() as (tx, actor):
            await containers.power_off(tx, actor, as_id(container_id))

    @rx.event
    async def restart(self, container_id: int) -> None:
        """Shut it down and boot it again."""
        async with self._act() as (tx, actor):
            await containers.restart(tx, actor, as_id(container_id))

    @rx.event
    async def sleep(self, container_id: int) -> None:
        """Stop it with its memory kept."""
        async with self._act() as (tx, actor):
            await sleeping.sleep(tx, actor, as_id(container_id))

    @rx.event
    async def start_afresh(self, container_id: int) -> None:
        """Boot what sleeps, and forget its memory."""
        async with self._act() as (tx, actor):
            await sleeping.start_afresh(tx, actor, as_id(container_id))

    @rx.event
    async def ask_delete(self, container_id: int) -> None:
        """Ask first, and say what would be lost."""
        async with self._look() as (tx, actor):
            view = await containers.get(tx, actor, as_id(container_id))
        self.doomed_id, self.doomed_name, self.doomed_disk = view.id, view.name, f"{view.disk_gib} GiB"
        self.is_confirming = True

    @rx.event
    async def confirm(self, is_open: bool) -> None:
        """The question was closed (or opened)."""
        self.is_confirming = bool(is_open)

    @rx.event
    async def delete(self) -> list[rx.event.EventSpec]:
        """Delete the one that was asked about; from its own page, go back to the others."""
        self.is_confirming = False
        async with self._act() as (tx, actor):
            gone = await containers.delete(tx, actor, self.doomed_id)
        return self._to_the_others(f"Deleting “{gone.name}”.")
