"""The stream of what happens: told in order, to whom it concerns, gone on from where one was, and ended in time."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from backend.api.v1 import events
from backend.db import reading, transaction
from backend.models import ContainerShare, FeedEvent
from backend.models.base import now
from backend.rules.config_keys import RUN_RETENTION_DAYS
from backend.rules.policy import SYSTEM, Actor, Role
from backend.services import containers, feed, keys, sharing, users
from backend.tasks.runner import running
from tests.factories import a_container, a_type, an_actor
from tests.people import visitor
from tests.programs import Listening, Programs, a_key, programs
from tests.stores import _listens, eventually, free_port, wait_for
from tests.tenants import signed_in


@pytest.fixture
async def scene(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Programs]:
    async with programs(tmp_path, monkeypatch) as made:
        yield made


async def _create(actor: Actor) -> int:
    async with transaction() as tx:
        return (await containers.create(tx, actor, container_type_id=(await a_type(tx)).id)).id


async def test_all_that_happens_to_a_container_is_told_in_order_as_it_happens(scene: Programs) -> None:
    listening = Listening(await a_key(scene.actor, "read"))
    await listening.heard("ready")
    async with running():
        container_id = await _create(scene.actor)
        said = await listening.heard("container.running")
        assert (said["container_id"], said["run_id"], said["type"]) == (container_id, None, "container.running")
        async with transaction() as tx:
            await containers.delete(tx, scene.actor, container_id)
        await listening.heard("container.deleted")
    assert listening.kinds == [
        "ready", "container.created", "container.starting", "container.running", "container.deleting",
        "container.deleted",
    ]  # fmt: skip
    ids = [each for each, _, _ in listening.events]
    assert ids == sorted(set(ids))
    await listening.leave()


async def test_a_run_is_told_of_too(scene: Programs) -> None:
    listening = Listening(await a_key(scene.actor))
    await listening.heard("ready")
    async with running(), await scene.client() as client:
        await client.post("/api/v1/runs/", json={"command": "exit 3"})
        said = await listening.heard("run.failed")
    assert (said["data"]["status"], said["data"]["exit_code"], said["data"]["error_code"]) == ("failed", 3, None)
    assert [each for each in listening.kinds if each.startswith("run.")] == ["run.pending", "run.running", "run.failed"]
    await listening.leave()


async def test_whoever_comes_back_goes_on_after_the_last_that_they_had(scene: Programs) -> None:
    key = await a_key(scene.actor)
    first = Listening(key)
    await first.heard("ready")
    begun_at = first.events[0][0]
    await first.leave()
    made = [await _create(scene.actor) for _ in range(3)]
    second = Listening(key, last_id=str(begun_at))
    await eventually("all three", lambda: second.kinds.count("container.created") == 3)
    found = [(number, data["container_id"]) for number, kind, data in second.events if kind != "ready"]
    assert [each for _, each in found] == made
    third = Listening(key, query=f"after={found[0][0]}")
    await eventually("the other two", lambda: third.kinds.count("container.created") == 2)
    assert third.events[1][0] == found[1][0]
    for each in (second, third):
        await each.leave()


async def test_more_than_is_read_at_once_is_told_all_the_same(scene: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_AT_ONCE", 2)
    for _ in range(5):
        await _create(scene.actor)
    listening = Listening(await a_key(scene.actor), last_id="0")
    await eventually("all five", lambda: listening.kinds.count("container.created") == 5)
    await listening.leave()


async def test_nobody_hears_of_what_is_not_theirs_and_who_it_is_shared_with_does(scene: Programs) -> None:
    async with transaction() as tx:
        stranger, friend = await an_actor(tx), await an_actor(tx)
    heard = {who: Listening(await a_key(actor)) for who, actor in (("stranger", stranger), ("friend", friend))}
    for each in heard.values():
        await each.heard("ready")
    container_id = await _create(scene.actor)
    async with transaction() as tx:
        await sharing.share(tx, scene.actor, container_id, role=Role.VIEWER, username=friend.username)
    async with transaction() as tx:
        await containers.delete(tx, scene.actor, container_id)
    assert (await heard["friend"].heard("container.deleting"))["container_id"] == container_id
    async with transaction() as tx:
        await tx.delete((await tx.exec(select(ContainerShare))).one())
    async with reading() as tx:
        for actor in (stranger, friend):
            assert await feed.read_after(tx, actor, 0) == []
        assert len(await feed.read_after(tx, scene.actor, 0)) == 2
    assert heard["stranger"].kinds == ["ready"]
    for each in heard.values():
        await each.leave()


async def test_of_a_container_whose_number_somebody_elses_had_before_nothing_old_is_told(scene: Programs) -> None:
    async with transaction() as tx:
        friend, other = await an_actor(tx), await an_actor(tx)
        box = await a_container(tx, scene.actor, scene.node)
        await sharing.share(tx, scene.actor, box.id, role=Role.MANAGER, username=friend.username)
        tx.add_all(
            FeedEvent(user_id=owner.person_id, kind="container.failed", container_id=box.id, created_at=at)
            for owner, at in ((other, now()), (scene.actor, now() - timedelta(days=1)))
        )
    async with reading() as tx:
        assert await feed.read_after(tx, friend, 0) == []


@pytest.mark.parametrize("end", ["key", "user"])
async def test_a_stream_ends_with_the_right_to_it(scene: Programs, end: str) -> None:
    listening = Listening(await a_key(scene.actor))
    await listening.heard("ready")
    async with transaction() as tx:
        if end == "key":
            await keys.revoke_key(tx, scene.actor, (await keys.list_keys(tx, scene.actor))[0].id)
        else:
            await users.set_user_active(tx, SYSTEM, scene.actor.person_id, False)
    said = await listening.heard("end")
    assert said["error"]["code"] == "unauthorized"
    await _create_quietly(scene)
    assert listening.kinds == ["ready", "end"]
    await eventually("it to be over", listening.task.done)


async def _create_quietly(scene: Programs) -> None:
    async with transaction() as tx:
        feed.tell(tx, scene.actor.person_id, feed.FeedKind.RUN_PENDING)


async def test_a_stream_ends_with_the_session_it_was_opened_with(scene: Programs) -> None:
    async with transaction() as tx:
        sid = await signed_in(tx, scene.actor)
    listening = Listening(sid=sid)
    await listening.heard("ready")
    async with visitor(sid=sid) as client:
        assert (await client.post("/api/user/logout/")).status_code < 300
    await listening.heard("end")
    await eventually("it to be over", listening.task.done)


async def test_while_nothing_happens_a_comment_says_that_it_is_still_there(
    scene: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_BEAT_S", 0.05)
    listening = Listening(await a_key(scene.actor))
    await eventually("two beats", lambda: listening.text.count(": still here\n\n") >= 2)
    await listening.leave()


async def test_nobody_has_more_streams_than_anybody_may_and_who_leaves_has_none(
    scene: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events.seats, "most", 1)
    key = await a_key(scene.actor)
    first, second = Listening(key), None
    await first.heard("ready")
    second = Listening(key)
    await eventually("the refusal", second.task.done)
    assert second.status == 409
    await first.leave()
    assert not events.seats.taken
    third = Listening(key)
    await third.heard("ready")
    await third.leave()


@pytest.mark.parametrize("last_id", ["-1", "x", "1.5", "9" * 11, "²", "2147483648"])
async def test_what_is_no_id_of_an_event_is_refused(scene: Programs, last_id: str) -> None:
    async with await scene.client() as client:
        answer = await client.get("/api/v1/events", params={"after": last_id[:10]})
        assert answer.status_code == 422 or last_id == "9" * 11
    assert not events.seats.taken


async def test_without_a_key_there_is_no_stream(scene: Programs) -> None:
    for key in ("", "pk_none_none"):
        listening = Listening(key)
        await eventually("the refusal", listening.task.done)
        assert listening.status == 401


async def test_old_events_go_and_ids_are_never_used_again(scene: Programs) -> None:
    await _create_quietly(scene)
    async with transaction() as tx:
        row = (await tx.exec(select(FeedEvent))).one()
        row.created_at, before = now() - timedelta(days=RUN_RETENTION_DAYS.default + 1), row.id
    async with transaction() as tx:
        assert await feed.prune(tx) == 1
    await _create_quietly(scene)
    async with reading() as tx:
        assert (await tx.exec(select(FeedEvent.id))).one() > before


async def test_what_is_not_committed_is_not_told(scene: Programs) -> None:
    async def break_off() -> None:
        async with transaction() as tx:
            feed.tell(tx, scene.actor.person_id, feed.FeedKind.RUN_PENDING)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()
    async with reading() as tx:
        assert await feed.read_after(tx, scene.actor, 0) == []


async def test_a_server_that_is_asked_to_end_does_not_wait_for_who_listens(scene: Programs) -> None:
    port, headers = free_port(), {"Authorization": f"Bearer {await a_key(scene.actor)}"}
    command = [sys.executable, "-m", "backend.serve", "backend.api.app:make_api", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(*command)
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30)
    try:
        await asyncio.to_thread(wait_for, "the server", lambda: _listens(port))
        async with client, client.stream("GET", "/api/v1/events") as stream:
            said = stream.aiter_text()
            assert "event: ready" in await anext(said)
            process.terminate()
            assert "event: end" not in "".join([each async for each in said])
        assert await asyncio.wait_for(process.wait(), 5) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_reader_misses_nothing_of_what_many_write_at_once(scene: Programs) -> None:
    async def write(number: int) -> None:
        async with transaction() as tx:
            feed.tell(tx, scene.actor.person_id, feed.FeedKind.RUN_PENDING, run_id=number)
            await asyncio.sleep(number % 3 / 100)  # as long as others' work takes: the later ones may be done first
        for each in (1, 2):
            async with transaction() as tx:
                feed.tell(tx, scene.actor.person_id, feed.FeedKind.RUN_RUNNING, run_id=100 * each + number)

    seen: list[int] = []
    last, writing = 0, asyncio.ensure_future(asyncio.gather(*(write(number) for number in range(12))))
    while not writing.done() or len(seen) < 36:
        assert not writing.done() or writing.exception() is None
        async with reading() as tx:
            found = await feed.read_after(tx, scene.actor, last, limit=5)
        seen += [each.run_id or 0 for each in found]
        last = found[-1].id if found else last
        assert not writing.done() or found or len(seen) == 36, f"{36 - len(seen)} were missed"
        await asyncio.sleep(0)
    assert sorted(seen) == sorted([*range(12), *range(100, 112), *range(200, 212)])
