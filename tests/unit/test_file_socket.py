"""The socket of a container's files, over a real SSH server with the real program behind it."""

import asyncio

import pytest

from backend.api.ws import fs
from backend.db import transaction
from backend.events.bus import AccessChanged, ContainerChanged, bus
from backend.guest.files import Looker
from backend.guest.files_asked import HANDLERS
from backend.models import Container, Status
from backend.services import sharing
from tests.file_scene import Scene, scene  # noqa: F401 - a fixture
from tests.stores import eventually


async def test_a_file_is_written_read_and_conflicts_tell_what_is_there(scene: Scene) -> None:  # noqa: F811
    desk = await scene.desk().ready()
    made = await desk.ask("write", path="/app/src/größer ✓.py", content="one\n")
    read = await desk.ask("read", path="src/größer ✓.py")
    assert (read["content"], read["revision"], read["ends_with_newline"]) == ("one\n", made["revision"], True)
    (scene.root / "src" / "größer ✓.py").write_text("theirs")
    refused = await desk.ask("write", path="/app/src/größer ✓.py", content="mine", base=read["revision"])
    assert (refused["code"], refused["content"]) == ("conflict", "theirs")
    assert (await desk.ask("write", path="/app/src/größer ✓.py", content="mine", base=None))["code"] == "conflict"
    await desk.ask("write", path="/app/src/größer ✓.py", content="mine", base=refused["revision"])
    assert (scene.root / "src" / "größer ✓.py").read_text() == "mine"
    await desk.socket.leave()


async def test_all_who_look_hear_of_changes_whoever_makes_them(scene: Scene) -> None:  # noqa: F811
    desk, other = await scene.desk().ready(), await scene.desk("friend").ready()
    made = await desk.ask("write", path="/app/a.txt", content="one")
    await other.ask("watch", folders=["/app"], files=["/app/a.txt"])
    await desk.ask("watch", folders=["/app"])
    told = await desk.ask("write", path="/app/a.txt", content="two", base=made["revision"])
    await other.event(event="file", path="/app/a.txt", revision=told["revision"])
    await desk.event(event="changed", folder="/app")
    (scene.root / "a.txt").unlink()
    await other.event(event="file", path="/app/a.txt", revision=None)
    for each in (desk, other):
        await each.socket.leave()


