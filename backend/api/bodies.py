"""How much a request may carry. Nobody has to be signed in to send one, and whoever reads it keeps it in memory."""

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 1024 * 1024
_TOO_LARGE = {"error": {"code": "too-large", "message": f"A request has {MOST_BYTES:,} bytes at most."}}


class BoundedBodies:
    """Refuses what says that it is larger, and hangs up on what is without saying so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said, read = Headers(scope=scope).get("content-length", ""), 0
        if said.isdecimal() and (len(said) > 10 or int(said) > MOST_BYTES):
            await JSONResponse(_TOO_LARGE, 413)(scope, receive, send)
            return

        async def receive_no_more() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            return message if read <= MOST_BYTES else {"type": "http.disconnect"}

        await self._app(scope, receive_no_more, send)
