# ruff: noqa: F811 - fixtures that are asked for
"""Undoing what a turn did to files, over the socket and over REST. No node makes checkpoints of disks here."""

from typing import Any

import httpx
import pytest

from backend.db import transaction
from backend.rules.config_keys import AI_CHECKPOINTS_KEPT
from backend.rules.policy import SYSTEM
from backend.services.config import set_config
from tests.asgi import ORIGIN
from tests.chat_scene import Chat, kinds, model  # noqa: F401 - a fixture
from tests.file_scene import Scene, scene  # noqa: F401 - a fixture
from tests.model_server import ModelServer, Reply, says, uses
from tests.stores import eventually

pytestmark = pytest.mark.usefixtures("scene")


async def _changed(scene: Scene, model: ModelServer) -> tuple[Chat, int]:
    """A conversation with a turn that changed one file and made another; that turn's id."""
    scene.root.mkdir(exist_ok=True)
    (scene.root / "old.txt").write_text("one\ntwo\n")
    edit = {"path": "/app/old.txt", "old": "two", "new": "three"}
    model.will(
        says("Yes?"),
        Reply(calls=(("edit", edit), ("write", {"path": "/app/src/new.txt", "content": "new\n"}))),
        says("Done."),
    )
    chat = await Chat(scene).opened()
    await chat.ask("hello")
    chat.say(type="mode", mode="auto-edit")
    frames = await chat.ask("Change it")
    return chat, next(each["turn"] for each in frames if each["event"] == "turn")


async def _ask(scene: Scene, method: str, path: str, who: str = "owner", **more: Any) -> httpx.Response:
    address = f"/api/containers/{scene.container_id}/turns/{path}"
    headers = {"cookie": f"sid={scene.sids[who]}", "origin": ORIGIN}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(scene.api), base_url=ORIGIN) as client:
        return await client.request(method, address, headers=headers, **more)


async def test_a_turn_tells_what_it_changed_and_is_undone_once(scene: Scene, model: ModelServer) -> None:
    chat, turn = await _changed(scene, model)
    made = await chat.event("checkpoint", turn=turn)
    assert (made["files"], made["disk"]) == (True, False)
    assert "disk" in made["message"]
    told = await chat.event("changes", turn=turn)
    assert told["files"] == [
        {"path": "/app/old.txt", "status": "modified", "added": 1, "removed": 1},
        {"path": "/app/src/new.txt", "status": "added", "added": 1, "removed": 0},
    ]
    chat.say(type="diff", turn=turn, path="/app/old.txt")
    assert "-two\n+three" in (await chat.event("diff"))["diff"]
    chat.say(type="undo", turn=turn, what="files")
    await chat.event("turn", turn=turn, status="undone")
    assert (scene.root / "old.txt").read_text() == "one\ntwo\n"
    assert not (scene.root / "src").exists()
    chat.say(type="undo", turn=turn, what="files")
    assert (await chat.event("error"))["code"] == "conflict"
    again = await Chat(scene).opened()
    assert again.kept() == chat.kept()
    assert "undone" in kinds(again.kept())
    await chat.ask("And now?")
    assert "I have undone" in str(model.asked[-1]["messages"])
    for each in (chat, again):
        await each.socket.leave()


async def test_what_was_changed_since_is_put_back_only_if_it_may_be_lost(scene: Scene, model: ModelServer) -> None:
    chat, turn = await _changed(scene, model)
    (scene.root / "old.txt").write_text("mine\n")
    chat.say(type="undo", turn=turn, what="files")
    assert "old.txt" in (await chat.event("error"))["message"]
    chat.say(type="undo", turn=turn, what="files", paths=["/app/src/new.txt"])
    assert (await chat.event("undone"))["paths"] == ["/app/src/new.txt"]
    assert (scene.root / "old.txt").read_text() == "mine\n"
    chat.say(type="undo", turn=turn, what="files", paths=["/app/old.txt"], force=True)
    await chat.event("undone", paths=["/app/old.txt"])
    assert (scene.root / "old.txt").read_text() == "one\ntwo\n"
    await chat.socket.leave()


