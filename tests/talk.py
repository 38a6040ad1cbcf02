"""A talk with the assistant of a served installation, over its socket, as a program has it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

Frame = dict[str, Any]
_OPEN_S = 60.0


class Talk:
    """An open socket: what is said, and all that was heard so far."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[Frame] = []

    async def say(self, **said: Any) -> None:
        await self.socket.send(json.dumps(said))

    async def next(self, event: str, *, seconds: float = _OPEN_S, **wanted: Any) -> Frame:
        """The next frame of a kind that has these fields."""
        wanted["event"] = event
        async with asyncio.timeout(seconds):
            while True:
                if wanted.items() <= (frame := await self._take()).items():
                    return frame

    async def ask(self, question: str, *, allow: Callable[[Frame], bool], seconds: float) -> list[Frame]:
        """Ask in a new conversation, answer what needs a click, and wait for the turn's end; its frames.

        Raises:
            TimeoutError: it does not end. It is stopped then.
        """
        await self.say(text="/clear")
        await self.next("conversation", id=None)
        begin = len(self.heard)
        await self.say(text=question)
        try:
            async with asyncio.timeout(seconds):
                while not self._is_over(frame := await self._take()):
                    if frame["event"] == "approval":
                        await self.say(type="answer", call=frame["call"], allow=allow(frame))
        except TimeoutError:
            await self.say(type="stop")
            raise
        return self.heard[begin:]

    async def _take(self) -> Frame:
        frame: Frame = json.loads(await self.socket.recv())
        self.heard.append(frame)
        return frame

    @staticmethod
    def _is_over(frame: Frame) -> bool:
        """Also when the question was refused: that error is no event of the conversation."""
        is_refusal = frame["event"] == "error" and "seq" not in frame
        return is_refusal or (frame["event"] == "turn" and frame["status"] in ("done", "stopped", "failed"))


@asynccontextmanager
async def talking(url: str, sid: str, container_id: int) -> AsyncGenerator[Talk]:
    """Open one, and wait until it has greeted."""
    address = f"{url.replace('http', 'ws', 1)}/ws/ai/{container_id}/"
    async with connect(address, origin=url, additional_headers={"Cookie": f"sid={sid}"}, max_size=None) as socket:
        talk = Talk(socket)
        await talk.next("conversation")
        yield talk
