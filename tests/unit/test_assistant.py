# ruff: noqa: F811 - fixtures that are asked for
"""A conversation with the assistant, from the socket to the guest and back."""

import asyncio
import json
from pathlib import Path

import pytest
from sqlmodel import col, select

from backend.ai import live
from backend.ai.live import Live
from backend.api.ws import ai as sockets
from backend.db import reading, transaction
from backend.models import AIConversation, AIUsageLog, AuditLog, Container, ResourceQuota
from backend.rules.policy import SYSTEM
from backend.services.config import set_config
from tests.chat_scene import Chat, kinds, model  # noqa: F401 - a fixture
from tests.file_scene import Scene, scene  # noqa: F401 - a fixture
from tests.model_server import ModelServer, Reply, says, uses
from tests.stores import eventually

pytestmark = pytest.mark.usefixtures("scene")


async def _usage() -> list[AIUsageLog]:
    async with reading() as tx:
        return list((await tx.exec(select(AIUsageLog).order_by(col(AIUsageLog.id)))).all())


async def test_the_seeds_words_come_as_the_seed_has_them(scene: Scene, model: ModelServer) -> None:
    model.will(says("Hello", ", you", "."))
    chat = Chat(scene)
    assert await chat.event("connected") == {"event": "connected", "ai_uses_left_today": 5}
    assert await chat.event("memory_data") == {"event": "memory_data", "memory": []}
    frames = await chat.ask("Hi")
    assert "".join(each["content"] for each in frames if each["event"] == "text") == "Hello, you."
    assert kinds(frames).index("start_text") < kinds(frames).index("text") < kinds(frames).index("finish_text")
    memory = [each for each in frames if each["event"] == "memory_data"][-1]["memory"]
    assert memory == [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello, you."}]
    (row,) = await _usage()
    assert (row.query, row.response, row.prompt_tokens, row.completion_tokens, row.total_tokens) == (
        "Hi", "Hello, you.", 100, 20, 120,
    )  # fmt: skip
    await chat.socket.leave()


async def test_it_uses_tools_and_a_reload_shows_the_same(scene: Scene, model: ModelServer) -> None:
    model.will(
        uses("write", "First I write it.", path="/app/hello.py", content="print('hi')\n"),
        uses("read", path="/app/hello.py"),
        says("Done."),
    )
    chat = await Chat(scene).opened()
    chat.say(text="Write a program")
    approval = await chat.event("approval")
    chat.say(type="answer", call=approval["call"], allow=True)
    await chat.event("turn", status="done")
    assert (scene.root / "hello.py").read_text() == "print('hi')\n"
    results = [each for each in chat.heard if each["event"] == "tool_result"]
    assert [each["ok"] for each in results] == [True, True]
    assert "+print('hi')" in results[0]["diff"]
    assert "print('hi')" in results[1]["content"]
    told = model.asked[-1]["messages"]
    assert [each["role"] for each in told] == ["system", "user", "assistant", "tool", "assistant", "tool"]
    assert told[2]["tool_calls"][0]["id"] == told[3]["tool_call_id"]
    await chat.event("usage")
    again = await Chat(scene).opened()
    assert again.kept() == chat.kept()
    for each in (chat, again):
        await each.socket.leave()
    async with reading() as tx:
        rows = (await tx.exec(select(AuditLog.action).where(col(AuditLog.action).in_(("ai.ask", "file.write"))))).all()
    assert sorted(rows) == ["ai.ask", "file.write"]


async def test_two_tabs_see_the_same_as_it_happens(scene: Scene, model: ModelServer) -> None:
    model.will(says("One."), says("Two ", "words.", pause_s=0.05))
    chat = await Chat(scene).opened()
    await chat.ask("first")
    other = await Chat(scene).opened()
    begin = len(other.heard)
    frames = await chat.ask("second")
    await other.event("turn", after=begin, status="done")
    await eventually("the other's memory", lambda: kinds(other.heard)[-1] == "memory_data")
    texts = ["".join(each["content"] for each in heard if each["event"] == "text") for heard in (frames, other.heard)]
    assert texts == ["Two words.", "Two words."]
    assert other.kept() == chat.kept()
    for each in (chat, other):
        await each.socket.leave()


@pytest.mark.parametrize("allow", [True, False])
async def test_what_destroys_needs_a_click_even_in_full_mode(
    scene: Scene,
    model: ModelServer,
    allow: bool,
) -> None:
    folder = scene.root / "old"
    folder.mkdir(parents=True)
    model.will(says("Yes?"), uses("run", command=f"rm -r {folder}", folder="/"), says("So be it."))
    chat = await Chat(scene).opened()
    await chat.ask("hello")
    chat.say(type="mode", mode="full")
    chat.say(text="Clean up")
    approval = await chat.event("approval")
    assert approval["why"] == "it deletes a folder with all that is in it"
    assert folder.exists()
    chat.say(type="answer", call=approval["call"], allow=allow)
    await chat.event("turn", status="done", number=2)
    assert folder.exists() is not allow
    await chat.socket.leave()


async def test_a_stop_ends_what_runs_in_the_machine_too(scene: Scene, model: ModelServer) -> None:
    scene.root.mkdir(exist_ok=True)
    marker = scene.root / "begun"
    model.will(says("Yes?"), uses("run", command=f"echo $$ > {marker}; sleep 300", folder="/", timeout_s=600))
    chat = await Chat(scene).opened()
    await chat.ask("hello")
    chat.say(type="mode", mode="full")
    chat.say(text="Sleep")
    await eventually("the command", lambda: marker.exists() and marker.read_text().strip())
    began = asyncio.get_running_loop().time()
    chat.say(type="stop")
    await chat.event("turn", status="stopped")
    assert asyncio.get_running_loop().time() - began < 5
    result = await chat.event("tool_result", ok=False)
    assert result["content"] == "The person stopped this."
    await eventually("the command's end", lambda: not Path(f"/proc/{marker.read_text().strip()}").exists())
    model.will(says("All right."))
    await chat.ask("And now?")
    assert model.asked[-1]["messages"][-1]["content"] == "And now?"
    await chat.socket.leave()


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(status=401), "ai-key-refused"),
        (Reply(text=("It is onl",), breaks_off=True), "ai-cut-off"),
        (Reply(raw=(b"data: {",)), "ai-bad-answer"),
    ],
)
async def test_a_turn_that_fails_says_why_and_can_be_tried_again(
    scene: Scene,
    model: ModelServer,
    reply: Reply,
    code: str,
) -> None:
    model.will(reply, says("There."))
    chat = await Chat(scene).opened()
    frames = await chat.ask("Hi", until="failed")
    assert [each["code"] for each in frames if each["event"] == "error"] == [code]
    chat.say(type="retry")
    await chat.event("turn", status="done")
    assert len(await _usage()) == 1  # it was one question
    await chat.socket.leave()


