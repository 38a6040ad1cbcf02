"""The preview server: finds out which port of which container is meant, and whether the browser may see it."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NoReturn
from urllib.parse import parse_qs, urlencode

import h11

from backend.api.preview import pages
from backend.api.preview.exchange import BadAnswer, exchange
from backend.api.preview.keeper import Keeper
from backend.api.preview.wire import Gone, Wire
from backend.db import transaction
from backend.errors import NotFound, NotShown, PequerokuError, TicketSpent, Unauthenticated
from backend.guest import ports
from backend.models.base import now
from backend.rules import preview_headers
from backend.rules import previews as rules
from backend.rules.actors import NOBODY, Actor
from backend.rules.preview_headers import Between, Headers
from backend.rules.previews import Place
from backend.services import previews
from backend.services.doors import Door
from backend.services.preview_passes import container_at
from backend.settings import Settings, settings

log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 2000
_MOST_FOR_A_CONTAINER = 100
"""Requests under way. Each is a channel of the connection to its guest."""
_AGAIN_S = 2
_REFUSED_METHODS = {b"CONNECT", b"TRACE"}


class _Refusal(Exception):
    """An answer of our own in place of the program's."""

    def __init__(
        self, status: int, title: str, words: str, *, link: tuple[str, str] | None = None, again_s: int = 0
    ) -> None:
        super().__init__(title)
        self.status = status
        self.make_page = lambda: pages.page(title, words, link=link, again_s=again_s)


@asynccontextmanager
async def serving() -> AsyncGenerator[None]:
    """Serve previews while the block runs. Where the port is taken there are none, and the log says so."""
    ours = settings()
    if not ours.preview_port:
        yield
        return
    previews_server = PreviewServer(ours)
    keeping = asyncio.create_task(previews_server.keeper.run(), name="preview-keeper")
    try:
        server = await asyncio.start_server(previews_server.serve, ours.host, ours.preview_port, backlog=512)
    except OSError as fault:
        log.error("there are no previews: %s. PREVIEW_PORT says where they are served", fault.strerror or fault)
        server = None
    try:
        yield
    finally:
        if server is not None:
            server.close()
        keeping.cancel()
        await previews_server.close()
        await asyncio.gather(keeping, return_exceptions=True)


