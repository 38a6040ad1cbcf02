# ruff: noqa: F811 - fixtures that are asked for
"""Sub-agents: what they do is seen under the call that sent them, and they can do no more than who sent them."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlmodel import col, select, update

from backend.ai import live
from backend.ai.live import Live
from backend.ai.strand import Strand
from backend.api.ws import ai as sockets
from backend.db import reading, transaction
from backend.models import AIEvent, AITurn, AIUsageLog
from backend.rules.policy import SYSTEM
from backend.services import timelines
from backend.services.config import set_config
from tests.chat_scene import Chat
from tests.file_scene import Scene, scene  # noqa: F401 - a fixture
from tests.model_server import ModelServer, Reply, says, uses
from tests.reach_scene import asked_with, in_mode, model, results, tools_of  # noqa: F401 - fixtures
from tests.stores import eventually

pytestmark = pytest.mark.usefixtures("scene")


def _under(frames: list[dict[str, Any]], call: str) -> list[str]:
    return [each["event"] for each in frames if each.get("parent") == call]


async def test_one_looks_around_and_only_its_answer_comes_back(scene: Scene, model: ModelServer) -> None:
    scene.root.mkdir(exist_ok=True)
    (scene.root / "a.py").write_text("PORT = 8123\n")
    chat = await Chat(scene).opened()
    model.will(
        uses("explore", task="Which port is it?"),
        uses("read", "I look.", path="/app/a.py"),
        says("It is 8123, in /app/a.py:1."),
        says("Port 8123."),
    )
    frames = await chat.ask("Which port?")
    (sent,) = [each for each in frames if each["event"] == "tool_call" and each["tool"] == "explore"]
    assert _under(frames, sent["call"]) == ["said", "tool_call", "began", "tool_result", "said"]
    outer = results(frames)[-1]
    assert (outer["call"], outer["content"]) == (sent["call"], "It is 8123, in /app/a.py:1.")
    assert "It is 8123" in "".join(each["content"] for each in frames if each["event"] == "output")
    assert frames[-1]["memory"][-2:] == [
        {"role": "user", "content": "Which port?"}, {"role": "assistant", "content": "Port 8123."},
    ]  # fmt: skip
    inner, last = model.asked[1]["messages"], model.asked[-1]["messages"]
    assert [each["role"] for each in inner] == ["system", "user"]
    assert inner[1]["content"] == "Which port is it?"
    assert [each["role"] for each in last] == ["system", "user", "assistant", "tool"]
    assert "PORT = 8123" not in json.dumps(last)
    again = await Chat(scene).opened()
    assert again.kept() == chat.kept()
    for each in (chat, again):
        await each.socket.leave()


async def test_one_that_explores_can_change_nothing(scene: Scene, model: ModelServer) -> None:
    chat = await in_mode(scene, model, "full")
    model.will(
        uses("explore", task="Change it"),
        Reply(
            calls=(
                ("write", {"path": "/app/a", "content": "x"}), ("run", {"command": "touch /app/a"}),
                ("http", {"port": 80, "method": "POST"}), ("fetch", {"url": "http://docs.example/"}),
                ("explore", {"task": "x"}), ("remember", {"note": "x"}),
            )
        ),
        says("I can't."), says("It can't."),
    )  # fmt: skip
    frames = await chat.ask("Go")
    assert [each["ok"] for each in results(frames)] == [False] * 6 + [True]
    assert not (scene.root / "a").exists()
    assert "approval" not in [each["event"] for each in frames]
    assert set(tools_of(model.asked[2])) == {
        "read", "list", "search", "find", "log", "processes", "ports", "http",
    }  # fmt: skip
    await chat.socket.leave()


async def test_a_general_one_asks_the_same_person_for_its_clicks(scene: Scene, model: ModelServer) -> None:
    chat = await Chat(scene).opened()
    model.will(
        uses("general", task="Write /app/a"),
        uses("write", path="/app/a", content="hi"),
        says("Written."),
        says("It is there."),
    )
    chat.say(text="Go")
    approval = await chat.event("approval")
    (call,) = [each for each in chat.heard if each["event"] == "tool_call" and each["tool"] == "write"]
    assert (approval["call"], bool(call["parent"])) == (call["call"], True)
    assert not (scene.root / "a").exists()
    chat.say(type="answer", call=approval["call"], allow=True)
    await chat.event("turn", status="done")
    assert (scene.root / "a").read_text() == "hi"
    assert {"explore", "general", "remember", "todo"}.isdisjoint(tools_of(model.asked[1]))
    await chat.socket.leave()


async def test_what_it_uses_is_the_turns(scene: Scene, model: ModelServer) -> None:
    async with transaction() as tx:
        await set_config(tx, SYSTEM, "ai_steps_per_turn", "4")
    chat = await Chat(scene).opened()
    model.will(uses("explore", task="Look"), *(uses("list") for _ in range(9)))
    frames = await chat.ask("Go", until="failed")
    assert "4 steps" in next(each["message"] for each in frames if each["event"] == "error")
    async with reading() as tx:
        turn = (await tx.exec(select(AITurn))).one()
        usage = (await tx.exec(select(AIUsageLog))).one()
    assert (len(model.asked), turn.steps, usage.total_tokens) == (4, 4, 480)
    await chat.socket.leave()


async def test_one_that_comes_to_no_end_tells_how_far_it_came(
    scene: Scene, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await Chat(scene).opened()
    looked = (uses("list", f"Look {number}.") for number in range(25))
    model.will(uses("explore", task="Look"), *looked, says("It did not find it."))
    frames = await chat.ask("Go")
    outer = results(frames)[-1]
    assert not outer["ok"]
    assert outer["content"].startswith("Look 24.\n\n(It did not come to an end. It took 25 steps")
    await chat.socket.leave()


async def test_a_stop_reaches_into_it(scene: Scene, model: ModelServer) -> None:
    scene.root.mkdir(exist_ok=True)
    marker = scene.root / "begun"
    chat = await in_mode(scene, model, "full")
    model.will(uses("general", task="Wait"), uses("run", command=f"echo $$ > {marker}; sleep 300", folder="/"))
    chat.say(text="Go")
    await eventually("the command", lambda: marker.exists() and marker.read_text().strip())
    chat.say(type="stop")
    await chat.event("turn", status="stopped")
    assert [each["content"] for each in results(chat.heard)] == ["The person stopped this."] * 2
    await eventually("the command's end", lambda: not Path(f"/proc/{marker.read_text().strip()}").exists())
    model.will(says("All right."))
    await chat.ask("And now?")
    await chat.socket.leave()


async def test_the_server_may_end_while_one_is_at_work(
    scene: Scene, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await Chat(scene).opened()
    model.will(uses("general", task="Write"), uses("write", path="/app/a", content="hi"))
    chat.say(text="Go")
    approval = await chat.event("approval")
    await live.live().close()
    later = Live()
    monkeypatch.setattr(live, "live", lambda: later)
    monkeypatch.setattr(sockets, "live", lambda: later)
    model.will(says("It was broken off."))
    await later.resume_all()
    again = await Chat(scene).opened()
    await again.event("turn", status="done")
    told = results(again.kept())
    assert [(each["ok"], "restarted" in each["content"]) for each in told] == [(False, True)] * 2
    assert (told[0]["call"], "parent" in told[0], "parent" in told[1]) == (approval["call"], True, False)
    roles = [each["role"] for each in model.asked[-1]["messages"]]
    assert roles == ["system", "user", "assistant", "tool"]
    assert not (scene.root / "a").exists()
    async with reading() as tx:
        assert set((await tx.exec(select(col(AITurn.status)))).all()) == {"done"}
    await later.close()
    for each in (chat, again):
        await each.socket.leave()
    await asyncio.sleep(0)


async def test_what_is_asked_of_it_may_be_refused(scene: Scene, model: ModelServer) -> None:
    chat = await in_mode(scene, model, "ask")
    frames = await asked_with(
        chat, model, uses("general", task="Write"), uses("write", path="/app/a", content="x"),
        says("They did not want it."), says("All right."), allow=False,
    )  # fmt: skip
    assert [each["ok"] for each in results(frames)] == [False, True]
    assert not (scene.root / "a").exists()
    await chat.socket.leave()


async def test_what_was_read_of_a_conversation_is_not_read_again(scene: Scene, model: ModelServer) -> None:
    chat = await Chat(scene).opened()
    await chat.ask("Hi")
    async with reading() as tx:
        turn = (await tx.exec(select(AITurn))).one()
    strand = Strand(SimpleNamespace(id=turn.id, conversation_id=turn.conversation_id))
    first = await strand.events()
    async with transaction() as tx:
        await tx.exec(update(AIEvent).values(data={"text": "another"}))
        await timelines.add(tx, turn.conversation_id, turn.id, "said", {"text": "new"})
        await timelines.add(tx, turn.conversation_id, turn.id, "said", {"text": "not its own", "parent": "c1"})
    later = await strand.events()
    assert later[:-1] == first
    assert later[-1].data == {"text": "new"}
    await chat.socket.leave()
