"""Tabs without browsers: just their event sockets, so that fifty of them fit on one machine."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

_SPACE = "/_event"


class Tab:
    """One open page, as the server sees it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, name: str, payload: dict[str, Any] | None = None, *, path: str = "/") -> None:
        """Send an event."""
        event = {"name": name, "payload": payload or {}, "router_data": {"pathname": path, "asPath": path, "query": {}}}
        await self._socket.send(f"42{_SPACE},{json.dumps(['event', event])}")

    async def changed(self, soon: str, then: str) -> float:
        """Wait until a status has become one and then another; gives the moment of the first change that was told.

        What does not last is told or not: a tab hears of what there is when its turn comes.
        """
        told = f'"status":"{soon}"', f'"status":"{then}"'
        moment, heard = await self._until(told, 15)
        if heard == told[0]:
            await self.until(told[1])
        return moment

    async def until(self, text: str, *, seconds: float = 15) -> float:
        """Wait for a message with this text in it; gives the moment it came, on the loop's clock."""
        return (await self._until((text,), seconds))[0]

    async def _until(self, texts: tuple[str, ...], seconds: float) -> tuple[float, str]:
        async with asyncio.timeout(seconds):
            while True:
                message = str(await self._socket.recv())
                if message == "2":
                    await self._socket.send("3")
                    continue
                for text in texts:
                    if text in message:
                        return asyncio.get_running_loop().time(), text


@asynccontextmanager
async def open_tab(url: str, sid: str, *, origin: str = "", token: str = "") -> AsyncGenerator[Tab]:
    """Connect as a browser with this session cookie would."""
    address = f"{url.replace('http', 'ws', 1)}{_SPACE}/?EIO=4&transport=websocket&token={token or uuid.uuid4()}"
    async with connect(
        address, origin=origin or url, additional_headers={"Cookie": f"sid={sid}"}, max_size=None
    ) as socket:
        await socket.recv()  # the transport's greeting
        await socket.send(f"40{_SPACE},")
        tab = Tab(socket)
        await tab.until(f"40{_SPACE}")
        yield tab
