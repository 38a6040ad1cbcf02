"""The way out: HTTP to addresses that a stranger may have chosen, and to nowhere but the internet.

A name is resolved here, every address it has is checked, and the connection goes to one of those: a name that leads
elsewhere a moment later leads nowhere. Each redirect is a new address, checked like the first.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Container
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache, partial

import httpx2

from backend.errors import Invalid, OutOfTime, UpstreamFault
from backend.rules.internet import is_public

_MOST_ADDRESSES = 3
_MOST_REDIRECTS = 5
_AT_ONCE = 32
_CHUNK_BYTES = 16 * 1024
_LONGEST_URL = 2000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""From a host name and a port to the addresses it leads to."""


@dataclass(frozen=True, slots=True)
class Page:
    """What stood at an address, after its redirects; `is_cut` where there was more of it than was read."""

    url: str
    status: int
    content_type: str
    body: bytes
    is_cut: bool


async def look_up(host: str, port: int) -> list[str]:
    """Ask the system's resolver; in threads of our own, for a name server that never answers holds each for a while."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_threads(), ask)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass(frozen=True, slots=True)
class Outward:
    """Who resolves names, which addresses may be reached, and at which ports pages are read."""

    resolve: Resolve = look_up
    allows: Callable[[str], bool] = is_public
    ports: Container[int] = (80, 443)

    @asynccontextmanager
    async def asked(
        self, method: str, url: str, *, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> AsyncGenerator[httpx2.Response]:
        """Ask once; the block reads as much of the answer as it wants. Redirects are not followed.

        There is no time limit here: whoever asks sets one.

        Raises:
            Invalid: that is no address of the web.
            UpstreamFault: nothing there can be reached, or may be; or it broke off in the block.
        """
        parts = _parsed(url)
        addresses = await self._checked(parts)
        try:
            async with httpx2.AsyncClient(verify=_tls(), trust_env=False, timeout=None) as client:
                response = await _first_answer(client, method, parts, addresses, headers or {}, body)
                try:
                    yield response
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, OSError) as fault:
            if isinstance(fault, TimeoutError):
                raise
            raise UpstreamFault(f"It could not be reached: {str(fault) or type(fault).__name__}."[:300]) from fault

    async def page(self, url: str, *, most_bytes: int, deadline_s: float, headers: dict[str, str]) -> Page:
        """What stands at an address, with a few redirects.

        Raises:
            Invalid, UpstreamFault: as `asked`.
            OutOfTime: not within so many seconds.
        """
        try:
            async with asyncio.timeout(deadline_s):
                for _ in range(_MOST_REDIRECTS + 1):
                    page, onward = await self._step(url, most_bytes, headers)
                    if page is not None:
                        return page
                    url = onward
        except TimeoutError as fault:
            raise OutOfTime(f"It did not answer within {deadline_s:g} s.") from fault
        raise UpstreamFault(f"It was redirected more than {_MOST_REDIRECTS} times.")

    async def _step(self, url: str, most_bytes: int, headers: dict[str, str]) -> tuple[Page | None, str]:
        parts = _parsed(url)
        if (parts.port or _default_port(parts)) not in self.ports:
            raise Invalid("Pages are read at the usual ports of the web only.", field="url")
        async with self.asked("GET", url, headers=headers) as response:
            onward = response.headers.get("location", "")
            if response.status_code in _REDIRECTS and onward:
                return None, _joined(parts, onward)
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise UpstreamFault("It answers packed, though that was not asked for.")
            body, is_cut = await beginning(response, most_bytes)
            kind = response.headers.get("content-type", "")
            return Page(str(parts), response.status_code, kind[:200], body, is_cut), ""

    async def _checked(self, url: httpx2.URL) -> list[str]:
        host = url.raw_host.decode().strip("[]")
        try:
            addresses = await self.resolve(host, url.port or _default_port(url))
        except (OSError, UnicodeError) as fault:
            raise UpstreamFault(f"There is no host named {host}.") from fault
        if not addresses:
            raise UpstreamFault("The host has no address.")
        if not all(map(self.allows, addresses)):
            raise UpstreamFault("It leads to a private address. Only public ones can be reached from here.")
        return addresses[:_MOST_ADDRESSES]


async def beginning(response: httpx2.Response, most_bytes: int) -> tuple[bytes, bool]:
    """What an answer says, as far as that, and whether there is more."""
    read = bytearray()
    async for chunk in response.aiter_raw(_CHUNK_BYTES):
        read += chunk
        if len(read) > most_bytes:
            return bytes(read[:most_bytes]), True
    return bytes(read), False


def host_of(url: str) -> str:
    """The host that an address names, read as it is when it is asked.

    Raises:
        Invalid: it is no address of the web.
    """
    return _parsed(url).raw_host.decode()


def _parsed(url: str) -> httpx2.URL:
    if len(url) > _LONGEST_URL or not url.isprintable():
        raise Invalid(f"An address has at most {_LONGEST_URL:,} characters, and one line.", field="url")
    try:
        parts = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError, ValueError) as fault:
        raise Invalid("That is no address. One looks like https://example.com/page.", field="url") from fault
    if parts.scheme not in ("http", "https") or not parts.raw_host:
        raise Invalid("The address must begin with https:// or http:// and name a host.", field="url")
    if parts.userinfo:
        raise Invalid("Leave the name and password out of the address.", field="url")
    return parts


def _joined(url: httpx2.URL, onward: str) -> str:
    try:
        return str(url.join(onward))
    except (httpx2.InvalidURL, UnicodeError, ValueError) as fault:
        raise UpstreamFault("It leads on to what is no address.") from fault


def _default_port(url: httpx2.URL) -> int:
    return 443 if url.scheme == "https" else 80


async def _first_answer(
    client: httpx2.AsyncClient, method: str, url: httpx2.URL, addresses: list[str], headers: dict[str, str], body: bytes
) -> httpx2.Response:
    fault: Exception = UpstreamFault("The host has no address.")
    for address in addresses:
        try:
            return await client.send(_request(client, method, url, address, headers, body), stream=True)
        except httpx2.ConnectError as refused:
            fault = refused
    raise fault


def _request(
    client: httpx2.AsyncClient, method: str, url: httpx2.URL, address: str, headers: dict[str, str], body: bytes
) -> httpx2.Request:
    """To the address, in the name of the host: it stands in the Host header, and on the certificate."""
    sent = {"Host": url.netloc.decode(), "Accept-Encoding": "identity", "Connection": "close", **headers}
    return client.build_request(
        method,
        url.copy_with(host=address),
        content=body or None,
        headers=sent,
        extensions={"sni_hostname": url.raw_host.decode()},
    )


@lru_cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@lru_cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="names")
