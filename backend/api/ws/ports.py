"""The socket that tells a page what its container listens on, as it changes.

To the browser, JSON: `{"type": "ports", "ports": [{"port", "process"}]}`; `{"type": "state", "state": "waiting",
"message"}` while the machine can't be asked; `{"type": "shared"}` when to whom it is shown may have changed.
Nothing is expected from it. Close codes are those of seat.py.
"""

from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.api.ws.seat import Seat, Seats, let_prompt_come_first, welcome
from backend.db import reading
from backend.errors import Unavailable
from backend.guest import ports
from backend.rules.policy import Actor
from backend.services import previews
from backend.services.doors import Door

router = APIRouter()
seats = Seats(50, "such pages")


@router.websocket("/ws/ports/{container_id}")
async def port_socket(socket: WebSocket, container_id: int) -> None:
    """Tell one page until it leaves, or may not stay."""

    async def serve(actor: Actor) -> None:
        with seats.one_more(actor):
            await _Page(Seat(socket, actor, container_id)).serve()

    await welcome(socket, serve)


class _Page:
    """One page that looks."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def serve(self) -> None:
        await self._seat.while_open(self._tell(), self._hear_out(), self._watch())

    async def _watch(self) -> None:
        """Ends with Unauthenticated, NotFound or Forbidden; tells the page that something is different."""
        while True:
            is_news = await self._seat.changed()
            await self._look()
            if is_news:
                await self._say({"type": "shared"})

    async def _look(self) -> Door:
        async with reading() as tx:
            return await previews.ports(tx, self._seat.actor, self._seat.container_id)

    async def _tell(self) -> None:
        while True:
            self._seat.begin_look()
            door = await self._look()
            if door.is_running:
                try:
                    await let_prompt_come_first(door)
                    async with aclosing(ports.watch(await door.address())) as seen:
                        async for found in seen:
                            listed = [{"port": each.port, "process": each.process} for each in found]
                            await self._say({"type": "ports", "ports": listed})
                except Unavailable as fault:
                    await self._say({"type": "state", "state": "waiting", "message": fault.message})
            else:
                await self._say({"type": "state", "state": "waiting", "message": "The machine is not running."})
            await self._seat.again()

    async def _hear_out(self) -> None:
        while (await self._seat.socket.receive())["type"] != "websocket.disconnect":
            pass
        raise WebSocketDisconnect

    async def _say(self, message: dict[str, Any]) -> None:
        await self._seat.socket.send_json(message)
