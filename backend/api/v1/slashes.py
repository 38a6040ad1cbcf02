"""Under `/api/v1/` an address is the same with and without its last slash: no redirect, which clients would not follow
with what they send.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

_PREFIX = "/api/v1/"


class EitherWay:
    """Gives every such address its last slash, before anything looks at it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if scope["type"] == "http" and path.startswith(_PREFIX) and not path.endswith("/"):
            scope = {**scope, "path": f"{path}/", "raw_path": scope.get("raw_path", path.encode()) + b"/"}
        await self._app(scope, receive, send)
