"""The socket of a container's files: JSON requests and answers, and events of what changes (docs/files.md)."""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.api.ws import room
from backend.api.ws.seat import Seat, Seats, let_prompt_come_first, object_in, welcome
from backend.db import reading
from backend.errors import Conflict, Invalid, PequerokuError, Unavailable
from backend.guest.files import Looker, files
from backend.guest.files_asked import HANDLERS, Params, together, undo_in
from backend.guest.files_program import FileProgram
from backend.rules import paths
from backend.rules.file_refusals import FileRefused
from backend.rules.policy import Action, Actor
from backend.services import files as service
from backend.services.doors import Door

log = logging.getLogger(__name__)
router = APIRouter()
seats = Seats(100, "file trees")

_MAX_TEXT = 8 * 1024 * 1024
_MAX_AT_ONCE = 64
_EVENTS_EVERY_S = 0.1
_STALLED_S = 300.0
"""How long a page may need for one answer: some MiB, over a line that is slow."""
_BROKEN = {"code": "internal_error", "message": "Something broke on our side. It was written down; try again."}
_DEEDS = {
    "write": Action.FILE_WRITE, "create": Action.FILE_CREATE, "move": Action.FILE_MOVE, "copy": Action.FILE_COPY,
    "trash": Action.FILE_TRASH, "restore": Action.FILE_RESTORE, "clone": Action.FILE_CLONE,
}  # fmt: skip
"""What a method does; every other one only looks."""


@router.websocket("/ws/fs/{container_id}/")
async def file_socket(socket: WebSocket, container_id: int) -> None:
    """Serve one page or program until it leaves, or may not stay."""

    async def serve(actor: Actor) -> None:
        with seats.one_more(actor):
            await _Desk(Seat(socket, actor, container_id)).serve()

    await welcome(socket, serve)


