# ruff: noqa: F811 - fixtures that are asked for
"""Who tries to hear, to steer or to use up what is not theirs of the assistant, and a guest that keeps it waiting."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import select

from backend.ai import live, undoing
from backend.ai.live import Live
from backend.db import transaction
from backend.guest import turn_files
from backend.models import Session
from backend.models.base import now
from backend.rules.policy import SYSTEM, Scope
from backend.services import keys
from backend.services.config import set_config
from backend.services.turns import agent_for
from tests.asgi import ORIGIN
from tests.chat_scene import Chat, model  # noqa: F401 - a fixture
from tests.file_scene import Scene, scene  # noqa: F401 - a fixture
from tests.model_server import ModelServer, Reply, says, uses
from tests.stores import eventually

pytestmark = pytest.mark.usefixtures("scene")


def _browser(scene: Scene, who: str = "owner") -> httpx.AsyncClient:
    """The API, as a person's pages ask it."""
    transport = httpx.ASGITransport(app=scene.api)
    headers, cookies = {"Origin": ORIGIN}, {"sid": scene.sids[who]}
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers, cookies=cookies)


async def _delete(scene: Scene, chat: Chat, who: str) -> int:
    """Delete the conversation that a tab has open; its id."""
    conversation: int = (await chat.event("titled"))["conversation"]
    async with _browser(scene, who) as browser:
        path = f"/api/containers/{scene.container_id}/conversations/{conversation}/"
        assert (await browser.delete(path)).status_code == 204
    await chat.event("deleted", conversation=conversation)
    return conversation


async def test_who_stays_in_a_deleted_conversation_neither_hears_nor_steers_the_next_of_that_id(
    scene: Scene, model: ModelServer, tmp_path: Path
) -> None:
    model.will(says("One."), uses("run", command=f"touch {tmp_path}/done", folder="/"), says("My secret."))
    lurker = await Chat(scene, "friend").opened()
    await lurker.ask("first")
    await _delete(scene, lurker, "friend")
    before = len(lurker.heard)
    chat = await Chat(scene).opened()
    chat.say(text="Do it")
    approval = await chat.event("approval")
    lurker.say(type="answer", call=approval["call"], allow=True)
    assert (await lurker.event("error"))["code"] == "not_found"
    lurker.say(type="stop")
    chat.say(type="answer", call=approval["call"], allow=False)
    await chat.event("turn", status="done")
    assert not (tmp_path / "done").exists()
    assert {each["event"] for each in lurker.heard[before:]} == {"error"}
    for each in (lurker, chat):
        await each.socket.leave()


async def test_a_session_that_ran_out_or_is_another_persons_lets_no_turn_go_on(scene: Scene) -> None:
    async with transaction() as tx:
        mine, other = (await tx.exec(select(Session).order_by(Session.id))).all()
        owner_id = scene.owner.person_id
        assert await agent_for(tx, owner_id, mine.id, "") is not None
        assert await agent_for(tx, owner_id, other.id, "") is None
        mine.expires_at = now() - timedelta(seconds=1)
        await tx.flush()
        assert await agent_for(tx, owner_id, mine.id, "") is None


async def test_what_a_program_has_done_reaches_no_further_than_its_key(scene: Scene) -> None:
    async with transaction() as tx:
        key, _ = await keys.create_key(tx, scene.owner, name="program", scope="exec")
        agent = await agent_for(tx, scene.owner.person_id, None, key.prefix)
        assert agent is not None
        assert agent.scope is Scope.EXEC
        await keys.revoke_key(tx, scene.owner, key.id)
        assert await agent_for(tx, scene.owner.person_id, None, key.prefix) is None


async def _set(**values: str) -> None:
    for name, value in values.items():
        async with transaction() as tx:
            await set_config(tx, SYSTEM, name, value)


async def test_what_may_be_spent_is_looked_at_at_each_step_and_at_each_try(scene: Scene, model: ModelServer) -> None:
    await _set(ai_budget_per_day="1", token_input_price="0", token_output_price="0.04")
    model.will(says("Yes."), uses("list", path="/app"), says("Never said."))
    chat = await Chat(scene).opened()
    await chat.ask("hello")
    frames = await chat.ask("Look", until="failed")
    assert next(each["code"] for each in frames if each["event"] == "error") == "asked-enough"
    assert len(model.asked) == 2
    before = len(chat.heard)
    chat.say(type="retry")
    assert (await chat.event("error", after=before))["code"] == "asked_enough"
    await chat.socket.leave()


def _edits(path: str, old: str, new: str) -> Reply:
    return uses("edit", path=path, old=old, new=new)


async def _may_edit(scene: Scene, model: ModelServer) -> Chat:
    chat = await Chat(scene).opened()
    chat.say(type="mode", mode="auto-edit")
    await chat.event("mode", mode="auto-edit")
    return chat


