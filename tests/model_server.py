"""A provider of language models for tests: a real HTTP server that speaks chat completions as it is told to."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Reply:
    """One answer. `text` comes in its pieces, each `pause_s` after the one before; then the tool calls."""

    text: Iterable[str] = ()
    calls: tuple[tuple[str, Any], ...] = ()
    """Tool and arguments: an object, or the text that stands for one."""
    pause_s: float = 0.0
    first_s: float = 0.0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: Any = None
    raw: tuple[bytes, ...] = ()
    """Lines that are sent as they are, in place of all that."""
    breaks_off: bool = False
    """The connection ends before the answer does."""
    usage: tuple[int, int] | None = (100, 20)


def says(*text: str, **more: Any) -> Reply:
    return Reply(text=text, **more)


def uses(tool: str, _text: str = "", **arguments: Any) -> Reply:
    return Reply(text=(_text,) if _text else (), calls=((tool, arguments),))


Script = Callable[[dict[str, Any]], Reply]


class ModelServer:
    """Answers each question with the next reply, or with what `decide` makes of the question."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.decide: Script | None = None
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.sent_at: list[float] = []
        """When each piece of text was sent, by time.monotonic()."""
        self.url = ""

    def will(self, *replies: Reply) -> None:
        self.replies.extend(replies)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._serve_one(reader, writer):
                    pass
        finally:
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines[1:])}
        question = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
        self.asked.append(question)
        self.keys.append(headers.get("authorization", ""))
        return await self._answer(self._next(question), writer)

    def _next(self, question: dict[str, Any]) -> Reply:
        if self.decide is not None:
            return self.decide(question)
        return self.replies.pop(0) if self.replies else says("I have nothing more to say.")

    async def _answer(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        if reply.status != 200:
            body = json.dumps(reply.body or {"error": {"message": "no"}}).encode()
            writer.write(
                f"HTTP/1.1 {reply.status} No\r\nContent-Type: application/json\r\n{extra}"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            await writer.drain()
            return True
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{extra}Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        await asyncio.sleep(reply.first_s)
        due = time.monotonic()
        for line in reply.raw or _lines(reply):
            if b'"content"' in line:
                self.sent_at.append(time.monotonic())
            data = line + b"\n\n"
            writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            await writer.drain()
            if reply.pause_s:
                due += reply.pause_s  # what took long is made up for
                await asyncio.sleep(due - time.monotonic())
        if reply.breaks_off:
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


def _lines(reply: Reply) -> Iterable[bytes]:
    for piece in reply.text:
        yield _line({"delta": {"content": piece}, "finish_reason": None})
    for index, (tool, given) in enumerate(reply.calls):
        arguments = given if isinstance(given, str) else json.dumps(given)
        begin, rest = arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]
        function = {"name": tool, "arguments": begin}
        yield _line(
            {"delta": {"tool_calls": [{"index": index, "id": f"call_{index}_{id(reply)}", "function": function}]}}
        )
        yield _line({"delta": {"tool_calls": [{"index": index, "function": {"arguments": rest}}]}})
    if reply.breaks_off:
        return
    yield _line({"delta": {}, "finish_reason": "tool_calls" if reply.calls else "stop"})
    if reply.usage:
        sent, got = reply.usage
        yield (
            b"data: " + json.dumps({"choices": [], "usage": {"prompt_tokens": sent, "completion_tokens": got}}).encode()
        )
    yield b"data: [DONE]"


def _line(choice: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps({"object": "chat.completion.chunk", "choices": [{"index": 0, **choice}]}).encode()


@asynccontextmanager
async def model_server() -> AsyncGenerator[ModelServer]:
    """One on a port of the loopback."""
    ours = ModelServer()
    connections = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        task.add_done_callback(connections.discard)
        await ours.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    ours.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield ours
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