class _Desk:
    """One open socket. It is heard, its machine kept in reach, and its right to be here looked at, all at once."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._requests: dict[str, asyncio.Task[None]] = {}
        self._tasks = set[asyncio.Task[None]]()
        """Those of `_requests`, and those whose answers are on their way."""
        self._sending, self._stalled = asyncio.Lock(), asyncio.Event()
        self._program: FileProgram | None = None
        self._looker: Looker | None = None
        self._why_not = "The connection to the machine is not there yet."

    async def serve(self) -> None:
        try:
            await self._seat.while_open(self._keep(), self._receive(), self._watch(), self._end_when_stalled())
        finally:
            self._stalled.set()
            ending = [*self._tasks]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def _watch(self) -> None:
        """Ends with Unauthenticated, NotFound or Forbidden; lets go of a machine that does not run."""
        while True:
            await self._seat.changed()
            door = await self._look()
            if not door.is_running and self._program is not None:
                await files().forget(door.domain_name)

    async def _look(self) -> Door:
        async with reading() as tx:
            return await service.look(tx, self._seat.actor, self._seat.container_id)

    async def _keep(self) -> None:
        """Hold the machine's program while there is one, and say what became of it."""
        while True:
            self._seat.begin_look()
            door = await self._look()
            if door.is_running:
                try:
                    await self._use(door)
                except (Unavailable, FileRefused) as fault:
                    await self._tell_state("connecting", fault.message)
            else:
                await self._tell_state("waiting", "The files are shown when the machine runs.")
            await self._seat.again()

    async def _use(self, door: Door) -> None:
        await let_prompt_come_first(door)
        async with files().looking(await door.address(), self._looker) as (program, looker):
            self._program, self._looker = program, looker
            telling = asyncio.create_task(self._tell_news(looker))
            try:
                await self._tell_state("ready", "")
                await looker.lost.wait()
            finally:
                self._program = None
                self._why_not = "The connection to the machine was lost. It is made again."
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)

    async def _tell_news(self, looker: Looker) -> None:
        while True:
            for event in await looker.news():
                await self._send(event)
            await asyncio.sleep(_EVENTS_EVERY_S)

    async def _tell_state(self, state: str, message: str) -> None:
        self._why_not = message or self._why_not
        await self._send({"event": "state", "state": state, "message": message})

    async def _send(self, said: dict[str, Any]) -> None:
        async with self._sending:
            if self._stalled.is_set():
                return
            try:
                async with asyncio.timeout(_STALLED_S):
                    await self._seat.socket.send_text(json.dumps(said, separators=(",", ":")))
            except TimeoutError:
                self._stalled.set()

    async def _end_when_stalled(self) -> None:
        await self._stalled.wait()
        raise Conflict("Nothing of what was sent was taken. Open it again.")

    async def _receive(self) -> None:
        while True:
            message = await self._seat.socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            text = message.get("text")
            if not isinstance(text, str) or len(text) > _MAX_TEXT:
                raise Invalid("Send JSON as text, 8 MiB at most.")
            await self._obey(object_in(text), len(text))

    async def _obey(self, said: dict[str, Any], size: int) -> None:
        number, method, params = said.get("id"), said.get("method"), said.get("params", {})
        is_number = isinstance(number, int | str) and not isinstance(number, bool) and len(str(number)) <= 64
        if not is_number or not isinstance(method, str) or not isinstance(params, dict):
            raise Invalid("A request has an id, a method and params.")
        asked, key = cast(Params, params), json.dumps(number)
        if method == "cancel":
            task = self._requests.get(json.dumps(asked.get("id")))
            is_under_way = task is not None and task.cancel()
            await self._send({"id": number, "result": {"cancelled": is_under_way}})
        elif key in self._requests or len(self._tasks) >= _MAX_AT_ONCE or not room.hold(self._seat.actor.user_id, size):
            await self._send({"id": number, "error": _told(FileRefused("busy"))})
        else:
            self._requests[key] = task = asyncio.create_task(self._handle(number, key, method, asked, size))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            await asyncio.sleep(0)  # one that has not begun could not say that it was cancelled
            if method == "watch":  # what is read after it is read after it: no change falls in between
                await asyncio.wait([task])

    async def _handle(self, number: object, key: str, method: str, params: Params, size: int) -> None:
        user_id = self._seat.actor.user_id
        try:
            async with room.for_answer(user_id, method):
                await self._answer(number, key, method, params)
        except asyncio.CancelledError:
            if self._requests.pop(key, None) is not None:
                await self._send({"id": number, "error": _told(FileRefused("cancelled"))})
        finally:
            room.let_go(user_id, size)

    async def _answer(self, number: object, key: str, method: str, params: Params) -> None:
        try:
            answer = {"id": number, "result": await self._answered(number, method, params)}
        except PequerokuError as refusal:
            answer = {"id": number, "error": _told(refusal)}
        except asyncio.CancelledError:
            answer = {"id": number, "error": _told(FileRefused("cancelled"))}
        except Exception:
            log.exception("a request for files broke: %s", method)
            answer = {"id": number, "error": _BROKEN}
        self._requests.pop(key, None)
        with suppress(WebSocketDisconnect, RuntimeError):  # nobody is there any more
            await self._send(answer)

    async def _answered(self, number: object, method: str, params: Params) -> dict[str, Any]:
        if method != "watch" and method not in HANDLERS:
            raise FileRefused("invalid", "The method", "there is none of that name")
        if method in _DEEDS:
            about = _about(method, params)
            await service.permit(self._seat.actor, self._seat.container_id, _DEEDS[method], about)
            await self._seat.note_use()
        program, looker = self._program, self._looker
        if program is None or looker is None or not program.is_up:
            raise Unavailable(self._why_not)
        if method == "watch":
            await looker.watch(_inside(params, "folders"), _inside(params, "files"))
            return {}
        said = asyncio.Queue[dict[str, Any]](maxsize=100)
        telling = asyncio.create_task(self._tell_progress(number, said))
        try:
            return await HANDLERS[method](program, params, _into(said))
        finally:
            telling.cancel()

    async def _tell_progress(self, number: object, said: asyncio.Queue[dict[str, Any]]) -> None:
        while True:
            event = await said.get()
            while not said.empty():
                event = said.get_nowait()
            await self._send(event | {"id": number})
            await asyncio.sleep(_EVENTS_EVERY_S)


def _into(queue: asyncio.Queue[dict[str, Any]]) -> Callable[[dict[str, Any]], None]:
    """Puts what it is given there, while there is room."""

    def put(event: dict[str, Any]) -> None:
        with suppress(asyncio.QueueFull):
            queue.put_nowait(event)

    return put


def _about(method: str, params: Params) -> str:
    """For the audit log: what the method takes, and nothing else that was sent along.

    Raises:
        FileRefused: it is none of what it takes.
    """
    match method:
        case "trash":
            return ", ".join(_shown(each) for each in together(params))
        case "restore":
            return undo_in(params)
        case "move" | "copy":
            return f"{_shown(params.get('path'))} to {_shown(params.get('to'))}"
        case _:
            return _shown(params.get("path"))


def _shown(path: object) -> str:
    return paths.outside(paths.inside(path))


def _inside(params: Params, name: str) -> frozenset[str]:
    given = params.get(name, [])
    if not isinstance(given, list):
        raise FileRefused("invalid", name, "it is a list of paths")
    return frozenset(paths.inside(each) for each in cast("list[object]", given))


def _told(refusal: PequerokuError) -> dict[str, Any]:
    if isinstance(refusal, FileRefused):
        return {"code": refusal.code, "message": refusal.message, **refusal.more}
    return {"code": refusal.code.replace("-", "_"), "message": refusal.message}