async def _undone(chat: Chat, turn: int) -> None:
    before = len(chat.heard)
    chat.say(type="undo", turn=turn, what="files")
    await chat.event("turn", after=before, turn=turn, status="undone")


def _turn(frames: list[dict[str, Any]]) -> int:
    return next(each["turn"] for each in frames if each["event"] == "turn")


async def test_a_turn_is_undone_to_its_own_beginning_not_to_that_of_a_deleted_one(
    scene: Scene, model: ModelServer
) -> None:
    scene.root.mkdir(exist_ok=True)
    file = scene.root / "a.txt"
    file.write_text("one\n")
    model.will(_edits("/app/a.txt", "one", "two"), says("Done."), _edits("/app/a.txt", "three", "four"), says("Done."))
    chat = await _may_edit(scene, model)
    await chat.ask("Change it")
    await _delete(scene, chat, "owner")
    file.write_text("three\n")
    chat.say(type="open", conversation=None)
    chat.say(type="mode", mode="auto-edit")
    await _undone(chat, _turn(await chat.ask("Change it")))
    assert file.read_text() == "three\n"
    await chat.socket.leave()


async def test_a_fork_takes_nobodys_way_back(scene: Scene, model: ModelServer) -> None:
    await _set(ai_checkpoints_kept="2")
    scene.root.mkdir(exist_ok=True)
    file = scene.root / "a.txt"
    file.write_text("one\n")
    model.will(_edits("/app/a.txt", "one", "two"), says("Done."))
    model.will(uses("write", path="/app/b.txt", content="new"), says("Done."))
    chat = await _may_edit(scene, model)
    turn = _turn(await chat.ask("Change it"))
    conversation = (await chat.event("titled"))["conversation"]
    async with _browser(scene) as browser:
        path = f"/api/containers/{scene.container_id}/conversations/{conversation}/fork/"
        for _ in range(2):
            assert (await browser.post(path, json={"seq": chat.kept()[-1]["seq"]})).status_code == 201
    await chat.ask("Write it")
    await _undone(chat, turn)
    assert file.read_text() == "one\n"
    await chat.socket.leave()


@pytest.fixture
def slow_look(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """A machine that does not tell what is different; set when it was asked."""
    was_asked = asyncio.Event()

    async def never(*_: Any) -> None:
        was_asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(turn_files, "settle", never)
    monkeypatch.setattr(undoing, "_FINISH_S", 1.0)
    return was_asked


async def test_a_stop_while_its_changes_are_looked_for_leaves_no_turn_that_never_ends(
    scene: Scene, model: ModelServer, slow_look: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.will(uses("write", path="/app/a.txt", content="new"), says("Done."), says("Yes."))
    chat = await _may_edit(scene, model)
    chat.say(text="Write it")
    await eventually("the look", slow_look.is_set)
    chat.say(type="stop")
    await chat.event("turn", status="done")
    await chat.ask("And now?")
    await chat.socket.leave()


async def test_the_server_may_end_when_only_the_changes_are_left_to_tell(
    scene: Scene, model: ModelServer, slow_look: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.will(uses("write", path="/app/a.txt", content="new"), says("Done."))
    chat = await _may_edit(scene, model)
    chat.say(text="Write it")
    await eventually("the look", slow_look.is_set)
    await live.live().close()
    later = Live()
    monkeypatch.setattr("backend.api.ws.ai.live", lambda: later)
    again = await Chat(scene).opened()
    await later.resume_all()
    await again.event("turn", status="done")
    assert len(model.asked) == 2
    for each in (chat, again):
        await each.socket.leave()


async def test_a_machine_that_does_not_answer_holds_up_no_stop(
    scene: Scene, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> str:
        return await asyncio.get_running_loop().create_future()

    monkeypatch.setattr("backend.api.ws.ai.diff_of", never)
    model.will(says("Slow", "ly", pause_s=300))
    chat = await Chat(scene).opened()
    chat.say(text="Hi")
    await chat.event("text")
    chat.say(type="diff", turn=1, path="/app/a.txt")
    chat.say(type="stop")
    await chat.event("turn", status="stopped")
    await chat.socket.leave()


async def test_a_skill_by_a_name_that_is_no_text_ends_no_turn(scene: Scene, model: ModelServer) -> None:
    folder = os.fsencode(scene.root) + b"/.pequeroku/skills/\xff\xfe"
    os.makedirs(folder)
    Path(os.fsdecode(folder), "SKILL.md").write_text("---\nname: \u202eodd\ndescription: strange\n---\n")  # noqa: ASYNC240
    chat = await Chat(scene).opened()
    await chat.ask("hello")
    await chat.socket.leave()