class PreviewServer:
    """Serves each connection that it is given."""

    def __init__(self, ours: Settings) -> None:
        self.keeper = Keeper()
        self._settings = ours
        self._connections = set[asyncio.Task[None]]()
        self._under_way = Counter[int]()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one browser's connection until it ends."""
        task = asyncio.current_task()
        if task is None or len(self._connections) >= _MOST_CONNECTIONS:
            writer.close()
            return
        self._connections.add(task)
        wire = Wire(reader, writer)
        try:
            await self._serve(wire)
        except Gone as fault:
            await _complain(wire, fault)
        except asyncio.CancelledError:
            writer.transport.abort()  # what went on by a pass that is not good any more
        except Exception:
            log.exception("a preview's connection broke")
        finally:
            self._connections.discard(task)
            await wire.close()

    async def close(self) -> None:
        """End every connection."""
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, wire: Wire) -> None:
        is_first = True
        while (request := await wire.next_request(is_first=is_first)) is not None:
            is_first = False
            try:
                await self._answer(request, wire, self._place(request))
            except (_Refusal, PequerokuError) as fault:
                refusal = fault if isinstance(fault, _Refusal) else _Refusal(fault.status, "Not now", fault.message)
                body = refusal.make_page()
                await wire.say(refusal.status, pages.headers(body, tuple(self._settings.origins)), body)
            if not wire.is_ready_for_another():
                return

    def _place(self, request: h11.Request) -> Place:
        """Which port of which container is meant.

        Raises:
            _Refusal: none, or the request is not one that a browser sends.
        """
        names = [name for name, _ in request.headers]
        if not request.target.startswith(b"/") or request.method in _REFUSED_METHODS:
            raise _Refusal(400, "Not understood", "A preview is asked for a path, like a browser does.")
        if b"transfer-encoding" in names and b"content-length" in names:
            raise _Refusal(400, "Not understood", "The request says in two ways how long it is.")
        host = b"".join(value for name, value in request.headers if name == b"host").decode("ascii", "replace")
        place = rules.place_at(host, self._settings.preview_domain)
        if place is None:
            raise _Refusal(404, "Nothing is here", "That is not the address of a preview. Check it for typing errors.")
        return place

    async def _answer(self, request: h11.Request, wire: Wire, place: Place) -> None:
        between = self._between(request, wire, place)
        path, _, query = request.target.decode("ascii", "replace").partition("?")
        if path == rules.ENTER and request.method == b"GET":
            await self._enter(query, wire, between, place)
            return
        if path.startswith(rules.OURS):
            raise _Refusal(404, "Nothing is here", "Paths that begin so are not the program's.")
        try:
            secret, door = await self.keeper.admit(preview_headers.cookies_of(request.headers), place)
        except PequerokuError as refusal:
            await self._turn_away(refusal, place, request)
        if preview_headers.is_elsewhere(request.headers, between.origin):
            raise _Refusal(403, "Not from here", "Another site's page asked for this. Previews answer to their own.")
        if self._under_way[door.container_id] >= _MOST_FOR_A_CONTAINER:
            raise _Refusal(
                503, "Too much at once", "This machine is asked for too many things now. Reload in a moment."
            )
        self._under_way[door.container_id] += 1
        try:
            with self.keeper.staying(secret):
                await _exchange(request, wire, between, door)
        finally:
            self._under_way[door.container_id] -= 1
            if not self._under_way[door.container_id]:
                del self._under_way[door.container_id]

    async def _enter(self, query: str, wire: Wire, between: Between, place: Place) -> None:
        """Take a ticket or a link, and hand out the cookie."""
        given = {name: values[-1] for name, values in parse_qs(query, max_num_fields=10).items()}
        onward = rules.local_path(given.get("path", "/"))
        actor = Actor(None, NOBODY.username, ip=between.client_ip)
        try:
            async with transaction() as tx:
                ticket, link = given.get("ticket", "")[:100], given.get("link", "")[:100]
                secret, ends_at = await previews.enter(tx, actor, place.label, ticket=ticket, link=link)
        except TicketSpent as refusal:
            raise _Refusal(
                403, "This way in is closed", refusal.message, link=await self._way_in(place, onward)
            ) from None
        except PequerokuError as refusal:
            raise _Refusal(refusal.status, "Not now", refusal.message) from refusal
        life_s = int((ends_at - now()).total_seconds())
        cookie = preview_headers.cookie_for(secret, life_s, is_secure=between.is_secure)
        headers: Headers = [(b"Location", onward.encode()), (b"Set-Cookie", cookie.encode())]
        await wire.say(303, [*headers, *pages.headers(b"", between.frames)], b"")

    async def _turn_away(self, refusal: PequerokuError, place: Place, request: h11.Request) -> NoReturn:
        path = rules.local_path(request.target.decode("ascii", "replace"))
        if isinstance(refusal, Unauthenticated):
            words = "It is open to who was given access. Open it with your account, or by a link that still holds."
            raise _Refusal(401, refusal.message.rstrip("."), words, link=await self._way_in(place, path))
        if isinstance(refusal, NotFound | NotShown):
            words = "It is gone, or not shown to you any more. Ask whoever runs it for access."
            raise _Refusal(403, "This preview is closed", words, link=await self._way_in(place, path))
        raise _Refusal(refusal.status, "Not now", refusal.message)

    async def _way_in(self, place: Place, path: str) -> tuple[str, str]:
        """A link to where somebody who is signed in gets a ticket; who is not signs in first."""
        container_id = await container_at(place.uuid) or 0
        query = "?" + urlencode({"path": path}) if path != "/" else ""
        home = self._settings.dashboard
        return "Open it with your account", f"{home}/api/containers/{container_id}/previews/{place.port}/{query}"

    def _between(self, request: h11.Request, wire: Wire, place: Place) -> Between:
        ours = self._settings
        is_local = ours.preview_domain.partition(":")[0].endswith("localhost")
        return Between(
            origin=ours.preview_origin(place.label),
            port=place.port,
            client_ip=_client_ip(request, wire.peer_ip, ours.trusted_proxy_hops),
            frames=tuple(ours.origins),
            is_secure=ours.https or is_local,
        )


async def _exchange(request: h11.Request, wire: Wire, between: Between, door: Door) -> None:
    if not door.is_running:
        words = "The machine is not running. Start it on its page; this one opens by itself then."
        raise _Refusal(503, "The machine is off", words, again_s=_AGAIN_S)
    began = time.monotonic()
    try:
        ends = await ports.connect(await door.address(), between.port)
        if ends is None:
            words = "Start the program that serves it, in a terminal or with Run. This page opens by itself then."
            raise _Refusal(502, f"Nothing listens on port {between.port}", words, again_s=_AGAIN_S)
        await exchange(request, wire, ends, between)
    except BadAnswer as fault:
        words = f"What listens there gave no answer: {fault}. Its output may say why."
        raise _Refusal(502, f"No answer from port {between.port}", words) from fault
    except PequerokuError as fault:
        log.debug("a preview failed after %.1f s: %s", time.monotonic() - began, fault.message)
        raise _Refusal(503, "The machine does not answer", fault.message, again_s=_AGAIN_S) from fault


async def _complain(wire: Wire, fault: BaseException) -> None:
    """Say what is wrong with a request that could not be read, if anybody still listens."""
    if not isinstance(fault, h11.RemoteProtocolError) or not wire.may_answer:
        return
    body = pages.page("Not understood", "That is not how browsers ask.")
    try:
        await wire.say(fault.error_status_hint, pages.headers(body, ()), body)
    except Gone:
        return


def _client_ip(request: h11.Request, peer: str, hops: int) -> str:
    """Where the browser is: the peer, or what the outermost of our own proxies says."""
    lines = [value.decode("latin-1") for name, value in request.headers if name == b"x-forwarded-for"]
    said = [each.strip() for each in ",".join(lines).split(",")]
    found = said[-hops] if hops and len(said) >= hops and said[-hops] else peer
    return found[:64] if found.isascii() and found.isprintable() and " " not in found else peer
