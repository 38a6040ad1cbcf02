"""A conversation whose assistant can reach out: to a site of the test's, on an address of the loopback, alone."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.chat_scene import Chat, a_provider
from tests.file_scene import Scene
from tests.model_server import ModelServer, Reply, says
from tests.web_server import Site, served, way_to

SITE, ELSEWHERE = "127.0.0.5", "127.0.0.6"


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    """The internet, as far as the test is concerned."""
    async with served(Site(), SITE) as site:
        yield site


@pytest.fixture
async def model(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[ModelServer]:
    """As chat_scene's, with a way out to SITE and nowhere else."""
    out = way_to(SITE, docs_example=[SITE], metadata_internal=["169.254.169.254"])
    async with a_provider(monkeypatch, out, disk_s=0.1) as server:  # nobody makes checkpoints there
        yield server


async def in_mode(scene: Scene, model: ModelServer, mode: str) -> Chat:
    """A tab with a conversation in a mode: there has to be one before it can have one."""
    chat = await Chat(scene).opened()
    model.will(says("Yes?"))
    await chat.ask("Hello")
    chat.say(type="mode", mode=mode)
    return chat


async def asked_with(chat: Chat, model: ModelServer, *replies: Reply, allow: bool = True) -> list[dict[str, Any]]:
    """A turn in which the first click that is asked for is given, or refused; all of its frames."""
    model.will(*replies)
    begin = len(chat.heard)
    chat.say(text="Go on")
    approval = await chat.event("approval", after=begin)
    chat.say(type="answer", call=approval["call"], allow=allow)
    await chat.event("turn", after=begin, status="done")
    await chat.event("memory_data", after=begin)
    return chat.heard[begin:]


def results(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in frames if each["event"] == "tool_result"]


def tools_of(question: dict[str, Any]) -> list[str]:
    """The tools that the model is offered."""
    return [each["function"]["name"] for each in question.get("tools", [])]
