"""Asking a provider: within bounds of time and size. What goes wrong becomes a sentence."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import httpx2

from backend.errors import UpstreamFault
from backend.settings import settings
from backend.tips.connections.providers import TODOIST_API

TIMEOUT_S = 10.0
_MOST_BYTES = 4 * 1024 * 1024
PLAIN = {"Accept-Encoding": "identity"}
NONSENSE = (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError)
"""What taking something apart raises that a provider said in another form than it should have."""
SILENCE = (httpx.HTTPError, httpx2.HTTPError, httpx2.InvalidURL, OSError)


def silent(label: str) -> UpstreamFault:
    """Somebody did not answer, or not as they should."""
    return UpstreamFault(f"{label} does not answer as it should. Trying again later.")


async def bound(response: httpx2.Response) -> None:
    """A hook for clients: no more is read than a provider can have to say; nothing packed, which could unfold."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.DecodingError("it is packed, though that was not asked for")
    response.stream = _Bounded2(response.stream)


class _Bounded2(httpx2.AsyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in _counted(self._inner):
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in _counted(self._inner):
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _counted(chunks: Any) -> AsyncIterator[bytes]:
    read = 0
    async for chunk in chunks:
        read += len(chunk)
        if read > _MOST_BYTES:
            raise OSError("it does not stop talking")
        yield cast(bytes, chunk)


class _ToTodoist(httpx.AsyncBaseTransport):
    """Beneath todoist-api-python, which knows no address but Todoist's: bounds what it says, and leads tests aside."""

    def __init__(self) -> None:
        self._wire = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = "identity"
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_S)
        home = settings().providers_at
        if home and str(request.url).startswith(TODOIST_API):
            request.url = httpx.URL(f"{home}/todoist{str(request.url).removeprefix(TODOIST_API)}")
            request.headers["Host"] = request.url.netloc.decode()
        response = await self._wire.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            raise httpx.DecodingError("it is packed, though that was not asked for")
        return httpx.Response(response.status_code, headers=response.headers, stream=_Bounded(response.stream))

    async def aclose(self) -> None:
        await self._wire.aclose()


def todoist_client() -> httpx.AsyncClient:
    """What todoist-api-python is given to ask with."""
    return httpx.AsyncClient(transport=_ToTodoist(), follow_redirects=False)


@asynccontextmanager
async def asking(label: str) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client for a provider; whatever goes wrong on the way becomes one sentence.

    Raises:
        UpstreamFault: it does not answer as it should.
    """
    hooks = {"response": [bound]}
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            httpx2.AsyncClient(timeout=TIMEOUT_S, headers=PLAIN, event_hooks=hooks) as client,
        ):
            yield client
    except (*SILENCE, *NONSENSE) as fault:
        raise silent(label) from fault
