"""The socket of the assistant (docs/ai.md): questions in, and all that follows from them out, to every tab alike."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.ai.faults import ModelFault
from backend.ai.live import Listener, Told, live
from backend.ai.provider import model_for
from backend.ai.undoing import diff_of, undo
from backend.api.ws.seat import Seat, Seats, object_in, welcome
from backend.db import reading, transaction
from backend.errors import Conflict, Invalid, NotFound, PequerokuError
from backend.guest.turn_files import paths_in
from backend.rules.agent_policy import Mode
from backend.rules.policy import Actor
from backend.services import conversations, turn_use, turns
from backend.services.conversations import OpenView, known_mode
from backend.services.turn_use import Left

router = APIRouter()
seats = Seats(50, "such pages")

_MOST_FRAME = 64 * 1024
_MOST_BEHIND = 5000
"""Events that a page may not have taken before it is let go: it comes back, and reads them anew."""
_STALLED_S = 60.0
_MOST_WAITING = 100
"""Diffs and undoings of one page that the machine has not got to. A page may ask for all diffs of a turn at once."""


@router.websocket("/ws/ai/{container_id}/")
async def ai_socket(socket: WebSocket, container_id: int) -> None:
    """Serve one page or program until it leaves, or may not stay."""

    async def serve(actor: Actor) -> None:
        with seats.one_more(actor):
            await _Chat(Seat(socket, actor, container_id)).serve()

    await welcome(socket, serve)


class _Outbox:
    """What is to be sent. Pieces of a text that wait here become one."""

    def __init__(self) -> None:
        self._waiting: list[Told] = []
        self._has_some = asyncio.Event()

    def put(self, told: Told) -> None:
        last = self._waiting[-1] if self._waiting else None
        if last is not None and _is_more(told, last):
            self._waiting[-1] = {**told, "content": last["content"] + told["content"]}
        else:
            self._waiting.append(told)
        self._has_some.set()

    async def take(self) -> list[Told]:
        """Wait for some; all of them.

        Raises:
            Conflict: there are too many.
        """
        await self._has_some.wait()
        self._has_some.clear()
        taken, self._waiting = self._waiting, []
        if len(taken) > _MOST_BEHIND:
            raise Conflict("What was sent was not taken. Open it again.")
        return taken


def _is_more(told: Told, last: Told) -> bool:
    """Whether it only goes on with the text that came last."""
    return told["event"] in ("text", "output") and (told["event"], told.get("call")) == (
        last["event"],
        last.get("call"),
    )


class _Chat:
    """One open socket."""

    def __init__(self, seat: Seat) -> None:
        self._seat, self._outbox = seat, _Outbox()
        self._conversation_id: int | None = None
        self._mode: str = Mode.ASK
        """Of the conversation that is begun with the next question."""
        self._deaf: Callable[[], None] = lambda: None
        self._slow = asyncio.Queue[Callable[[], Coroutine[Any, Any, None]]](_MOST_WAITING)
        """What waits for the machine: a stop that comes after it does not."""

    async def serve(self) -> None:
        try:
            await self._greet()
            await self._seat.while_open(self._send(), self._receive(), self._wait_for_machine(), self._watch())
        finally:
            self._deaf()

    async def _greet(self) -> None:
        async with reading() as tx:
            await conversations.look(tx, self._seat.actor, self._seat.container_id)
            left = await turn_use.left_today(tx, self._seat.actor.person_id)
        self._outbox.put({"event": "connected", "ai_uses_left_today": left.uses})
        await self._open(None)

    async def _watch(self) -> None:
        """Ends with Unauthenticated, NotFound or Forbidden."""
        while True:
            await self._seat.changed()
            async with reading() as tx:
                await conversations.look(tx, self._seat.actor, self._seat.container_id)

    async def _send(self) -> None:
        while True:
            for told in await self._outbox.take():
                async with asyncio.timeout(_STALLED_S):
                    await self._seat.socket.send_text(json.dumps(told, separators=(",", ":")))

    async def _receive(self) -> None:
        while True:
            message = await self._seat.socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            text = message.get("text")
            if not isinstance(text, str) or len(text) > _MOST_FRAME:
                raise Invalid("Send JSON as text, 64 KiB at most.")
            await self._do(lambda text=text: self._obey(object_in(text)))

    async def _wait_for_machine(self) -> None:
        while True:
            await self._do(await self._slow.get())

    async def _do(self, what: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await what()
        except PequerokuError as refusal:
            code = refusal.code.replace("-", "_")
            self._outbox.put({"event": "error", "code": code, "message": refusal.message})

    def _do_beside(self, what: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            self._slow.put_nowait(what)
        except asyncio.QueueFull as fault:
            raise Conflict("The machine has not answered yet. Wait a little.") from fault

    async def _obey(self, said: dict[str, Any]) -> None:
        await self._seat.note_use()
        match said:
            case {"text": "/clear"}:
                await self._clear()
            case {"text": str(text)}:
                await self._ask(text)
            case {"type": "open", "conversation": int() | None as conversation_id}:
                await (self._open(conversation_id) if conversation_id is not None else self._open_new())
            case {"type": "stop"}:
                await self._stop()
            case {"type": "retry"}:
                await self._retry()
            case {"type": "answer", "call": str(call), "allow": bool(allow)}:
                await self._answer(call, allow=allow)
            case {"type": "mode", "mode": str(mode)}:
                await self._set_mode(mode)
            case {"type": "undo", "turn": int(turn), "what": str(what)}:
                paths, force = paths_in(said.get("paths")), said.get("force") is True
                self._do_beside(lambda: self._undo(turn, what, paths, force=force))
            case {"type": "diff", "turn": int(turn), "path": str(path)}:
                self._do_beside(lambda: self._diff(turn, path))
            case _:
                raise Invalid("That is nothing that the assistant can be told. See docs/ai.md.")

    async def _ask(self, text: str) -> None:
        container_id = self._seat.container_id
        actor = self._seat.actor
        async with transaction() as tx:
            begun = await turns.begin(tx, actor, container_id, self._conversation_id, text)
            if self._conversation_id is None and self._mode != Mode.ASK:
                await conversations.set_mode(tx, actor, container_id, begun.conversation_id, self._mode)
        if begun.conversation_id != self._conversation_id:
            self._listen(begun.conversation_id, self._outbox.put)
            self._outbox.put({"event": "titled", "conversation": begun.conversation_id, "title": begun.title})
        live().begin(begun)

    async def _retry(self) -> None:
        conversation_id = self._one_that_is_open()
        async with transaction() as tx:
            begun = await turns.begin_again(tx, self._seat.actor, self._seat.container_id, conversation_id)
        live().begin(begun)

    async def _stop(self) -> None:
        conversation_id = self._one_that_is_open()
        async with transaction() as tx:
            await turns.let_stop(tx, self._seat.actor, self._seat.container_id)
        await live().stop(self._seat.actor.person_id, conversation_id)

    async def _answer(self, call: str, *, allow: bool) -> None:
        conversation_id = self._one_that_is_open()
        person_id = self._seat.actor.person_id
        about = live().asked(person_id, conversation_id, call)
        async with transaction() as tx:
            await turns.answer(tx, self._seat.actor, self._seat.container_id, about, allow=allow)
        live().answer(person_id, conversation_id, call, allow=allow)

    async def _undo(self, turn: int, what: str, paths: list[str] | None, *, force: bool) -> None:
        seat = self._seat
        await undo(seat.actor, seat.container_id, turn, what, live().tell, paths=paths, force=force)

    async def _diff(self, turn: int, path: str) -> None:
        text = await diff_of(self._seat.actor, self._seat.container_id, turn, path)
        self._outbox.put({"event": "diff", "turn": turn, "path": path, "diff": text})

    async def _set_mode(self, mode: str) -> None:
        conversation_id = self._conversation_id
        if conversation_id is None:
            self._mode = known_mode(mode)
            self._outbox.put({"event": "mode", "mode": mode})
            return
        async with transaction() as tx:
            await conversations.set_mode(tx, self._seat.actor, self._seat.container_id, conversation_id, mode)
        live().tell(self._seat.actor.person_id, conversation_id, {"event": "mode", "mode": mode})

    async def _clear(self) -> None:
        async with transaction() as tx:
            await conversations.clear(tx, self._seat.actor, self._seat.container_id)
        await self._open_new()

    async def _open(self, conversation_id: int | None) -> None:
        actor, container_id = self._seat.actor, self._seat.container_id
        begun = list[Told]()
        if conversation_id is None:
            self._listen_for_new(begun.append)
        async with transaction() as tx:
            opened = await conversations.open_conversation(tx, actor, container_id, conversation_id)
        if opened.id is None:
            await self._open_new(begun)
            return
        conversation, missed = opened.id, list[Told]()
        self._listen(conversation, missed.append)
        is_set_up, left = await _is_set_up(), await self._left()
        opened = await self._caught_up(opened)
        self._show(opened, left, is_set_up=is_set_up)  # from here on nothing is waited for, so nothing can come between
        last = opened.events[-1]["seq"] if opened.events else 0
        for told in missed:
            if told.get("seq", 0) > last or told["event"] in ("turn", "mode", "titled"):
                self._outbox.put(told)
        self._listen(conversation, self._outbox.put)

    async def _caught_up(self, opened: OpenView) -> OpenView:
        """With what happened between the first look and the moment from which on we hear of everything."""
        async with reading() as tx:
            return await conversations.caught_up(tx, opened)

    async def _open_new(self, begun: Sequence[Told] = ()) -> None:
        """No conversation is open; the page hears of those that were `begun` since it looked, and from now on."""
        is_set_up, left = await _is_set_up(), await self._left()
        self._conversation_id, self._mode = None, Mode.ASK
        self._listen_for_new(self._outbox.put)
        self._show(OpenView(None), left, is_set_up=is_set_up)
        for told in begun:
            self._outbox.put(told)

    async def _left(self) -> Left:
        async with reading() as tx:
            return await turn_use.left_today(tx, self._seat.actor.person_id)

    def _show(self, opened: OpenView, left: Left, *, is_set_up: bool) -> None:
        turn = None
        if opened.turn is not None and opened.id is not None:
            view = opened.turn
            text, outputs = live().unkept(self._seat.actor.person_id, opened.id)
            turn = {"turn": view.id, "number": view.number, "status": view.status, "text": text, "outputs": outputs}
        self._outbox.put({"event": "memory_data", "memory": opened.memory})
        self._outbox.put(
            {
                "event": "conversation",
                "id": opened.id,
                "title": opened.title,
                "mode": opened.mode,
                "events": opened.events,
                "turn": turn,
                "turns": [{"turn": each.id, "number": each.number, "status": each.status} for each in opened.turns],
                "is_set_up": is_set_up,
                "ai_uses_left_today": left.uses,
                "budget_left": left.budget,
            }
        )

    def _listen(self, conversation_id: int, hear: Listener) -> None:
        self._deaf()
        self._conversation_id = conversation_id
        self._deaf = live().listen(self._seat.actor.person_id, conversation_id, hear)

    def _listen_for_new(self, hear: Listener) -> None:
        self._deaf()
        self._deaf = live().listen_for_new(self._seat.actor.person_id, self._seat.container_id, hear)

    def _one_that_is_open(self) -> int:
        if self._conversation_id is None:
            raise NotFound("A conversation")
        return self._conversation_id


async def _is_set_up() -> bool:
    try:
        async with reading() as tx:
            await model_for(tx, "assistant")
    except ModelFault:
        return False
    return True
