"""Models are compared by what they say for tips: by a scripted one, of which is known what it deserves."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from backend import settings
from backend.ai.provider import Model
from backend.tips.candidates.kinds import KINDS
from tests.bench import models
from tests.model_server import ModelServer, Reply, model_server, says

_IDLE, _BREAK = KINDS["idle_vm"], KINDS["take_a_break"]
_GOOD = "Why not give {name} a rest, since it has had nothing to do for {hours} hours?"
_SAME = "Why not give {name} a rest, as it has had nothing to do for {hours} hours?"
_LIE = "{name} belongs to Mallory, who pays 7 credits, so stop it."
_LONG = "{name} is idle " + "and idle " * 14 + "so stop it."


@pytest.fixture
async def server() -> AsyncGenerator[ModelServer]:
    async with model_server() as found:
        yield found


def _answer(question: dict) -> Reply:
    text = question["messages"][0]["content"]
    if question["model"] == "judge":
        return says("4") if "nothing to do" in text else says("I can't say.")
    if question["model"] == "broken":
        return Reply(status=401, body={"error": {"message": "no"}})
    lines = [_GOOD, _SAME, _LIE, _LONG] if _IDLE.purpose in text else ["Sit down."]
    return says("\n".join(lines), usage=(100, 20))


async def test_each_share_is_what_the_sentences_deserve(server: ModelServer) -> None:
    server.decide = _answer
    wanted = {name: Model(server.url, "k", name) for name in ("small", "broken")}
    said = await models.compare(wanted, Model(server.url, "k", "judge"), [_IDLE])
    small = said["small"]
    assert (small.lines, small.valid, small.grounded, small.duplicate) == (4, 2, 3, 1)
    assert small.grades == [4, 4]
    assert (small.prompt_tokens, small.completion_tokens) == (100, 20)
    assert len(small.seconds) == 1
    assert (said["broken"].lines, len(said["broken"].faults)) == (0, 1)
    assert "idle_vm: The provider does not take our key" in said["broken"].faults[0]
    shown = models.table(said)
    assert "50%" in shown
    assert "75%" in shown
    assert "4.0 of 2" in shown


async def test_without_a_judge_nobody_is_asked_to_judge(server: ModelServer) -> None:
    server.decide = _answer
    said = await models.compare({"small": Model(server.url, "k", "small")}, None, [_IDLE, _BREAK])
    assert said["small"].grades == []
    assert {each["model"] for each in server.asked} == {"small"}
    assert len(said["small"].seconds) == 2


def test_where_no_provider_is_set_up_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("PEQUEROKU_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "")
    settings.settings.cache_clear()
    try:
        assert models.main([]) == 2
    finally:
        settings.settings.cache_clear()
    assert "No AI provider is set up" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.sqlite*")), "it makes no database to look into"
