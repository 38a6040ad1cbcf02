"""One browser's connection to the preview server: requests in, answers out, as HTTP/1.1 by h11."""

import asyncio
from collections.abc import AsyncGenerator

import h11

from backend.rules.preview_headers import Headers

READ_BYTES = 64 * 1024
_MOST_HEAD_BYTES = 64 * 1024
_HEAD_S = 20.0
"""How long a request's head may take."""
_IDLE_S = 75.0
"""How long a connection may wait for its next request."""
_STALLED_S = 60.0
"""How long a browser may take nothing, or say nothing in the middle of a request."""
_LINGER_S = 2.0
_MOST_AHEAD_BYTES = 64 * 1024

Gone = (h11.LocalProtocolError, h11.RemoteProtocolError, OSError, TimeoutError)
"""The browser went, or does not speak HTTP."""


class Wire:
    """A browser's connection. Not safe for two requests at once: HTTP/1.1 isn't either."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST_HEAD_BYTES)
        peer = writer.get_extra_info("peername")
        self.peer_ip = str(peer[0]) if peer else ""
        self.has_answered = False

    async def next_request(self, *, is_first: bool) -> h11.Request | None:
        """The next request's head; None when the browser has no more.

        Raises:
            Gone: it does not speak HTTP, or took too long for it.
        """
        self.has_answered = False
        if not is_first and not self._http.trailing_data[0]:
            async with asyncio.timeout(_IDLE_S):
                self._http.receive_data(await self._reader.read(READ_BYTES))
        async with asyncio.timeout(_HEAD_S):
            event = await self._next_event()
        return event if isinstance(event, h11.Request) else None

    async def body(self) -> AsyncGenerator[bytes]:
        """The request's body, piece by piece.

        Raises:
            Gone: it broke off.
        """
        while True:
            if self._http.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            async with asyncio.timeout(_STALLED_S):
                event = await self._next_event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise ConnectionResetError

    async def gone(self) -> None:
        """Wait until the browser goes. What it says meanwhile is kept for afterwards, as far as that is sane."""
        ahead = 0
        while ahead < _MOST_AHEAD_BYTES and (data := await self._reader.read(READ_BYTES)):
            self._http.receive_data(data)
            ahead += len(data)
        if ahead >= _MOST_AHEAD_BYTES:
            await asyncio.get_running_loop().create_future()  # it waits for us as we do for the program

    async def answer(self, status: int, headers: Headers, reason: bytes = b"") -> None:
        """Begin the answer."""
        self.has_answered = True
        await self._send(h11.Response(status_code=status, headers=headers, reason=reason))

    async def more(self, data: bytes) -> None:
        """A piece of the answer's body; waits for the browser to take it."""
        await self._send(h11.Data(data=data))

    async def end(self) -> None:
        """The answer is complete."""
        await self._send(h11.EndOfMessage())

    async def say(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer of our own."""
        await self.answer(status, headers)
        await self.more(body)
        await self.end()

    async def switch(self, headers: Headers) -> bytes:
        """Go on in another protocol; returns what the browser has said in it already."""
        self.has_answered = True
        await self._send(h11.InformationalResponse(status_code=101, headers=headers))
        return self._http.trailing_data[0]

    async def read(self) -> bytes:
        """After a switch: what the browser says; nothing at its end."""
        return await self._reader.read(READ_BYTES)

    async def write(self, data: bytes) -> None:
        """After a switch: say something to the browser."""
        self._writer.write(data)
        async with asyncio.timeout(_STALLED_S):
            await self._writer.drain()

    def is_ready_for_another(self) -> bool:
        """Whether request and answer are complete; the next one may come."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False

    async def close(self) -> None:
        """Hang up; a browser that still sends gets the time to read why nobody listens."""
        try:
            if self.has_answered and self._writer.can_write_eof():
                self._writer.write_eof()
                async with asyncio.timeout(_LINGER_S):
                    while await self._reader.read(READ_BYTES):
                        pass
        except (OSError, TimeoutError):
            return
        finally:
            self._writer.close()

    @property
    def may_answer(self) -> bool:
        """Whether an answer of our own can still be given."""
        return self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.has_answered

    async def _next_event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(READ_BYTES))
                continue
            return event

    async def _send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            await self.write(data)
