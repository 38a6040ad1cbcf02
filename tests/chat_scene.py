"""A conversation with the assistant: the machine is this one, and the provider is told what to say."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from backend.ai import live as live_module
from backend.ai import provider, undoing
from backend.ai.live import Live
from backend.db import transaction
from backend.outward import Outward
from backend.rules.policy import SYSTEM
from backend.services.config import set_config
from tests.asgi import Socket
from tests.file_scene import Scene
from tests.model_server import ModelServer, model_server
from tests.stores import eventually


class Chat:
    """A tab: what it says, and all it is told. `patience_s`: how long it waits for an event."""

    patience_s = 20.0

    def __init__(self, scene: Scene, who: str = "owner") -> None:
        self.socket = Socket(scene.api, f"/ws/ai/{scene.container_id}/", sid=scene.sids[who])

    @classmethod
    def by_key(cls, api: Any, container_id: int, key: str) -> "Chat":
        """As a program has it."""
        chat = cls.__new__(cls)
        chat.socket = Socket(api, f"/ws/ai/{container_id}/", api_key=key, origin=None)
        return chat

    @property
    def heard(self) -> list[dict[str, Any]]:
        return self.socket.heard

    def say(self, **said: Any) -> None:
        self.socket.say(json.dumps(said))

    async def event(self, kind: str, *, after: int = 0, **wanted: Any) -> dict[str, Any]:
        """The first event of a kind, after so many frames, that has these fields."""
        wanted["event"] = kind
        try:
            return await eventually(
                f"event {wanted}",
                lambda: next((each for each in self.heard[after:] if wanted.items() <= each.items()), None),
                seconds=self.patience_s,
            )
        except TimeoutError as late:
            raise TimeoutError(f"{late}; came: {self.heard[after:]}") from None

    async def ask(self, text: str, *, until: str = "done") -> list[dict[str, Any]]:
        """Ask, and wait until the turn is over; all frames from the question on."""
        begin = len(self.heard)
        self.say(text=text)
        await self.event("turn", after=begin, status=until)
        await self.event("memory_data", after=begin)
        return self.heard[begin:]

    async def opened(self) -> "Chat":
        await self.event("conversation")
        return self

    def kept(self) -> list[dict[str, Any]]:
        """What a page shows: the events it was given when it opened the conversation, and those that came since."""
        last = max(n for n, each in enumerate(self.heard) if each["event"] == "conversation")
        return [*self.heard[last]["events"], *(each for each in self.heard[last:] if "seq" in each)]


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    return [each["event"] for each in frames]


@asynccontextmanager
async def a_provider(
    monkeypatch: pytest.MonkeyPatch, out: Outward | None = None, *, disk_s: float = 10.0
) -> AsyncGenerator[ModelServer]:
    """The provider that Config names, and turns of this test's own.

    Args:
        out: their way out.
        disk_s: how long a node may take for a checkpoint.
    """
    monkeypatch.setattr(provider, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(undoing, "_DISK_S", disk_s)
    turns = Live(out)
    monkeypatch.setattr(live_module, "live", lambda: turns)
    monkeypatch.setattr("backend.api.ws.ai.live", lambda: turns)
    async with model_server() as server:
        async with transaction() as tx:
            await set_config(tx, SYSTEM, "openai_api_url", server.url)
        async with transaction() as tx:
            await set_config(tx, SYSTEM, "openai_api_key", "sk-secret")
        yield server
        await turns.close()
        await asyncio.sleep(0)


@pytest.fixture
async def model(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[ModelServer]:
    """See `a_provider`."""
    async with a_provider(monkeypatch, disk_s=0.1) as server:  # nobody makes checkpoints there
        yield server
