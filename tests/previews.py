"""A preview server of a test's own, and a container whose guest is this machine."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from backend.api.preview.server import PreviewServer
from backend.db import transaction
from backend.events.bus import ContainerChanged, announce
from backend.guest.shell import guests
from backend.hypervisor.registry import nodes
from backend.models import Container, Status
from backend.rules.policy import Actor
from backend.rules.previews import Place
from backend.sealing import seal
from backend.settings import settings
from tests.factories import a_container, a_node
from tests.guests import LocalGuest, local_guest
from tests.people import a_user, signed_in, visitor
from tests.stores import free_port

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Scene:
    """Alice's container, with its guest, and a program in it at `port`."""

    alice: Actor
    sid: str
    container: Container
    guest: LocalGuest
    server: PreviewServer
    port: int = 0
    programs: list[asyncio.Server] = field(default_factory=list)

    @property
    def label(self) -> str:
        return self.label_of(self.port)

    @property
    def host(self) -> str:
        return urlsplit(self.origin).netloc

    @property
    def origin(self) -> str:
        return settings().preview_origin(self.label)

    def label_of(self, port: int) -> str:
        return Place(self.container.uuid, port).label

    async def run(self, serve: Serve, *, host: str = "127.0.0.1") -> int:
        """Start a program in the guest; it becomes the one that is looked at."""

        async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve_one, host, 0)
        self.programs.append(server)
        self.port = int(server.sockets[0].getsockname()[1])
        return self.port

    async def change(self, **values: object) -> None:
        async with transaction() as tx:
            row = await tx.get_one(Container, self.container.id)
            for name, value in values.items():
                setattr(row, name, value)
            announce(tx, ContainerChanged(row.id, row.user_id))

    async def ticket_url(self, *, sid: str = "", port: int = 0, path: str = "/") -> str:
        """Where the dashboard sends a browser that asks for the port."""
        async with visitor(sid=sid or self.sid) as client:
            url = f"/api/containers/{self.container.id}/previews/{port or self.port}/"
            answer = await client.get(url, params={"path": path})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def enter(self, **more: str) -> str:
        """Come in as Alice does, or whoever has the `sid`; gives the cookie."""
        return await entered(await self.ticket_url(**more))

    async def get(self, path: str = "/", *, cookie: str = "", host: str = "", **headers: str) -> httpx.Response:
        """Ask for a path of the preview."""
        async with browser() as client:
            cookies = {"Cookie": f"pqk_preview={cookie}"} if cookie else {}
            return await client.get(path, headers={"Host": host or self.host} | cookies | headers)


def browser() -> httpx.AsyncClient:
    """A client of the preview server: it says itself which host it wants."""
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings().preview_port}", timeout=30)


async def visit(url: str) -> httpx.Response:
    """Follow an address of a preview, without being at its name server."""
    parts = urlsplit(url)
    async with browser() as client:
        return await client.get(f"{parts.path}?{parts.query}", headers={"Host": parts.netloc})


async def entered(url: str) -> str:
    """Go where the dashboard sent us; gives the cookie."""
    answer = await visit(url)
    assert answer.status_code == 303, answer.text
    return answer.headers["set-cookie"].partition("=")[2].partition(";")[0]


def secret_of(url: str, name: str = "ticket") -> str:
    return parse_qs(urlsplit(url).query)[name][0]


async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A program that shows the request it got."""
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(head) + head)
    await writer.drain()


def saying(answer: bytes) -> Serve:
    """A program that says this, whatever it is asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return serve


@asynccontextmanager
async def a_preview(folder: Path) -> AsyncGenerator[Scene]:
    """All of it; needs `database`, and PREVIEW_PORT in the settings."""
    alice = await a_user("alice")
    _, sid = await signed_in("alice")
    async with transaction() as tx:
        node = await a_node(tx)
        container = await a_container(tx, alice, node, status=Status.STOPPED)
    previews = PreviewServer(settings())
    keeping = asyncio.create_task(previews.keeper.run())
    server = await asyncio.start_server(previews.serve, "127.0.0.1", settings().preview_port)
    async with local_guest(folder) as (guest, address):
        nodes().put(node.uri, guest)  # type: ignore[arg-type]
        scene = Scene(alice, sid, container, guest, previews)
        sealed = seal(address.private_key, purpose="guest-key")
        await scene.change(status=Status.RUNNING, host_key=address.host_key, private_key_sealed=sealed)
        try:
            await scene.run(hello)
            yield scene
        finally:
            for each in [server, *scene.programs]:
                each.close()
            keeping.cancel()
            await previews.close()
            await asyncio.gather(keeping, return_exceptions=True)
            await guests().close_all()
            await nodes().close_all()


def a_port() -> str:
    return str(free_port())
