"""Undoing turns of the assistant in a real machine: the files, and the whole disk, whatever is killed meanwhile."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from backend.api.app import make_api
from backend.db import reading, transaction
from backend.errors import NotRunning, Unavailable
from backend.guest.files import files
from backend.guest.shell import guests
from backend.hypervisor.registry import nodes
from backend.services import checkpoints, keys, processes
from backend.services.processes import Order
from tests.chat_scene import Chat, a_provider
from tests.integration.world import TaskProcess, World
from tests.model_server import ModelServer, Reply, says
from tests.stores import eventually

pytestmark = [pytest.mark.vm]

_BESIDE = "echo changed > /srv/undo-test; until ss -tln | grep -q :8000; do sleep 0.2; done; sync"
_SERVER = "exec python3 -c 'import socket, time; s = socket.create_server((\"127.0.0.1\", 8000)); time.sleep(9999)'"


@pytest.fixture(autouse=True)
async def _hung_up(world: World) -> AsyncGenerator[None]:
    yield
    await files().forget_all()
    await guests().close_all()
    await nodes().close_all()


async def _chat(world: World, model: ModelServer) -> tuple[Chat, int]:
    """A conversation in full mode about a machine that is up."""
    await world.until_healthy()
    container_id = await world.create()
    async with transaction() as tx:
        _, key = await keys.create_key(tx, world.actor, name="test", scope="exec")
    await world.until(container_id, "running", seconds=180)
    await _said(world, container_id, "systemctl is-system-running --wait; mkdir -p /app; echo old > /app/kept.txt")
    chat = await Chat.by_key(make_api(), container_id, key).opened()
    chat.patience_s = 90.0  # its one processor is emulated
    model.will(says("Ready."))
    await chat.ask("Are you there?")
    chat.say(type="mode", mode="full")
    return chat, container_id


async def _said(world: World, container_id: int, command: str) -> str:
    async def tried() -> tuple[str] | None:
        try:
            done = await processes.run(world.actor, container_id, Order(command, timeout_s=60))
        except (Unavailable, NotRunning):
            return None
        return (done.outcome.stdout.decode(),)

    return (await eventually(f"“{command}” to run", tried, seconds=120))[0]


async def _changes_much(chat: Chat, model: ModelServer) -> tuple[int, int]:
    """A turn that edits, adds, deletes below /app and beside it, and starts a service; its id, and where it begins."""
    model.will(
        Reply(
            calls=(
                ("edit", {"path": "/app/kept.txt", "old": "old", "new": "new"}),
                ("write", {"path": "/app/src/added.py", "content": "print('hi')\n"}),
                ("start", {"command": _SERVER}),
                ("run", {"command": _BESIDE}),
            )
        ),
        says("Done."),
    )
    begin = len(chat.heard)
    chat.say(text="Change things")
    done = await eventually("the turn", lambda: _ended(chat, begin), seconds=90)
    assert done["status"] == "done", chat.heard[begin:]
    results = [each for each in chat.heard[begin:] if each["event"] == "tool_result"]
    assert [each["ok"] for each in results] == [True] * 4, results
    return done["turn"], begin


def _ended(chat: Chat, begin: int) -> dict[str, Any] | None:
    turns = [each for each in chat.heard[begin:] if each["event"] == "turn" and each["status"] != "running"]
    return turns[0] if turns else None


async def test_a_turn_says_what_it_changed_and_its_files_are_put_back(
    world: World, tasks: TaskProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_provider(monkeypatch) as model:
        chat, container_id = await _chat(world, model)
        turn, begin = await _changes_much(chat, model)
        made = await chat.event("checkpoint", after=begin)
        assert (made["files"], made["disk"]) == (True, True), made
        told = await chat.event("changes", after=begin)
        assert [(each["path"], each["status"], each["added"], each["removed"]) for each in told["files"]] == [
            ("/app/kept.txt", "modified", 1, 1),
            ("/app/src/added.py", "added", 1, 0),
        ]
        assert [(each["command"], each["change"]) for each in told["processes"]] == [(_SERVER, "began")]
        assert [(each["port"], each["change"]) for each in told["ports"]] == [(8000, "began")]
        chat.say(type="diff", turn=turn, path="/app/kept.txt")
        assert "-old\n+new" in (await chat.event("diff", turn=turn))["diff"]
        began = time.monotonic()
        chat.say(type="undo", turn=turn, what="files")
        assert (await chat.event("undone", turn=turn))["what"] == "files"
        print(f"files put back after {time.monotonic() - began:.2f} s")
        await chat.event("turn", turn=turn, status="undone")
        assert (
            await _said(world, container_id, "cat /app/kept.txt /srv/undo-test; ls /app") == "old\nchanged\nkept.txt\n"
        )
        async with reading() as tx:
            kept = await checkpoints.list_checkpoints(tx, world.actor, container_id)
        print(f"checkpoints: {[(each.is_still, each.paused_ms) for each in kept]}")
        assert all(each.is_still and each.can_restore for each in kept)
        await chat.socket.leave()


async def test_the_disk_is_set_back_though_the_task_process_is_killed(
    world: World, tasks: TaskProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_provider(monkeypatch) as model:
        chat, container_id = await _chat(world, model)
        for is_killed in (False, True):
            turn, _ = await _changes_much(chat, model)
            began = time.monotonic()
            chat.say(type="undo", turn=turn, what="disk")
            if is_killed:
                await _until_off(world, container_id)
                tasks.kill()
                tasks.start()
            await chat.event("turn", turn=turn, status="undone")
            await world.until(container_id, "running")
            print(f"disk set back after {time.monotonic() - began:.1f} s; killed: {is_killed}")
            seen = await _said(
                world, container_id, "cat /app/kept.txt; ls /app /srv/undo-test 2>&1; ss -tln | grep -c 8000"
            )
            assert seen == "old\nls: cannot access '/srv/undo-test': No such file or directory\n/app:\nkept.txt\n0\n"
        assert [each["what"] for each in chat.kept() if each["event"] == "undone"] == ["disk", "disk"]
        assert not await world.orphans()
        await chat.socket.leave()


async def _until_off(world: World, container_id: int) -> None:
    async def is_off() -> bool:
        return not await world.qemu_of(container_id)

    await eventually("its power to be cut", is_off, pause_s=0.01)
    await asyncio.sleep(0)
