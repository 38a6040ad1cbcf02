"""A site for tests: a real HTTP server on an address of the loopback, that keeps what it is asked."""

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from backend.outward import Outward, look_up


@dataclass(slots=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Sent:
    """An answer. `raw` is sent in its place, as it is; `endless` goes on with that for ever, slowly."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    raw: bytes | None = None
    endless: bytes = b""
    pause_s: float = 0.0


_NUMBERS = re.compile(r"[0-9a-fx.:]+|localhost\.?", re.IGNORECASE)


class Site:
    """Answers with its pages, by path."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.pages: dict[str, Sent] = {}
        self.url = ""
        self.port = 0

    def page(self, path: str, text: str, kind: str = "text/html; charset=utf-8") -> str:
        self.pages[path] = Sent(text.encode(), headers={"Content-Type": kind})
        return self.url + path

    def redirect(self, path: str, to: str) -> str:
        self.pages[path] = Sent(status=302, headers={"Location": to})
        return self.url + path

    async def answer(self, asked: Asked) -> Sent:
        return self.pages.get(asked.path) or Sent(b"nothing here", status=404, headers={"Content-Type": "text/plain"})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines[1:])}
        method, path, _ = lines[0].split(" ", 2)
        asked = Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
        self.asked.append(asked)
        sent = await self.answer(asked)
        await asyncio.sleep(sent.pause_s)
        extra = "".join(f"{name}: {value}\r\n" for name, value in sent.headers.items())
        length = "" if sent.endless else f"Content-Length: {len(sent.body)}\r\n"
        head = f"HTTP/1.1 {sent.status} X\r\n{extra}{length}Connection: close\r\n\r\n".encode("latin-1")
        writer.write(sent.raw if sent.raw is not None else head + sent.body)
        await writer.drain()
        while sent.endless:
            writer.write(sent.endless)
            await writer.drain()
            await asyncio.sleep(0.001)


@asynccontextmanager
async def served(site: Site, address: str, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Site]:
    """While the block runs, it is at a port of that address."""
    connections = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        task.add_done_callback(connections.discard)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await site.serve(reader, writer)
                writer.write_eof() if writer.can_write_eof() else None
        finally:
            with suppress(ConnectionError):
                writer.close()

    server = await asyncio.start_server(serve, address, 0, ssl=tls)
    site.port = server.sockets[0].getsockname()[1]
    site.url = f"http{'s' if tls else ''}://{address}:{site.port}"
    try:
        yield site
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def way_to(*addresses: str, **names: list[str]) -> Outward:
    """A way out that leads to these addresses alone. `names` (with _ for a dot) are resolved to one after the other.

    Of other names there are none: no test asks a name server.
    """

    async def resolve(host: str, port: int) -> list[str]:
        known = names.get(host.replace(".", "_"))
        if known is not None:
            return [known.pop(0) if len(known) > 1 else known[0]]
        if not _NUMBERS.fullmatch(host):
            raise OSError("no such name")
        return await look_up(host, port)

    return Outward(resolve, addresses.__contains__, range(1, 65536))
