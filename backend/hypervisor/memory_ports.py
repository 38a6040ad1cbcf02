"""What a guest of a node in memory says: nothing but that it is ready."""

import asyncio
from typing import Protocol

from backend.errors import Unavailable

_GONE = b""


class _Guest(Protocol):
    clock_is_set: bool


class ReadyPort:
    """The port on which a guest answers each line by saying that it is ready."""

    def __init__(self, machine: _Guest, answer: bytes) -> None:
        self._machine, self._answer = machine, answer
        self._said: asyncio.Queue[bytes] = asyncio.Queue()
        self._gone = False

    async def read(self) -> bytes:
        if self._gone and self._said.empty():
            return _GONE
        return await self._said.get()

    async def write(self, data: bytes) -> None:
        if self._gone:
            raise Unavailable("The channel into the guest is closed.")
        for line in data.splitlines():
            asked, _, time = line.partition(b" ")
            self._machine.clock_is_set |= asked == b"at"
            if self._answer:
                self._said.put_nowait(self._answer + (b" " + time if time else b"") + b"\n")

    def close(self) -> None:
        if not self._gone:
            self._gone = True
            self._said.put_nowait(_GONE)