async def test_what_a_tool_does_not_take_is_told_to_the_model(scene: Scene, model: ModelServer) -> None:
    model.will(
        Reply(calls=(("read", "{no json"), ("nothing", {}), ("read", {"path": 7}), ("read", {"path": "/etc/passwd"}))),
        says("I see."),
    )
    chat = await Chat(scene).opened()
    frames = await chat.ask("Hi")
    results = [each for each in frames if each["event"] == "tool_result"]
    assert [each["ok"] for each in results] == [False] * 4
    assert "does not take that" in results[0]["content"]
    assert "There is no tool" in results[1]["content"]
    assert "root:" not in results[3]["content"]
    for each in model.asked[-1]["messages"]:
        for call in each.get("tool_calls") or []:
            assert isinstance(json.loads(call["function"]["arguments"]), dict)
    await chat.socket.leave()


async def test_the_server_may_end_in_the_middle_of_a_turn(
    scene: Scene,
    model: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model.will(uses("run", command="true", folder="/"))
    chat = await Chat(scene).opened()
    chat.say(text="Do it")
    approval = await chat.event("approval")
    await live.live().close()
    later = Live()
    monkeypatch.setattr(live, "live", lambda: later)
    monkeypatch.setattr(sockets, "live", lambda: later)
    await later.resume_all()
    again = await Chat(scene).opened()
    model.will(says("It is done."))
    await eventually("it to wait again", lambda: later._turns and next(iter(later._turns.values())).waiting)
    again.say(type="answer", call=approval["call"], allow=True)
    await again.event("turn", status="done")
    assert [each["ok"] for each in again.kept() if each["event"] == "tool_result"] == [True]
    await later.close()
    for each in (chat, again):
        await each.socket.leave()


async def test_as_often_as_the_quota_says_and_no_more(scene: Scene, model: ModelServer) -> None:
    async with transaction() as tx:
        quota = (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == scene.owner.user_id))).one()
        quota.ai_use_per_day = 1
    chat = await Chat(scene).opened()
    frames = await chat.ask("Hi")
    assert [each["ai_uses_left_today"] for each in frames if each["event"] == "usage"] == [0]
    chat.say(text="Again")
    assert (await chat.event("error"))["code"] == "asked_enough"
    assert len(await _usage()) == 1
    await chat.socket.leave()


async def test_without_a_key_the_chat_says_so(scene: Scene, model: ModelServer) -> None:
    async with transaction() as tx:
        await set_config(tx, SYSTEM, "openai_api_key", None)
    chat = await Chat(scene).opened()
    assert (await chat.event("conversation"))["is_set_up"] is False
    frames = await chat.ask("Hi", until="failed")
    assert next(each["code"] for each in frames if each["event"] == "error") == "ai-not-set-up"
    await chat.socket.leave()


async def test_bad_words_are_refused_and_lose_nothing(scene: Scene, model: ModelServer) -> None:
    chat = await Chat(scene).opened()
    for said in ({"text": "x" * 3001}, {"text": "  "}, {"type": "dance"}, {"type": "open", "conversation": 999}, {}):
        begin = len(chat.heard)
        chat.say(**said)
        assert (await chat.event("error", after=begin))["message"]
    await chat.ask("x" * 3000)
    await chat.socket.leave()


async def test_another_person_at_the_same_container_sees_none_of_it(scene: Scene, model: ModelServer) -> None:
    chat = await Chat(scene).opened()
    await chat.ask("My secret")
    async with reading() as tx:
        (conversation,) = (await tx.exec(select(AIConversation))).all()
    friend = await Chat(scene, "friend").opened()
    assert (await friend.event("conversation"))["events"] == []
    friend.say(type="open", conversation=conversation.id)
    assert (await friend.event("error"))["code"] == "not_found"
    for each in (chat, friend):
        await each.socket.leave()


async def test_the_container_may_go_in_the_middle_of_a_turn(scene: Scene, model: ModelServer) -> None:
    model.will(says("Slow", "ly", pause_s=0.3))
    chat = await Chat(scene).opened()
    chat.say(text="Hi")
    await chat.event("text")
    async with transaction() as tx:
        await tx.delete(await tx.get_one(Container, scene.container_id))
    await eventually("its end", lambda: not live.live()._turns)
    (row,) = await _usage()
    assert (row.container_id, row.total_tokens) == (None, 120)
    await chat.socket.leave()
