"""Counts requests and sockets, by route, for Prometheus. What no route of ours answers is `pages`."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.meters import REQUEST_SECONDS, REQUESTS, SOCKETS

_PAGES = "pages"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Counted:
    """Around everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun_at, status = time.monotonic(), 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            route, method = _route_of(scope), str(scope["method"])
            REQUESTS.labels(method if method in _METHODS else "other", route, str(status)).inc()
            REQUEST_SECONDS.labels(route).observe(time.monotonic() - begun_at)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Its route is known once it has been found: that is, when the first message is asked for."""
        open_as: str | None = None

        async def note() -> Message:
            nonlocal open_as
            if open_as is None:
                open_as = _route_of(scope)
                SOCKETS.labels(open_as).inc()
            return await receive()

        try:
            await self._app(scope, note, send)
        finally:
            if open_as is not None:
                SOCKETS.labels(open_as).dec()


def _route_of(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", None) or _PAGES)
