"""The socket of one terminal tab.

To the browser: binary frames are output; text frames are JSON, `{"type": "state", "state": …}` when something
changed, `{"type": "replay"}` before the binary frame that draws the present screen anew.
From the browser: binary frames are keys; `{"type": "resize", "cols", "rows"}` and `{"type": "ack", "bytes"}`.
Close codes are those of seat.py.
"""

import json
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.api.ws.seat import ENDED, Seat, Seats, close, object_in, welcome
from backend.db import reading, transaction
from backend.errors import Conflict, Invalid, Unavailable
from backend.guest.terminals import MAX_SIZE, Terminal, terminals
from backend.guest.viewer import Notice, Replay, State, Viewer
from backend.models.base import now
from backend.rules.policy import Actor
from backend.services import activity
from backend.services import terminals as service
from backend.services.doors import Door

router = APIRouter()
seats = Seats(200, "terminals")

_MAX_KEYS_BYTES = 256 * 1024
_MAX_TEXT = 1024


@router.websocket("/ws/terminals/{container_id}/{terminal_id}")
async def terminal_socket(socket: WebSocket, container_id: int, terminal_id: str) -> None:
    """Serve one tab until it leaves, or may not stay."""
    await _serve(socket, container_id, terminal_id)


@router.websocket("/ws/containers/{container_id}/")
async def container_socket(socket: WebSocket, container_id: int) -> None:
    """The same for programs: the terminal is the one that `session` names, or a new one. The first message says which,
    `{"type": "session", "session": …}`: who comes back with it finds what they left.
    """
    await _serve(socket, container_id, socket.query_params.get("session") or secrets.token_hex(4), says_session=True)


async def _serve(socket: WebSocket, container_id: int, terminal_id: str, *, says_session: bool = False) -> None:
    async def serve(actor: Actor) -> None:
        if says_session:
            await socket.send_text(json.dumps({"type": "session", "session": terminal_id[:16]}))
        async with _coming_and_going(actor, container_id):
            await _Tab(Seat(socket, actor, container_id), terminal_id).serve()
        await close(socket, ENDED, "The shell has ended.")

    await welcome(socket, serve)


class _Tab:
    """One open tab. Three things go on at once: hearing the browser, hearing the bus, and sending."""

    def __init__(self, seat: Seat, terminal_id: str) -> None:
        self._seat, self._terminal_id = seat, terminal_id
        asked = seat.socket.query_params
        self._size = (_number(asked.get("cols"), 80), _number(asked.get("rows"), 24))
        self._terminal: Terminal | None = None
        self._node_id = 0
        self._viewer: Viewer | None = None

    async def serve(self) -> None:
        try:
            await self._seat.while_open(self._send(), self._receive(), self._watch())
        finally:
            self._leave()

    async def _watch(self) -> None:
        """Ends with Unauthenticated, NotFound or Forbidden; tells the sender when the machine goes off."""
        while True:
            await self._seat.changed()
            door = await self._look()
            if not door.is_running and self._viewer is not None:
                await terminals().forget(door.domain_name)
                self._viewer.tell(Notice(State.WAITING))
            elif self._viewer is not None and door.node_id != self._node_id:
                terminals().readdress(await door.address())
                self._node_id = door.node_id

    async def _look(self) -> Door:
        async with reading() as tx:
            return await service.look(tx, self._seat.actor, self._seat.container_id)

    async def _send(self) -> None:
        while True:
            self._seat.begin_look()
            door = await self._look()
            if door.is_running:
                if await self._show(door):
                    return
            else:
                await self._tell(Notice(State.WAITING, "The terminal opens when the machine is ready."))
            await self._seat.again()

    async def _show(self, door: Door) -> bool:
        """Send what the terminal says until it ends (True) or its machine does (False)."""
        try:
            self._node_id = door.node_id
            self._terminal = await terminals().open(await door.address(), self._terminal_id, *self._size)
        except Unavailable as fault:
            await self._tell(Notice(State.LOST, fault.message))
            return False
        self._viewer = self._terminal.attach(*self._size)
        try:
            while True:
                item = await self._viewer.next()
                if isinstance(item, bytes):
                    await self._seat.socket.send_bytes(item)
                elif isinstance(item, Replay):
                    await self._seat.socket.send_text('{"type":"replay"}')
                    await self._seat.socket.send_bytes(item.data)
                elif item.state is State.CLOSED and item.message:
                    raise Conflict(item.message)
                elif item.state is State.WAITING or item.state is State.CLOSED:
                    await self._tell(item)
                    return False
                else:
                    await self._tell(item)
                    if item.state is State.EXITED:
                        return True
        finally:
            self._leave()

    async def _tell(self, notice: Notice) -> None:
        await self._seat.socket.send_text(json.dumps({"type": "state", **asdict(notice)}))

    async def _receive(self) -> None:
        while True:
            message = await self._seat.socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            keys, text = message.get("bytes"), message.get("text")
            if keys is not None and len(keys) <= _MAX_KEYS_BYTES:
                if self._terminal is not None:
                    self._terminal.type(keys)
                await self._seat.note_use()
            elif text is not None and len(text) <= _MAX_TEXT:
                self._obey(object_in(text))
            else:
                raise Invalid("That is more than a terminal takes at once.")

    def _obey(self, said: dict[str, Any]) -> None:
        if said.get("type") == "resize":
            self._size = (_number(said.get("cols"), 80), _number(said.get("rows"), 24))
            if self._terminal is not None and self._viewer is not None:
                self._terminal.resize(self._viewer, *self._size)
        elif said.get("type") == "ack" and self._viewer is not None:
            self._viewer.ack(_number(said.get("bytes"), 0, most=2**31))

    def _leave(self) -> None:
        if self._terminal is not None and self._viewer is not None:
            self._terminal.detach(self._viewer)
        self._terminal = self._viewer = None


@asynccontextmanager
async def _coming_and_going(actor: Actor, container_id: int) -> AsyncGenerator[None]:
    """Let the actor in, and note when they go."""
    async with transaction() as tx:
        await service.enter(tx, actor, container_id)
        await activity.note_use(tx, [container_id], now())
    began = time.monotonic()
    try:
        with seats.one_more(actor):
            yield
    finally:
        async with transaction() as tx:
            await service.leave(tx, actor, container_id, time.monotonic() - began)


def _number(value: object, default: int, *, most: int = MAX_SIZE) -> int:
    try:
        return min(most, max(1, int(str(value)))) if value is not None else default
    except ValueError:
        return default
