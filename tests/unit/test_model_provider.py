"""Asking a provider of language models: what streams, what is asked again, and what each fault is called."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from backend.ai import provider as subject
from backend.ai.faults import ModelFault
from backend.ai.provider import Answer, Model, Provider
from tests.model_server import ModelServer, Reply, model_server, says

_QUESTION = [{"role": "user", "content": "Say something."}]


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[ModelServer]:
    monkeypatch.setattr(subject, "_FIRST_WAIT_S", 0.01)
    async with model_server() as ours:
        yield ours


class _Ear:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.waits: list[str] = []

    async def hear(self, text: str) -> None:
        self.heard.append(text)

    async def wait(self, sentence: str) -> None:
        self.waits.append(sentence)


async def _ask(server: ModelServer, ear: _Ear | None = None, *, url: str = "") -> Answer:
    ear = ear or _Ear()
    provider = Provider(Model(url or server.url, "sk-test", "a-model"))
    try:
        return await provider.ask(_QUESTION, [], ear.hear, waits=ear.wait)
    finally:
        await provider.close()


async def test_text_is_heard_as_it_comes_and_told_whole(server: ModelServer) -> None:
    server.will(says("Good ", "day", " ✓"))
    ear = _Ear()
    answer = await _ask(server, ear)
    assert ear.heard == ["Good ", "day", " ✓"]
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("Good day ✓", 100, 20)
    assert server.keys == ["Bearer sk-test"]
    assert server.asked[0]["model"] == "a-model"
    assert server.asked[0]["messages"] == _QUESTION


async def test_several_tool_calls_are_put_together_from_their_pieces(server: ModelServer) -> None:
    server.will(Reply(text=("First I look.",), calls=(("read", {"path": "/app/a"}), ("run", {"command": "ls"}))))
    answer = await _ask(server)
    assert [(call.tool, call.arguments) for call in answer.calls] == [
        ("read", '{"path": "/app/a"}'),
        ("run", '{"command": "ls"}'),
    ]
    assert len({call.id for call in answer.calls}) == 2


async def test_a_provider_that_counts_no_tokens_has_them_guessed(server: ModelServer) -> None:
    server.will(says("x" * 400, usage=None))
    assert (await _ask(server)).completion_tokens == 100


async def test_a_provider_that_counts_more_than_there_can_be_is_not_believed(server: ModelServer) -> None:
    server.will(says("ok", usage=(10**15, -5)))
    answer = await _ask(server)
    assert (answer.prompt_tokens, answer.completion_tokens) == (10_000_000, 0)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_what_is_turned_away_for_now_is_asked_again(server: ModelServer, status: int) -> None:
    server.will(Reply(status=status), Reply(status=status, headers={"Retry-After": "0"}), says("There."))
    ear = _Ear()
    assert (await _ask(server, ear)).text == "There."
    assert len(server.asked) == 3
    assert len(ear.waits) == 2


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(status=401, body={"error": {"message": "Incorrect API key"}}), "ai-key-refused"),
        (Reply(status=403), "ai-key-refused"),
        (Reply(status=404, body={"error": {"message": "no model a-model"}}), "ai-refused"),
        (Reply(status=400, body={"error": {"message": "maximum context length is 8192"}}), "ai-too-long"),
        (Reply(status=400), "ai-refused"),
        (Reply(status=429, body={"error": {"message": "pay", "code": "insufficient_quota"}}), "ai-rate-limited"),
        (Reply(text=("It is onl",), breaks_off=True), "ai-cut-off"),
        (Reply(raw=(b'data: {"choices": [{"delta": {"content": "a"}',)), "ai-bad-answer"),
        (Reply(raw=(b'data: {"error": {"message": "overloaded"}}',)), "ai-unavailable"),
        (Reply(raw=(b"data: [DONE]",)), "ai-cut-off"),
        (Reply(raw=(b"<html>not at all</html>",)), "ai-cut-off"),
        (Reply(raw=(b"data: " + b"[" * 100_000,)), "ai-bad-answer"),
    ],
)
async def test_each_fault_has_a_name_and_a_sentence(server: ModelServer, reply: Reply, code: str) -> None:
    server.will(reply)
    with pytest.raises(ModelFault) as told:
        await _ask(server)
    assert told.value.code == code
    assert told.value.message.endswith((".", ")")) or ": " in told.value.message
    assert len(server.asked) == 1


async def test_a_provider_that_never_answers_well_is_given_up(server: ModelServer) -> None:
    server.decide = lambda _question: Reply(status=503)
    with pytest.raises(ModelFault, match="does not answer"):
        await _ask(server)
    assert len(server.asked) == 4


async def test_one_that_is_not_there_is_told(server: ModelServer) -> None:
    with pytest.raises(ModelFault, match="can't be reached"):
        await _ask(server, url="http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    "line",
    [
        {"choices": [{"delta": {"content": "x" * 250_000}}]},
        {
            "choices": [
                {"delta": {"tool_calls": [{"index": 0, "function": {"name": "a", "arguments": "x" * 2**21 + "x"}}]}}
            ]
        },
        {"choices": [{"delta": {"tool_calls": [{"index": 400}]}}]},
        {
            "choices": [
                {
                    "delta": {
                        "tool_calls": [{"index": each, "function": {"arguments": "x" * 2**17}} for each in range(17)]
                    }
                }
            ]
        },
    ],
)
async def test_an_answer_without_end_is_not_kept(server: ModelServer, line: Any) -> None:
    server.will(Reply(raw=(b"data: " + json.dumps(line).encode(),)))
    with pytest.raises(ModelFault) as told:
        await _ask(server)
    assert told.value.code == "ai-bad-answer"


async def test_what_has_no_sense_is_passed_over(server: ModelServer) -> None:
    odd = [b"data: 7", b"data: []", b'data: {"choices": []}', b'data: {"choices": [{"delta": 4}]}', b": comment",
           b'data: {"choices": [{"delta": {"content": 5, "tool_calls": {}}}]}']  # fmt: skip
    good = b'data: {"choices": [{"delta": {"content": "ok"}, "finish_reason": "stop"}]}'
    server.will(Reply(raw=(*odd, good, b"data: [DONE]")))
    assert (await _ask(server)).text == "ok"


async def test_trying_it_out_says_how_it_went(server: ModelServer) -> None:
    server.will(says("rea", "dy"))
    assert await subject.try_out(Model(server.url, "sk-test", "a-model")) == "“a-model” answers: ready"
