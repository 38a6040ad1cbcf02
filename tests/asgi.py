"""A browser's socket without a browser: an ASGI app is driven in the test's own event loop, with its database."""

import asyncio
import json
from typing import Any

ORIGIN = "http://localhost"


class Socket:
    """One WebSocket to `app`: what the app says is in `heard`, its close code in `code`."""

    def __init__(
        self, app: Any, path: str, *, sid: str = "", api_key: str = "", origin: str | None = ORIGIN, query: str = ""
    ) -> None:
        headers = [(b"host", b"localhost")]
        headers += [(b"origin", origin.encode())] if origin is not None else []
        headers += [(b"cookie", f"sid={sid}".encode())] if sid else []
        headers += [(b"authorization", f"Bearer {api_key}".encode())] if api_key else []
        scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "query_string": query.encode()}
        scope |= {"headers": headers, "client": ("203.0.113.7", 1), "subprotocols": [], "scheme": "ws", "root_path": ""}
        self.heard: list[dict[str, Any]] = []
        self.drawn = b""
        self.code: int | None = None
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(app(scope, self._said.get, self._hear))

    async def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close":
            self.code = message.get("code", 1000)
        elif message.get("text") is not None:
            self.heard.append(json.loads(message["text"]))
        elif message.get("bytes") is not None:
            self.drawn += message["bytes"]

    def say(self, said: str | bytes) -> None:
        self._said.put_nowait({"type": "websocket.receive", "text" if isinstance(said, str) else "bytes": said})

    @property
    def states(self) -> list[str]:
        return [each["state"] for each in self.heard if "state" in (each.get("type"), each.get("event"))]

    async def closed(self) -> int | None:
        """Wait until the app is through with it; returns the close code."""
        await asyncio.wait_for(self.task, 20)
        return self.code

    async def leave(self) -> None:
        """As a browser that goes."""
        self._said.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(self.task, 20)
