"""An asyncio transport over a hypervisor's ByteStream, for a peer that may be hostile."""

import asyncio
from collections import deque
from collections.abc import Callable

from backend.errors import PequerokuError
from backend.hypervisor.driver import ByteStream

_SLICE_BYTES = 32 * 1024
_GREETING = b"SSH-2.0-"
_MAX_BEFORE_GREETING_BYTES = 1024 * 1024
_READ_NO_MORE_BYTES = 1024 * 1024
_MAX_UNSENT_BYTES = 16 * 1024 * 1024
_WRITE_BYTES = 256 * 1024
_MAX_BACKLOG = 200_000
_LAST_WORDS_S = 0.5


class StreamTransport(asyncio.Transport):
    """Carries one SSH connection.

    Nothing is handed on before the peer's greeting: what an earlier connection left in the port is dropped, and we
    say nothing into an sshd that is about to go.
    """

    def __init__(self, stream: ByteStream) -> None:
        super().__init__()
        self._stream = stream
        self._protocol: asyncio.Protocol | None = None
        self._backlog: Callable[[], int] = lambda: 0
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._sending = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._greeting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._served = asyncio.Event()
        self._closing = self._speaks_last = False
        self._closed = asyncio.Event()
        self._tasks = [asyncio.create_task(self._receive(), name="guest-in")]

    async def greeted(self) -> None:
        """Wait for the peer's greeting.

        Raises:
            ConnectionError: the stream ended, or the peer sends anything but a greeting.
        """
        await asyncio.shield(self._greeting)

    def serve(self, protocol: asyncio.Protocol, backlog: Callable[[], int]) -> None:
        """Hand everything on to `protocol`; cut it off when `backlog()`, what it holds, grows beyond all measure."""
        self._protocol, self._backlog = protocol, backlog
        self._tasks.append(asyncio.create_task(self._send(), name="guest-out"))
        protocol.connection_made(self)
        self._served.set()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing:
            return
        self._unsent.append(bytes(data))
        self._unsent_bytes += len(data)
        self._sending.set()
        if self._unsent_bytes > _MAX_UNSENT_BYTES:
            self._lose(ConnectionError("the guest does not read what we send"))
        elif self._unsent_bytes > _READ_NO_MORE_BYTES:
            self._has_room.clear()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def get_write_buffer_size(self) -> int:
        return self._unsent_bytes

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        """Close, after half a second at most for the last words to go out: a told peer is quicker to serve the next."""
        if not self._closing:
            self._closing = True
            self._tasks.append(asyncio.create_task(self._finish(), name="guest-end"))

    async def wait_closed(self) -> None:
        await self._closed.wait()

    async def _receive(self) -> None:
        try:
            kept = await self._until_greeting()
            self._greeting.set_result(None)
            await self._served.wait()
            while kept:
                await self._hand_on(kept)
                kept = await self._stream.read()
            raise ConnectionResetError("the channel was closed")
        except (PequerokuError, OSError) as fault:
            self._lose(fault)

    async def _until_greeting(self) -> bytes:
        kept, dropped = b"", 0
        while data := await self._stream.read():
            kept += data
            if (start := kept.find(_GREETING)) >= 0:
                return kept[start:]
            dropped += len(data)
            if dropped > _MAX_BEFORE_GREETING_BYTES:
                raise ConnectionAbortedError("something else than SSH answers")
            kept = kept[1 - len(_GREETING) :]
        raise ConnectionResetError("the channel was closed")

    async def _hand_on(self, data: bytes) -> None:
        """In slices: asyncssh copies what is left over after each packet, and others want a turn in between."""
        for start in range(0, len(data), _SLICE_BYTES):
            await self._has_room.wait()
            if self._closing or self._protocol is None:
                return
            self._protocol.data_received(data[start : start + _SLICE_BYTES])
            if self._backlog() > _MAX_BACKLOG:
                raise ConnectionAbortedError("the guest asks for more than anybody could answer")
            if start + _SLICE_BYTES < len(data):
                await asyncio.sleep(0)

    async def _send(self) -> None:
        try:
            while not self._speaks_last:
                await self._sending.wait()
                while self._unsent:
                    await self._send_some()
                self._sending.clear()
        except (PequerokuError, OSError) as fault:
            self._lose(fault)

    async def _send_some(self) -> None:
        pieces, size = list[bytes](), 0
        while self._unsent and size < _WRITE_BYTES:
            pieces.append(self._unsent.popleft())
            size += len(pieces[-1])
        await self._stream.write(b"".join(pieces))
        self._unsent_bytes -= size
        if self._unsent_bytes <= _READ_NO_MORE_BYTES:
            self._has_room.set()

    def _lose(self, fault: Exception) -> None:
        if not self._greeting.done():
            self._greeting.set_exception(ConnectionError(str(fault)))
            self._greeting.exception()  # read, even if nobody waits any more
        if self._protocol is not None and not self._closing:
            self._protocol.connection_lost(fault if isinstance(fault, OSError) else ConnectionError(str(fault)))
        self.abort()

    async def _finish(self) -> None:
        receiving, *sending = self._tasks[:-1]
        receiving.cancel()
        if sending and self._unsent_bytes:
            self._speaks_last = True
            await asyncio.wait(sending, timeout=_LAST_WORDS_S)
        for task in sending:
            task.cancel()
        await asyncio.gather(receiving, *sending, return_exceptions=True)
        self._stream.close()
        if self._protocol is not None:
            self._protocol.connection_lost(None)  # it may be we who hang up; who knows already ignores it
        self._closed.set()
