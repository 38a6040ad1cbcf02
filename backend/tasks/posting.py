"""One POST to an address that a person chose: to where it was seen to lead, with a deadline, and no step further."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial

import httpx2

from backend.errors import Unavailable
from backend.rules.webhooks import is_public

_DEADLINE_S = 10.0
_READ_BYTES = 4096
_SHOWN = 200
_MOST_ADDRESSES = 3
_AT_ONCE = 32

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""From a host name and a port to the addresses it leads to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: the status if there was an answer, and a sentence for the person."""

    status: int | None
    words: str

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver; in threads of our own, for a name server that never answers holds each for a while."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_threads(), ask)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


async def post(
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    to_private: bool,
    deadline_s: float = _DEADLINE_S,
    resolve: Resolve = resolve,
) -> Answer:
    """Send it once. Redirects are not followed; of the answer no more than a little is read.

    The name is resolved here, every address it has is checked, and the connection goes to one of those: a name that
    leads elsewhere a moment later leads nowhere.

    Args:
        to_private: let it go to any address; then the answer's text, which may be a neighbour's, is not kept.
    """
    try:
        async with asyncio.timeout(deadline_s):
            parts = httpx2.URL(url)
            addresses = await _checked(parts, resolve, to_private=to_private)
            return await _post_to(parts, addresses, body, headers, shows_text=not to_private)
    except TimeoutError:
        return Answer(None, f"It did not answer within {deadline_s:g} s.")
    except Unavailable as fault:
        return Answer(None, fault.message)
    except (httpx2.InvalidURL, UnicodeError):
        return Answer(None, "The address can't be used as it is.")
    except (httpx2.HTTPError, OSError, ssl.SSLError) as fault:
        return Answer(None, f"It could not be reached: {str(fault) or type(fault).__name__}."[:300])


async def _checked(url: httpx2.URL, resolve: Resolve, *, to_private: bool) -> list[str]:
    host = url.raw_host.decode().strip("[]")
    try:
        addresses = await resolve(host, url.port or (443 if url.scheme == "https" else 80))
    except (OSError, UnicodeError) as fault:
        raise Unavailable(f"There is no host named {host}.") from fault
    if not to_private and not all(is_public(each) for each in addresses):
        raise Unavailable("It leads to a private address. Webhooks go to public ones only.")
    return addresses[:_MOST_ADDRESSES]


async def _post_to(
    url: httpx2.URL, addresses: list[str], body: bytes, headers: dict[str, str], *, shows_text: bool
) -> Answer:
    fault: Exception = Unavailable("The host has no address.")
    for address in addresses:
        try:
            return await _post(url, address, body, headers, shows_text=shows_text)
        except httpx2.ConnectError as refused:
            fault = refused
    raise fault


async def _post(url: httpx2.URL, address: str, body: bytes, headers: dict[str, str], *, shows_text: bool) -> Answer:
    """To the address, in the name of the host: it stands in the Host header, and on the certificate."""
    host = url.raw_host.decode()
    sent = {"Host": url.netloc.decode(), "Accept-Encoding": "identity", "Connection": "close", **headers}
    async with httpx2.AsyncClient(verify=_tls(), trust_env=False, follow_redirects=False, timeout=None) as client:
        request = client.build_request(
            "POST", url.copy_with(host=address), content=body, headers=sent, extensions={"sni_hostname": host}
        )
        response = await client.send(request, stream=True)
        try:
            text = await _beginning(response) if shows_text else ""
        finally:
            await response.aclose()
    words = f"HTTP {response.status_code} {response.reason_phrase}".strip()
    if 300 <= response.status_code < 400:
        return Answer(response.status_code, f"{words}. Redirects are not followed: give the address it leads to.")
    return Answer(response.status_code, f"{words}: {text}" if text else words)


async def _beginning(response: httpx2.Response) -> str:
    """A little of what it says, as one line of legible text."""
    read = b""
    async for chunk in response.aiter_raw(_READ_BYTES):
        read += chunk
        if len(read) >= _READ_BYTES:
            break
    text = read[:_READ_BYTES].decode(errors="replace")
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:_SHOWN]


@lru_cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@lru_cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhook-names")
