"""One request to a program in a guest, and its answer: both ways at once, never more in memory than a few pieces."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import asyncssh
import h11

from backend.api.preview.wire import READ_BYTES, Wire
from backend.guest.channel import FAULTS, Ends, drained
from backend.rules import preview_headers
from backend.rules.preview_headers import Between

_MOST_HEAD_BYTES = 64 * 1024
_ANSWER_S = 300.0
"""How long a program may think before it begins to answer. What it says then may go on for ever."""
_STALLED_S = 120.0
"""How long a program may not take what is sent to it."""


class BadAnswer(Exception):
    """The program did not answer, or not in HTTP."""


async def exchange(request: h11.Request, wire: Wire, ends: Ends, between: Between) -> None:
    """Hand the request on, and its answer back.

    Raises:
        BadAnswer: before anything of an answer was handed on, it was clear that there will be none.
        Gone: the browser went, or the program broke off in the middle of its answer.
    """
    this = _Exchange(request, wire, ends, between)
    up, down = asyncio.create_task(this.up()), asyncio.create_task(this.down())
    try:
        done, _ = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)
        ends[1].close()


class _Exchange:
    def __init__(self, request: h11.Request, wire: Wire, ends: Ends, between: Between) -> None:
        self._request, self._wire, self._between = request, wire, between
        self._reader, self._writer = ends
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD_BYTES)
        self._asked, self._switched = asyncio.Event(), asyncio.Event()

    async def up(self) -> None:
        """From the browser to the program; ends when the browser goes."""
        headers = preview_headers.to_guest(list(self._request.headers), self._between)
        await self._ask(h11.Request(method=self._request.method, target=self._request.target, headers=headers))
        async with aclosing(self._wire.body()) as pieces:
            async for piece in pieces:
                await self._ask(h11.Data(data=piece))
        await self._ask(h11.EndOfMessage())
        self._asked.set()
        if preview_headers.wants_tunnel(self._request.headers):
            await self._switched.wait()
            while data := await self._wire.read():
                await self._write(data)
        else:
            await self._wire.gone()

    async def down(self) -> None:
        """From the program to the browser; ends when the answer does."""
        head = await self._head()
        headers = preview_headers.to_browser(list(head.headers), self._between)
        if isinstance(head, h11.InformationalResponse):
            await self._go_on_as_tunnel(headers)
            return
        await self._wire.answer(head.status_code, headers, bytes(head.reason))
        async with aclosing(self._body()) as pieces:
            async for piece in pieces:
                await self._wire.more(piece)
        await self._wire.end()

    async def _head(self) -> h11.Response | h11.InformationalResponse:
        """The head of the answer, or of the switch to another protocol; other remarks on the way are left out."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                while True:
                    event = await self._next_event()
                    if isinstance(event, h11.Response):
                        return event
                    if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                        return event
                    if isinstance(event, h11.ConnectionClosed):
                        raise BadAnswer("it hung up without an answer")
        except h11.RemoteProtocolError as fault:
            raise BadAnswer(f"what it says is not HTTP ({fault})") from fault
        except TimeoutError as fault:
            raise BadAnswer(f"it did not answer within {_ANSWER_S:.0f} s") from fault
        except FAULTS as fault:
            raise BadAnswer("the connection to the machine was lost") from fault

    async def _body(self) -> AsyncGenerator[bytes]:
        while True:
            try:
                event = await self._next_event()
            except asyncssh.Error as fault:
                raise ConnectionResetError from fault
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise ConnectionResetError

    async def _go_on_as_tunnel(self, headers: preview_headers.Headers) -> None:
        """Two streams of bytes from here on, until either ends."""
        await self._asked.wait()
        kept = [(name, value) for name, value in headers if name != b"content-length"]
        early = await self._wire.switch([(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"), *kept])
        await self._write(early)
        self._switched.set()
        await self._wire.write(self._http.trailing_data[0])
        try:
            while data := await self._reader.read(READ_BYTES):
                await self._wire.write(data)
        except asyncssh.Error as fault:
            raise ConnectionResetError from fault

    async def _next_event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._http.receive_data(await self._reader.read(READ_BYTES))

    async def _ask(self, event: h11.Event) -> None:
        """Say it to the program. One that takes no more may have answered all the same: `down` finds out, not we."""
        try:
            await self._write(self._http.send(event) or b"")
        except (*FAULTS, h11.LocalProtocolError):
            await asyncio.get_running_loop().create_future()

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        async with asyncio.timeout(_STALLED_S):
            await drained(self._writer)
