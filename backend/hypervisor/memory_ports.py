"""What a guest of a node in memory says: that it is ready, and who it is now."""

import asyncio
from typing import Protocol

from backend.errors import Unavailable

_GONE = b""


class _Guest(Protocol):
    clock_is_set: bool
    became: str
    host_key: str
    boot_id: str


class ReadyPort:
    """The port on which a guest answers each line by saying that it is ready, and does what the line says."""

    def __init__(self, machine: _Guest, *, answers: bool) -> None:
        self._machine, self._answers = machine, answers
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
            asked, *words = line.split()
            self._machine.clock_is_set |= asked == b"at"
            if asked == b"become":
                host, _, _, host_key, *_ = words[1:]
                self._machine.became, self._machine.host_key = host.decode(), host_key.decode()
            if self._answers:
                said = [b"ready ssh-ed25519", self._machine.host_key.encode(), self._machine.boot_id.encode()]
                self._said.put_nowait(b" ".join([*said, *words[:1]]) + b"\n")

    def close(self) -> None:
        if not self._gone:
            self._gone = True
            self._said.put_nowait(_GONE)
