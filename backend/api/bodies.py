"""How much a request may carry. Nobody has to be signed in to send one, and whoever reads it keeps it in memory."""

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.problems import Code, said

MOST_BYTES = 1024 * 1024
_TOO_LARGE = f"A request has {MOST_BYTES:,} bytes at most."
_UPLOADS = re.compile(r"/api/containers/\d+/upload_file/")
"""Read piece by piece, by who is signed in, and kept by nobody here (api/routes/files.py)."""


class BoundedBodies:
    """Refuses what says that it is larger, and hangs up on what is without saying so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["method"] == "POST" and _UPLOADS.fullmatch(scope["path"])):
            await self._app(scope, receive, send)
            return
        length, read = Headers(scope=scope).get("content-length", ""), 0
        if length.isdecimal() and (len(length) > 10 or int(length) > MOST_BYTES):
            await said(Code.INVALID_REQUEST, _TOO_LARGE, 413)(scope, receive, send)
            return

        async def receive_no_more() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            return message if read <= MOST_BYTES else {"type": "http.disconnect"}

        await self._app(scope, receive_no_more, send)
