"""The events that an agent goes by, and the stage of one that works for another."""

from typing import Any, Protocol

from backend.db import reading
from backend.rules import agent_context as context
from backend.rules.agent_context import Happened
from backend.services import timelines
from backend.services.turns import Begun


class Stage(Protocol):
    """Where a turn is seen, and asks for clicks."""

    @property
    def is_stopped(self) -> bool:
        """Whether a person wants it to end, when it is cancelled. The server's own end is no end of the turn."""
        ...

    async def add(self, kind: str, **data: Any) -> None:
        """An event that is kept."""
        ...

    def begin_text(self) -> None: ...

    async def text(self, piece: str) -> None: ...

    def end_text(self) -> None: ...

    def output(self, call: str, text: str) -> None: ...

    async def progress(self, message: str) -> None: ...

    async def allowed(self, call: str, why: str, diff: str, *, is_new: bool) -> bool:
        """Wait until a person, who is shown the diff, lets a call go on, or refuses it."""
        ...


class Under:
    """A sub-agent's stage: what it does is an event under the call that sent it, what it says is that call's output.

    It asks the same person for clicks, in the same place.
    """

    def __init__(self, stage: Stage, parent: str) -> None:
        self._stage, self._parent = stage, parent

    @property
    def is_stopped(self) -> bool:
        return self._stage.is_stopped

    async def add(self, kind: str, **data: Any) -> None:
        await self._stage.add(kind, parent=self._parent, **data)

    def begin_text(self) -> None: ...

    async def text(self, piece: str) -> None:
        self._stage.output(self._parent, piece)

    def end_text(self) -> None:
        self._stage.output(self._parent, "\n")

    def output(self, call: str, text: str) -> None:
        self._stage.output(call, text)

    async def progress(self, message: str) -> None:
        await self._stage.progress(message)

    async def allowed(self, call: str, why: str, diff: str, *, is_new: bool) -> bool:
        return await self._stage.allowed(call, why, diff, is_new=is_new)


class Strand:
    """A conversation's events as one agent sees them: read once, and from then on only what is new."""

    def __init__(self, begun: Begun, *, parent: str = "", task: str = "", after: int = 0) -> None:
        self.parent = parent
        self._begun, self._last = begun, after
        self._kept = [Happened(0, "user", begun.id, {"text": task, "parent": parent})] if task else []

    def under(self, call: str, task: str) -> "Strand":
        """That of a sub-agent: what it is to do, and what happens under the call that sent it."""
        return Strand(self._begun, parent=call, task=task, after=self._last)

    async def events(self) -> list[Happened]:
        """Its own: neither those of sub-agents, nor those of who sent it."""
        await self._read_on()
        return [each for each in self._kept if context.parent_of(each) == self.parent]

    async def left_open(self, call: str) -> list[str]:
        """The calls under one that have no result."""
        await self._read_on()
        under = [each for each in self._kept if context.parent_of(each) == call]
        done = {each.data["call"] for each in under if each.kind == "tool_result"}
        return [each.data["call"] for each in under if each.kind == "tool_call" and each.data["call"] not in done]

    async def _read_on(self) -> None:
        async with reading() as tx:
            new = timelines.happened(await timelines.events_of(tx, self._begun.conversation_id, after=self._last))
        self._kept += new
        self._last = new[-1].seq if new else self._last
