"""The turns that go on in this process, and who watches them.

A turn does not need anybody to watch it: it goes on when every page is closed. When the server ends in the middle of
one, it is taken up again at the next start.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from backend.ai import mcp
from backend.ai.agent import Agent
from backend.ai.briefing import briefing
from backend.ai.meter import Limits
from backend.ai.provider import Model, Provider, model_for
from backend.ai.toolbox import Desk, Toolbox
from backend.ai.tools import ALL
from backend.ai.undoing import Undoing
from backend.db import reading, transaction
from backend.errors import NotFound, PequerokuError, Unauthenticated
from backend.models import TurnStatus
from backend.outward import Outward
from backend.rules.config_keys import AI_CONTEXT_TOKENS, AI_STEPS, AI_TURN_SECONDS, AI_TURN_TOKENS
from backend.rules.policy import Actor
from backend.services import timelines, turn_use, turns
from backend.services.config import value_of
from backend.services.turns import Begun

log = logging.getLogger(__name__)

Told = dict[str, Any]
Listener = Callable[[Told], None]
_Place = tuple[int, int]
"""Whose conversation, and which. The id alone would not do: SQLite gives one that is free again to whoever is next."""

_BROKE = "Something broke on our side. It was written down; try again."
_ALIAS = "assistant"
_MOST_OUTPUT = 20_000
"""Characters of what one call has printed that are told to who opens the conversation while it runs."""


class Live:
    """All of them, by conversation: there is never more than one in each."""

    def __init__(self, out: Outward | None = None) -> None:
        self._out = out or Outward()
        self._turns: dict[_Place, _Turn] = {}
        self._listeners = defaultdict[_Place, set[Listener]](set)
        self._expectant = defaultdict[_Place, set[Listener]](set)
        """By user and container: who waits for what is begun anew there."""

    def begin(self, begun: Begun) -> None:
        """Let a turn go that was let begin."""
        place = begun.user_id, begun.conversation_id
        turn = _Turn(begun, lambda told: self.tell(*place, told), self._out)
        self._turns[place] = turn
        if begun.asked:
            named = {"event": "titled", "conversation": begun.conversation_id, "title": begun.title}
            _tell(self._expectant, (begun.user_id, begun.container_id), named)
            self.tell(*place, begun.asked)
        turn.task = asyncio.create_task(turn.run(), name=f"turn {begun.id}")
        turn.task.add_done_callback(lambda _: self._forget(place, turn))

    async def resume_all(self) -> None:
        """Take up what went on when the server ended."""
        async with reading() as tx:
            left = await turns.left_behind(tx)
        for begun in left:
            if (begun.user_id, begun.conversation_id) not in self._turns:
                log.info("turn %s of the assistant goes on", begun.id)
                self.begin(begun)

    def asked(self, user_id: int, conversation_id: int, call: str) -> str:
        """What a person is asked in their conversation.

        Raises:
            NotFound: nothing of that id waits for an answer.
        """
        return self._waiting((user_id, conversation_id), call)[1]

    def answer(self, user_id: int, conversation_id: int, call: str, *, allow: bool) -> None:
        """Say what a person answered, who may.

        Raises:
            NotFound: as `asked`.
        """
        self._waiting((user_id, conversation_id), call)[0].set_result(allow)

    def _waiting(self, place: _Place, call: str) -> "tuple[asyncio.Future[bool], str]":
        turn = self._turns.get(place)
        found = turn.waiting.get(call) if turn is not None else None
        if found is None or found[0].done():
            raise NotFound("What was asked")
        return found

    async def stop(self, user_id: int, conversation_id: int) -> None:
        """Stop the turn that goes on there, if one does; returns when it has, and what it ran in the machine too."""
        turn = self._turns.get((user_id, conversation_id))
        if turn is None or turn.task is None:
            return
        turn.stop()
        await asyncio.wait([turn.task])

    def unkept(self, user_id: int, conversation_id: int) -> tuple[str, dict[str, str]]:
        """What the turn that goes on has written since its last event; and what runs has printed lately, by call."""
        turn = self._turns.get((user_id, conversation_id))
        return ("".join(turn.pieces), dict(turn.outputs)) if turn is not None else ("", {})

    def listen(self, user_id: int, conversation_id: int, hear: Listener) -> Callable[[], None]:
        """Hear of all that happens in a conversation from now on; returns what ends it. Listeners must be quick."""
        return _listen(self._listeners, (user_id, conversation_id), hear)

    def listen_for_new(self, user_id: int, container_id: int, hear: Listener) -> Callable[[], None]:
        """Hear which conversations a user asks in about a container."""
        return _listen(self._expectant, (user_id, container_id), hear)

    def tell(self, user_id: int, conversation_id: int, told: Told) -> None:
        """Have everybody who listens to a user's conversation hear of something."""
        _tell(self._listeners, (user_id, conversation_id), told)

    async def close(self) -> None:
        """End all of them; they are taken up at the next start."""
        tasks = [turn.task for turn in self._turns.values() if turn.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _forget(self, place: _Place, turn: "_Turn") -> None:
        if self._turns.get(place) is turn:
            del self._turns[place]


def _listen(listeners: dict[_Place, set[Listener]], place: _Place, hear: Listener) -> Callable[[], None]:
    listeners[place].add(hear)

    def end() -> None:
        listeners[place].discard(hear)
        if not listeners[place]:
            del listeners[place]

    return end


def _tell(listeners: dict[_Place, set[Listener]], place: _Place, told: Told) -> None:
    for hear in list(listeners.get(place, ())):
        hear(told)


class _Turn:
    """One turn: an agent's stage."""

    def __init__(self, begun: Begun, tell: Listener, out: Outward) -> None:
        self._begun, self._tell, self._out = begun, tell, out
        self.waiting: dict[str, tuple[asyncio.Future[bool], str]] = {}
        self.pieces: list[str] = []
        self.outputs: dict[str, str] = {}
        self.task: asyncio.Task[None] | None = None
        self.is_stopped = self._is_over = False
        self._in_a_hurry = asyncio.Event()
        self._agent: Agent | None = None
        self._undoing = Undoing(begun, self._actor, self.add)

    async def run(self) -> None:
        """All of it, to its end, whatever that is."""
        began = time.monotonic()
        self._tell(self._told("running"))
        status = await self._work()
        self._is_over = True
        telling = asyncio.create_task(self._undoing.finish(), name=f"changes of turn {self._begun.id}")
        try:
            await self._wait_for(telling)
            response = self._agent.response if self._agent is not None else ""
            await self._end(status, response, time.monotonic() - began)
            await telling
        finally:
            telling.cancel()

    def stop(self) -> None:
        """End what it is at; where that is over already, the wait for what there is to tell of it."""
        if not self.is_stopped and self.task is not None:
            self.is_stopped = True
            self._in_a_hurry.set()
            if not self._is_over:
                self.task.cancel()

    async def _work(self) -> TurnStatus:
        try:
            await self._ask()
        except asyncio.CancelledError:
            if not self.is_stopped:
                self._undoing.give_up()
                raise  # the server ends: the turn is taken up again
            return TurnStatus.STOPPED
        except PequerokuError as fault:
            self._is_over = True
            await self._fail(fault.code, fault.message)
            return TurnStatus.FAILED
        except Exception:
            self._is_over = True
            log.exception("turn %s of the assistant broke", self._begun.id)
            await self._fail("error", _BROKE)
            return TurnStatus.FAILED
        return TurnStatus.DONE

    async def _ask(self) -> None:
        model, limits = await self._set_up()
        provider = Provider(model)
        try:
            desk = Desk(self._actor, self._begun.user_id, self._begun.container_id, self._out)
            desk.before_change = self._undoing.ready
            async with mcp.connected(self._out, self.progress) as remote:
                tools = Toolbox([*ALL, *remote])
                self._agent = Agent(self._begun, provider, tools, desk, self, limits, await briefing(desk))
                self._undoing.begin()
                await self._agent.run()
        finally:
            await provider.close()

    async def _wait_for(self, telling: asyncio.Task[None]) -> None:
        """Who stops it does not wait for what there is to tell."""
        hurry = asyncio.create_task(self._in_a_hurry.wait())
        try:
            await asyncio.wait((telling, hurry), return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurry.cancel()

    async def add(self, kind: str, **data: Any) -> None:
        """See agent.Stage."""
        said = str(data.get("text", "")) if kind in ("said", "summary") else ""
        async with transaction() as tx:
            told = await timelines.add(tx, self._begun.conversation_id, self._begun.id, kind, data, text=said)
        if kind == "tool_result":
            self.outputs.pop(data["call"], None)
        self._tell(told)

    def begin_text(self) -> None:
        """See agent.Stage."""
        self._tell({"event": "start_text"})

    async def text(self, piece: str) -> None:
        """See agent.Stage."""
        self.pieces.append(piece)
        self._tell({"event": "text", "content": piece})

    def end_text(self) -> None:
        """See agent.Stage."""
        self.pieces.clear()
        self._tell({"event": "finish_text"})

    def output(self, call: str, text: str) -> None:
        """See agent.Stage."""
        self.outputs[call] = (self.outputs.get(call, "") + text)[-_MOST_OUTPUT:]
        self._tell({"event": "output", "call": call, "content": text})

    async def progress(self, message: str) -> None:
        """See agent.Stage."""
        self._tell({"event": "progress", "message": message})

    async def allowed(self, call: str, why: str, diff: str, *, is_new: bool) -> bool:
        """See agent.Stage."""
        waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.waiting[call] = waiting, why or call
        try:
            if is_new:
                await self.add("approval", call=call, why=why, **({"diff": diff} if diff else {}))
            await self._set(TurnStatus.WAITING)
            allow = await waiting
        finally:
            del self.waiting[call]
        await self.add("answered", call=call, allow=allow)
        await self._set(TurnStatus.RUNNING)
        return allow

    async def _set_up(self) -> tuple[Model, Limits]:
        async with reading() as tx:
            limits = Limits(
                steps=await value_of(tx, AI_STEPS),
                seconds=await value_of(tx, AI_TURN_SECONDS),
                tokens=await value_of(tx, AI_TURN_TOKENS),
                window=await value_of(tx, AI_CONTEXT_TOKENS),
            )
            return await model_for(tx, _ALIAS), limits

    async def _actor(self) -> Actor:
        """Who the assistant acts as, if they still may."""
        async with reading() as tx:
            actor = await turns.agent_for(tx, self._begun.user_id, self._begun.session_id, self._begun.api_key)
            if actor is None:
                raise Unauthenticated
            await turns.let_go_on(tx, actor, self._begun.container_id)
            return actor

    async def _set(self, status: TurnStatus) -> None:
        async with transaction() as tx:
            await turns.set_status(tx, self._begun, status)
        self._tell(self._told(status))

    async def _fail(self, code: str, message: str) -> None:
        try:
            await self.add("error", code=code, message=message)
        except PequerokuError:  # the conversation is gone, with its container
            self._tell({"event": "error", "code": code, "message": message})

    async def _end(self, status: TurnStatus, response: str, took_s: float) -> None:
        """What it used is written down first: that is kept, whatever became of the conversation."""
        try:
            async with transaction() as tx:
                await turn_use.conclude(tx, self._begun, response, int(took_s * 1000))
                used = await turn_use.used_by(tx, self._begun)
            if used is not None:
                await self.add("usage", **used, duration_ms=int(took_s * 1000))
            await self._set(status)
            await self._tell_memory()
        except PequerokuError as fault:
            log.info("turn %s of the assistant ended without a trace: %s", self._begun.id, fault.message)
            self._tell(self._told(status))

    async def _tell_memory(self) -> None:
        async with reading() as tx:
            events = await timelines.events_of(tx, self._begun.conversation_id)
        self._tell({"event": "memory_data", "memory": timelines.memory_of(events)})

    def _told(self, status: str) -> Told:
        return {"event": "turn", "turn": self._begun.id, "number": self._begun.number, "status": str(status)}


@lru_cache
def live() -> Live:
    """The process's."""
    return Live()


@asynccontextmanager
async def working() -> AsyncGenerator[None]:
    """Take up what was left behind, and leave it again at the end of the block."""
    try:
        await live().resume_all()
    except Exception:  # nothing of this is a reason not to serve
        log.exception("what the assistant was doing could not be taken up")
    try:
        yield
    finally:
        await live().close()
