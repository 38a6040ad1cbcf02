"""What tenants may try with files: nothing is written down wrongly, kept for ever, or given to who was put out."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlmodel import col, update

from backend.api import watching
from backend.api.ws import fs, room
from backend.db import transaction
from backend.guest.channel import GuestAddress
from backend.guest.files_asked import HANDLERS
from backend.models import Session
from backend.models.base import now
from backend.rules.policy import Role
from backend.services import files as service
from backend.services import sharing
from backend.services.doors import Door
from tests.file_scene import Desk, Scene, scene  # noqa: F401 - a fixture
from tests.stores import eventually
from tests.unit.test_file_transfers import BIG, Client

MEBIBYTE = 1024 * 1024


async def _messages(scene: Scene) -> list[str]:  # noqa: F811
    return [row.message for row in await scene.rows() if row.action.startswith("file.")]


async def test_what_is_written_down_is_what_is_done_whatever_else_is_said(scene: Scene) -> None:  # noqa: F811
    desk = await scene.desk().ready()
    await desk.ask("write", path="/app/secret", paths=["/app/harmless"], to="/app/elsewhere", content="x")
    await desk.ask("write", path="src/../other", paths=["/app/harmless"], content="x")
    await desk.ask("move", path="/app/secret", paths=["/app/harmless"], to="/app/there")
    undo = (await desk.ask("trash", paths=["/app/there"], path="/app/harmless"))["undo"]
    await desk.ask("restore", undo=undo, path="/app/harmless")
    said = ["/app/secret", "/app/other", "/app/secret to /app/there", "/app/there", undo]
    assert await _messages(scene) == said
    await desk.socket.leave()


async def test_nothing_is_left_out_of_the_log_for_beginning_like_something_else(scene: Scene) -> None:  # noqa: F811
    desk = await scene.desk().ready()
    for number in range(3):
        await desk.ask("create", path=f"/app/{'x' * 200}/{'y' * 200}/{'z' * 200}/{'w' * 250}{number}")
    for last in "ab":
        paths = [f"/app/{number}" for number in range(4)] + [f"/app/{last}"]
        for path in paths:
            await desk.ask("create", path=path)
        await desk.ask("trash", paths=paths)
    said = [row.action for row in await scene.rows() if row.action.startswith("file.")]
    assert (said.count("file.create"), said.count("file.trash")) == (3 + 6, 2)
    await desk.socket.leave()


async def test_what_was_asked_for_lately_is_kept_in_little_memory(scene: Scene) -> None:  # noqa: F811
    desk = await scene.desk().ready()
    for number in range(5):
        await desk.ask("move", path="/app/a", to=f"{number}" * MEBIBYTE)
        await desk.ask("trash", paths=[f"/app/{'x' * 250}/{'y' * 250}/{number}-{each}" for each in range(200)])
        await desk.ask("restore", undo=f"{number}" * MEBIBYTE)
        await desk.ask("create", path=[f"{number}" * MEBIBYTE])
    assert sum(len(str(each)) for each in service._lately) < 100_000
    await desk.socket.leave()


async def test_who_is_put_out_while_a_machine_is_slow_gets_nothing_of_it(
    scene: Scene,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene.root.mkdir()
    (scene.root / "big").write_bytes(BIG)
    reach = Door.address

    async def slowly(door: Door) -> GuestAddress:
        async with transaction() as tx:
            for share in await sharing.list_shares(tx, scene.owner, scene.container_id):
                await sharing.unshare(tx, scene.owner, scene.container_id, share.id)
        return await reach(door)

    async def share() -> None:
        async with transaction() as tx:
            await sharing.share(tx, scene.owner, scene.container_id, role=Role.OPERATOR, username=scene.friend.username)

    monkeypatch.setattr(Door, "address", slowly)
    friend = Client(scene, "friend")
    assert (await friend.down("path=/app/big")).status_code == 404
    await share()
    assert (await friend.down("path=/app", "folder")).status_code == 404
    for content in (b"", b"theirs"):
        await share()
        assert (await friend.up("path=/app/new", content)).status_code == 404
    assert not (scene.root / "new").exists()


async def test_a_long_transfer_outlives_no_session(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    scene.root.mkdir()
    monkeypatch.setattr(watching, "RECHECK_S", 0.0)

    async def slowly() -> AsyncIterator[bytes]:
        yield BIG[:300_000]
        async with transaction() as tx:
            await tx.exec(update(Session).where(col(Session.user_id) == scene.friend.user_id).values(expires_at=now()))
        yield BIG[300_000:]

    answer = await Client(scene, "friend").up(f"path=/app/x&size={len(BIG)}&upload=while-signed-in", slowly())
    assert (answer.status_code, (scene.root / "x").exists()) == (401, False)


class DeafDesk(Desk):
    """One that takes nothing of what is sent to it, from when it says so."""

    def __init__(self, scene: Scene) -> None:  # noqa: F811
        self.is_deaf = False
        super().__init__(self._app_before(scene), scene.container_id, scene.sids["owner"])

    def _app_before(self, scene: Scene) -> Any:  # noqa: F811
        async def app(scope: Any, receive: Any, send: Any) -> None:
            async def send_or_wait(message: dict[str, Any]) -> None:
                if self.is_deaf and message["type"] == "websocket.send":
                    await asyncio.get_running_loop().create_future()
                await send(message)

            await scene.api(scope, receive, send_or_wait)

        return app


async def test_who_asks_for_much_and_takes_nothing_holds_little_of_our_memory_and_not_for_long(
    scene: Scene,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene.root.mkdir()
    (scene.root / "a").write_text("x")
    begun = list[str]()

    async def counted(*asked: Any, read: Any = HANDLERS["read"]) -> Any:
        begun.append("read")
        return await read(*asked)

    monkeypatch.setitem(HANDLERS, "read", counted)
    monkeypatch.setattr(fs, "_STALLED_S", 1.0)
    deaf, other = await DeafDesk(scene).ready(), await scene.desk("friend").ready()
    deaf.is_deaf = True
    for _ in range(40):
        deaf.say("read", path="/app/a")
    await eventually("some to be read", lambda: len(begun) == 8)
    assert (await other.ask("read", path="/app/a"))["content"] == "x"
    assert len(begun) == 9
    assert await deaf.socket.closed() == 4408
    again = await scene.desk().ready()
    assert (await again.ask("read", path="/app/a"))["content"] == "x"
    for each in (again, other):
        await each.socket.leave()


async def test_what_is_said_at_once_is_bounded_for_a_person(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(room, "MOST_SAID", 3 * MEBIBYTE)
    desks = [await scene.desk().ready() for _ in range(2)]
    numbers = [(desk, desk.say("write", path="/app/a", content="x" * MEBIBYTE)) for desk in desks for _ in range(3)]
    refused = [(await desk.answer(number)).get("error", {}).get("code") for desk, number in numbers]
    assert "busy" in refused
    assert (await desks[0].ask("write", path="/app/b", content="x" * MEBIBYTE))["size"] == MEBIBYTE
    assert not room._said
    for desk in desks:
        await desk.socket.leave()