async def test_what_is_read_after_a_watch_waits_for_it(
    scene: Scene,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or a change would be lost that comes between the look and a watch that takes long to begin."""
    desk, begun, go_on = await scene.desk().ready(), asyncio.Event(), asyncio.Event()
    watch = Looker.watch

    async def slow(looker: Looker, folders: frozenset[str], files: frozenset[str]) -> None:
        begun.set()
        await go_on.wait()
        await watch(looker, folders, files)

    monkeypatch.setattr(Looker, "watch", slow)
    first, second = desk.say("watch", folders=["/app"]), desk.say("list", path="/app")
    await begun.wait()
    scene.root.mkdir(exist_ok=True)
    (scene.root / "new").write_text("x")
    go_on.set()
    assert [each["name"] for each in (await desk.answer(second))["result"]["entries"]] == ["new"]
    answered = [each["id"] for each in desk.socket.heard if "result" in each]
    assert answered == [first, second]
    await desk.socket.leave()


async def test_access_that_ends_ends_the_socket_at_once(scene: Scene) -> None:  # noqa: F811
    friend = await scene.desk("friend").ready()
    async with transaction() as tx:
        shares = await sharing.list_shares(tx, scene.owner, scene.container_id)
        await sharing.unshare(tx, scene.owner, scene.container_id, shares[0].id)
    assert await friend.socket.closed() == 4404


async def test_a_machine_that_stops_and_one_that_is_lost_are_told_and_come_back(scene: Scene) -> None:  # noqa: F811
    desk = await scene.desk().ready()
    await desk.ask("watch", folders=["/app"])

    async def set_status(status: Status) -> None:
        async with transaction() as tx:
            (await tx.get_one(Container, scene.container_id)).status = status
        await bus().publish(ContainerChanged(scene.container_id, scene.owner.person_id))

    await set_status(Status.STOPPED)
    await desk.event(event="state", state="waiting")
    assert (await desk.ask("list", path="/app"))["code"] == "unavailable"
    await set_status(Status.RUNNING)
    await eventually("it to be ready again", lambda: desk.socket.states.count("ready") == 2)
    for port in list(scene.guest.wires):
        scene.guest.cut(port)
    await eventually("it to be ready once more", lambda: desk.socket.states.count("ready") == 3)
    (scene.root / "new").write_text("x")  # what was watched is, without being said again
    await desk.event(event="changed", folder="/app")
    assert [each["name"] for each in (await desk.ask("list", path="/app"))["entries"]] == ["new"]
    await desk.socket.leave()


async def test_a_burst_of_saves_is_one_row_and_access_is_asked_each_time(scene: Scene) -> None:  # noqa: F811
    desk, base = await scene.desk().ready(), None
    for number in range(5):
        base = (await desk.ask("write", path="/app/a", content=str(number), base=base))["revision"]
    await desk.ask("create", path="/app/b", kind="folder")
    await desk.ask("move", path="/app/a", to="/app/b/a")
    said = [(row.action, row.message) for row in await scene.rows() if row.action.startswith("file.")]
    assert said == [("file.write", "/app/a"), ("file.create", "/app/b"), ("file.move", "/app/a to /app/b/a")]
    await bus().publish(AccessChanged([scene.owner.person_id]))  # nothing has changed: it goes on
    assert (await desk.ask("stat", path="/app/b/a"))["kind"] == "file"
    await desk.socket.leave()


async def test_what_is_not_understood_is_told_and_ends_nothing_that_goes_on(scene: Scene) -> None:  # noqa: F811
    desk = await scene.desk().ready()
    assert (await desk.ask("format", path="/"))["code"] == "invalid"
    for path in ("/etc/passwd", "../x", "/app/../etc", "a\0b", 7, None, "x" * 5000, "\ud800"):
        refused = await desk.ask("read", path=path)
        assert refused["code"] in ("outside", "invalid"), path
    assert (await desk.ask("read", path="/app/nothing"))["code"] == "not_found"
    await desk.ask("create", path="/app/something")
    assert "/app/nothing" in (await desk.ask("trash", paths=["/app/something", "/app/nothing"]))["message"]
    await desk.ask("trash", paths=["/app/something"])
    slow = desk.say("search", query="x")
    assert (await desk.ask("cancel", id=slow)).keys() == {"cancelled"}
    assert (await desk.ask("list", path="/app"))["total"] == 0
    desk.socket.say("no JSON")
    assert await desk.socket.closed() == 4400


async def test_ten_megabytes_under_way_do_not_hold_up_a_list(scene: Scene) -> None:  # noqa: F811
    desk = await scene.desk().ready()
    scene.root.mkdir()
    (scene.root / "big").write_bytes(b"x" * (5 * 1024 * 1024))
    numbers = [desk.say("read", path="/app/big") for _ in range(4)]
    await asyncio.wait_for(desk.ask("list", path="/app"), 5)
    for number in numbers:
        answer = await desk.answer(number)
        assert answer.get("error") is None
        assert answer["result"]["size"] == 5 * 1024 * 1024
    await desk.socket.leave()


async def test_of_several_things_the_one_that_can_not_be_put_away_is_named(scene: Scene) -> None:  # noqa: F811
    desk = await scene.desk().ready()
    await desk.ask("create", path="/app/there")
    refused = await desk.ask("trash", paths=["/app/there", "/app/missing"])
    assert (refused["code"], refused["message"]) == ("not_found", "/app/missing is not there.")
    assert (scene.root / "there").exists()
    await desk.socket.leave()


def test_every_method_is_a_deed_that_is_written_down_or_only_looks() -> None:
    only_look = {"list", "stat", "read", "search", "find"}
    assert HANDLERS.keys() == only_look | fs._DEEDS.keys()
    assert not only_look & fs._DEEDS.keys()
