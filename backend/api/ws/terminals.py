"""The socket of one terminal tab.

To the browser: binary frames are output; text frames are JSON, `{"type": "state", "state": …}` when something
changed, `{"type": "replay"}` before the binary frame that draws the present screen anew.
From the browser: binary frames are keys; `{"type": "resize", "cols", "rows"}` and `{"type": "ack", "bytes"}`.
Close codes: 4400 not understood, 4401 not signed in, 4403 not from our pages, 4404 no such container, 4408 let go.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.api.doors import actor_of
from backend.db import reading, transaction
from backend.errors import (
    Conflict,
    DatabaseBusy,
    Forbidden,
    Invalid,
    NotFound,
    PequerokuError,
    Unauthenticated,
    Unavailable,
)
from backend.events.bus import AccessChanged, ContainerChanged, Event, SessionEnded, bus
from backend.guest.terminals import MAX_SIZE, Terminal, terminals
from backend.guest.viewer import Notice, Replay, State, Viewer
from backend.models.base import now
from backend.rules.policy import Actor
from backend.services import activity
from backend.services import terminals as service
from backend.services.doors import Door

router = APIRouter()

_MAX_KEYS_BYTES = 256 * 1024
_MAX_TEXT = 1024
_MAX_TABS = 200
"""Open tabs of one user. Each costs memory, and a look at the database now and then."""
_AGAIN_S = 2.0
_RECHECK_S = 60.0
"""How often a tab that hears of no change asks whether its session and its user still hold."""
_CODES: dict[type[PequerokuError], int] = {Unauthenticated: 4401, Forbidden: 4403, NotFound: 4404, Invalid: 4400}
_tabs: Counter[int | None] = Counter()


@router.websocket("/ws/terminals/{container_id}/{terminal_id}")
async def terminal_socket(socket: WebSocket, container_id: int, terminal_id: str) -> None:
    """Serve one tab until it leaves, or may not stay."""
    await socket.accept()
    try:
        actor = await actor_of(socket)
        async with _coming_and_going(actor, container_id):
            await _Tab(socket, actor, container_id, terminal_id).serve()
        await _close(socket, 1000, "The shell has ended.")
    except WebSocketDisconnect:
        return
    except PequerokuError as refusal:
        await _close(socket, _CODES.get(type(refusal), 4408), refusal.message)


class _Tab:
    """One open tab. Three things go on at once: hearing the browser, hearing the bus, and sending."""

    def __init__(self, socket: WebSocket, actor: Actor, container_id: int, terminal_id: str) -> None:
        self._socket, self._actor = socket, actor
        self._container_id, self._terminal_id = container_id, terminal_id
        self._size = (_number(socket.query_params.get("cols"), 80), _number(socket.query_params.get("rows"), 24))
        self._changed, self._news = asyncio.Event(), asyncio.Event()
        self._terminal: Terminal | None = None
        self._node_id = 0
        self._viewer: Viewer | None = None

    async def serve(self) -> None:
        unsubscribe = bus().subscribe(self._hear)
        tasks = {asyncio.create_task(work) for work in (self._send(), self._receive(), self._watch())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            unsubscribe()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._leave()

    def _hear(self, event: Event) -> None:
        if self._is_about_us(event):
            self._changed.set()
            self._news.set()

    def _is_about_us(self, event: Event) -> bool:
        match event:
            case SessionEnded(session_id=session_id):
                return session_id == self._actor.session_id
            case AccessChanged(user_ids=user_ids):
                return self._actor.user_id in user_ids
            case ContainerChanged(container_id=container_id):
                return container_id == self._container_id
            case _:
                return False

    async def _watch(self) -> None:
        """Ends with Unauthenticated, NotFound or Forbidden; tells the sender when the machine goes off."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_RECHECK_S):
                    await self._changed.wait()
            self._changed.clear()
            self._actor = await actor_of(self._socket)
            door = await self._look()
            if not door.is_running and self._viewer is not None:
                await terminals().forget(door.domain_name)
                self._viewer.tell(Notice(State.WAITING))
            elif self._viewer is not None and door.node_id != self._node_id:
                terminals().readdress(await door.address())
                self._node_id = door.node_id

    async def _look(self) -> Door:
        async with reading() as tx:
            return await service.look(tx, self._actor, self._container_id)

    async def _send(self) -> None:
        while True:
            self._news.clear()  # before the look: what happens after it must wake us
            door = await self._look()
            if door.is_running:
                if await self._show(door):
                    return
            else:
                await self._tell(Notice(State.WAITING, "The terminal opens when the machine is ready."))
            with suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_S):
                    await self._news.wait()

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
                    await self._socket.send_bytes(item)
                elif isinstance(item, Replay):
                    await self._socket.send_text('{"type":"replay"}')
                    await self._socket.send_bytes(item.data)
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
        await self._socket.send_text(json.dumps({"type": "state", **asdict(notice)}))

    async def _receive(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            keys, text = message.get("bytes"), message.get("text")
            if keys is not None and len(keys) <= _MAX_KEYS_BYTES:
                if self._terminal is not None:
                    self._terminal.type(keys)
                await self._note_use()
            elif text is not None and len(text) <= _MAX_TEXT:
                self._obey(_parse(text))
            else:
                raise Invalid("That is more than a terminal takes at once.")

    async def _note_use(self) -> None:
        """Keys keep a machine from being idle. That this could not be written down is nobody's trouble here."""
        at = now()
        if activity.is_news(self._container_id, at):
            with suppress(DatabaseBusy):
                async with transaction() as tx:
                    await activity.note_use(tx, [self._container_id], at)

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
        with _one_more(actor):
            yield
    finally:
        async with transaction() as tx:
            await service.leave(tx, actor, container_id, time.monotonic() - began)


@contextmanager
def _one_more(actor: Actor) -> Generator[None]:
    if _tabs[actor.user_id] >= _MAX_TABS:
        raise Conflict(f"You have {_MAX_TABS} terminals open in browsers. Close some first.")
    _tabs[actor.user_id] += 1
    try:
        yield
    finally:
        _tabs[actor.user_id] -= 1
        if not _tabs[actor.user_id]:
            del _tabs[actor.user_id]


def _parse(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise Invalid("That is no JSON.") from fault
    if not isinstance(said, dict):
        raise Invalid("That is no JSON object.")
    return said  # type: ignore[reportUnknownVariableType]


def _number(value: object, default: int, *, most: int = MAX_SIZE) -> int:
    try:
        return min(most, max(1, int(str(value)))) if value is not None else default
    except ValueError:
        return default


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    try:
        await socket.close(code, reason[:120].encode()[:120].decode(errors="ignore"))
    except RuntimeError:
        return  # it was closed already