async def test_programs_undo_too_and_nobody_undoes_anothers_turn(scene: Scene, model: ModelServer) -> None:
    chat, turn = await _changed(scene, model)
    for who, status in (("owner", 200), ("friend", 404)):
        assert (await _ask(scene, "GET", f"{turn}/changes/", who)).status_code == status
        assert (await _ask(scene, "GET", f"{turn}/diff/?path=/app/old.txt", who)).status_code == status
    refused = await _ask(scene, "POST", f"{turn}/undo/", "friend", json={"what": "files"})
    assert refused.status_code == 404
    assert (await _ask(scene, "POST", f"{turn}/undo/", json={"what": "disk"})).status_code == 409
    assert (await _ask(scene, "POST", f"{turn}/undo/", json={"what": "all"})).status_code == 422
    outside = await _ask(scene, "POST", f"{turn}/undo/", json={"what": "files", "paths": ["/etc/passwd"]})
    assert outside.status_code == 422
    done = await _ask(scene, "POST", f"{turn}/undo/", json={"what": "files"})
    assert sorted(done.json()["paths"]) == ["/app/old.txt", "/app/src/new.txt"]
    await chat.event("turn", turn=turn, status="undone")
    await chat.socket.leave()


async def test_a_turn_that_only_looks_changes_nothing(scene: Scene, model: ModelServer) -> None:
    model.will(uses("list"), says("It is empty."))
    chat = await Chat(scene).opened()
    frames = await chat.ask("What is there?")
    assert "changes" not in kinds(frames)
    turn = next(each["turn"] for each in frames if each["event"] == "turn")
    refused = await _ask(scene, "POST", f"{turn}/undo/", json={"what": "files"})
    assert refused.status_code == 409
    await chat.socket.leave()


async def test_a_turn_that_goes_on_is_not_undone(scene: Scene, model: ModelServer) -> None:
    model.will(uses("write", path="/app/x", content="x"))
    chat = await Chat(scene).opened()
    chat.say(text="Write")
    await chat.event("approval")
    running = await chat.event("turn", status="waiting")
    chat.say(type="undo", turn=running["turn"], what="files")
    assert "still at work" in (await chat.event("error"))["message"]
    chat.say(type="stop")
    await chat.event("turn", status="stopped")
    await chat.socket.leave()


async def test_checkpoints_can_be_switched_off(scene: Scene, model: ModelServer) -> None:
    async with transaction() as tx:
        await set_config(tx, SYSTEM, AI_CHECKPOINTS_KEPT.name, "0")
    chat, turn = await _changed(scene, model)
    made = await chat.event("checkpoint", turn=turn)
    assert (made["files"], made["disk"]) == (False, False)
    assert "switched off" in made["message"]
    await chat.socket.leave()


async def test_what_a_stopped_turn_changed_is_told_after_its_end(scene: Scene, model: ModelServer) -> None:
    scene.root.mkdir(exist_ok=True)
    marker = scene.root / "stopped.txt"
    model.will(says("Yes?"), uses("run", command=f"echo x > {marker}; sleep 300", folder="/", timeout_s=600))
    chat = await Chat(scene).opened()
    await chat.ask("hello")
    chat.say(type="mode", mode="full")
    chat.say(text="Write, and sleep")
    await eventually("the command", marker.exists)
    chat.say(type="stop")
    turn = (await chat.event("turn", status="stopped"))["turn"]
    told = await chat.event("changes", turn=turn)
    assert [each["path"] for each in told["files"]] == ["/app/stopped.txt"]
    chat.say(type="undo", turn=turn, what="files")
    await chat.event("turn", turn=turn, status="undone")
    assert not marker.exists()
    await chat.socket.leave()
