"""The mirror in NATS, against Debian's nats-server: all of it, once, in order, whatever happens to the server."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import nats as client
import pytest
from sqlmodel import col, func, select, update

from backend.db import reading, transaction
from backend.events.bus import bus
from backend.events.contracts.tips_pb2 import TipShown
from backend.events.durable import Envelope, about, emit, forget
from backend.events.nats_mirror import STREAM, MirrorDown, NatsMirror
from backend.models import StreamEvent, User, WorkLease
from backend.models.base import now
from backend.rules.policy import SYSTEM
from backend.services import farewell
from backend.tasks import farewells, work_leases
from backend.tasks.leases import LeaseLost
from backend.tasks.mirroring import WORK, Mirroring
from tests import stores
from tests.factories import an_actor
from tests.stores import eventually

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def nats():
    with stores.nats() as server:
        yield server


@asynccontextmanager
async def _mirroring(server: stores.Nats, *, holder: str = "") -> AsyncGenerator[Mirroring]:
    mirror = NatsMirror(server.url, keeps=timedelta(days=1))
    try:
        yield Mirroring(mirror, holder=holder)
    finally:
        await mirror.close()


@asynccontextmanager
async def _running(mirroring: Mirroring) -> AsyncGenerator[None]:
    unsubscribe = bus().subscribe(mirroring.hear)
    task = asyncio.create_task(mirroring.run())
    try:
        yield
    finally:
        unsubscribe()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _a_person() -> int:
    async with transaction() as tx:
        return (await an_actor(tx)).person_id


async def _write(user_id: int, *names: str) -> None:
    for name in names:
        async with transaction() as tx:
            await emit(tx, about(user_id, TipShown(decision_id=name, channel="page")))


@dataclass(frozen=True)
class _Message:
    subject: str
    event: Envelope
    message_id: str

    @property
    def what(self) -> str:
        return self.event.tip_shown.decision_id or self.event.type


async def _stream(server: stores.Nats, subject: str = "oo.events.v1.>") -> list[_Message]:
    """All that the stream holds, as a consumer from the start gets it."""
    connection = await client.connect(server.url)
    try:
        stream = connection.jetstream()
        held = (await stream.stream_info(STREAM)).state
        found = []
        for number in range(held.first_seq, held.last_seq + 1):
            try:
                message = await stream.get_msg(STREAM, number)
            except client.js.errors.NotFoundError:
                continue
            if message.subject.startswith(subject.rstrip(">")):
                event = Envelope.FromString(message.data)
                found.append(_Message(message.subject, event, message.headers["Nats-Msg-Id"]))
        return found
    finally:
        await connection.close()


async def _waiting() -> int:
    async with reading() as tx:
        return (await tx.exec(select(func.count()).where(col(StreamEvent.mirrored_at).is_(None)))).one()


async def test_what_is_committed_is_in_the_stream_a_moment_later_in_order(nats: stores.Nats) -> None:
    first, second = await _a_person(), await _a_person()
    async with _mirroring(nats) as mirroring, _running(mirroring):
        await asyncio.gather(_write(first, *"abc"), _write(second, *"xyz"))
        await eventually("the mirror", lambda: _none(_waiting()))
    found = await _stream(nats)
    assert [each.what for each in found if each.event.user_id == first] == ["a", "b", "c"]
    assert [each.what for each in found if each.event.user_id == second] == ["x", "y", "z"]
    assert {each.subject for each in found} == {f"oo.events.v1.{each}.tip_shown" for each in (first, second)}
    assert all(each.message_id == each.event.id for each in found)


async def _none(count) -> bool:
    return await count == 0


async def test_nothing_is_lost_while_nats_is_down_and_it_catches_up_by_itself(nats: stores.Nats) -> None:
    user_id = await _a_person()
    async with _mirroring(nats) as mirroring, _running(mirroring):
        await _write(user_id, "before")
        await eventually("the mirror", lambda: _none(_waiting()))
        nats.stop()
        await _write(user_id, *(str(number) for number in range(250)))
        assert await _waiting() > 0
        nats.start()
        await eventually("it to catch up", lambda: _none(_waiting()), seconds=30)
    assert [each.what for each in await _stream(nats)] == ["before", *(str(number) for number in range(250))]


async def test_a_server_that_hangs_costs_a_deadline_and_no_event(nats: stores.Nats) -> None:
    user_id = await _a_person()
    async with _mirroring(nats) as mirroring:
        await _write(user_id, "before")
        await mirroring.catch_up()
        nats.hang()
        await _write(user_id, "while it hung", "and more")
        began_s = time.monotonic()
        with pytest.raises(MirrorDown):
            await mirroring.catch_up()
        assert time.monotonic() - began_s < 10
        nats.stop()
        nats.start()
        assert await mirroring.catch_up() == 2
    assert [each.what for each in await _stream(nats)] == ["before", "while it hung", "and more"]


async def test_what_is_sent_again_is_dropped_by_the_server(nats: stores.Nats) -> None:
    """As after a death between the server's answer and our note of it."""
    user_id = await _a_person()
    await _write(user_id, *"abc")
    async with _mirroring(nats) as mirroring:
        assert await mirroring.catch_up() == 3
        async with transaction() as tx:
            await tx.exec(update(StreamEvent).values(mirrored_at=None))
        assert await mirroring.catch_up() == 3
    assert [each.what for each in await _stream(nats)] == ["a", "b", "c"]


async def test_one_process_mirrors_at_a_time_and_another_takes_over(nats: stores.Nats) -> None:
    user_id = await _a_person()
    async with _mirroring(nats, holder="here-1") as one, _mirroring(nats, holder="here-2") as other:
        await _write(user_id, "a")
        assert await one.catch_up() == 1
        await _write(user_id, "b")
        assert await other.catch_up() == 0
        assert await _waiting() == 1
        await work_leases.release(WORK, "here-1")
        assert await other.catch_up() == 1
    assert [each.what for each in await _stream(nats)] == ["a", "b"]


async def test_who_has_lost_the_lease_notes_nothing(nats: stores.Nats) -> None:
    await _write(await _a_person(), "a")
    held = await work_leases.take(WORK, "here-1")
    assert held is not None
    async with transaction() as tx:
        await tx.exec(update(WorkLease).values(expires_at=now() - timedelta(seconds=1)))
    other = await work_leases.take(WORK, "here-2")
    assert other is not None
    assert other.fence == held.fence + 1
    with pytest.raises(LeaseLost):
        async with transaction() as tx:
            await work_leases.check(tx, held)
    async with transaction() as tx:
        await work_leases.check(tx, other)


async def test_nothing_is_begun_that_could_end_after_the_lease(nats: stores.Nats) -> None:
    await _write(await _a_person(), "a")
    async with reading() as tx:
        rows = (await tx.exec(select(StreamEvent))).all()
    mirror = NatsMirror(nats.url, keeps=timedelta(days=1))
    assert await mirror.send(rows, until_s=time.monotonic() + 1) == []
    assert await mirror.send(rows, until_s=time.monotonic() + 9) == [rows[0].id]
    await mirror.close()


async def test_who_is_deleted_is_gone_from_the_stream_within_a_minute(nats: stores.Nats) -> None:
    leaver, stays = await _a_person(), await _a_person()
    async with _mirroring(nats) as mirroring, _running(mirroring):
        await _write(leaver, *"abc")
        await _write(stays, *"xyz")
        await eventually("the mirror", lambda: _none(_waiting()))
        nats.stop()
        await _write(leaver, "d")
        began_s = time.monotonic()
        async with transaction() as tx:
            await farewell.delete_user(tx, SYSTEM, leaver)
        await farewells.sweep()
        nats.start()
        await eventually("the purge", lambda: _none(_waiting()), seconds=60)
        assert time.monotonic() - began_s < 60
    found = await _stream(nats)
    assert [each.what for each in found if each.event.user_id == stays] == ["x", "y", "z"]
    assert [each.what for each in found if each.event.user_id == leaver] == ["user_forgotten"]


async def test_whoever_gets_the_number_next_keeps_what_is_theirs(nats: stores.Nats) -> None:
    user_id = await _a_person()
    async with _mirroring(nats) as mirroring:
        await _write(user_id, "old")
        await mirroring.catch_up()
        async with transaction() as tx:
            await forget(tx, user_id)
            person = await tx.get_one(User, user_id)
            person.display_name = "somebody else"
        await _write(user_id, "new")
        await mirroring.catch_up()
    assert [each.what for each in await _stream(nats)] == ["user_forgotten", "new"]


async def test_a_stream_that_an_operator_made_stays_as_it_is(nats: stores.Nats) -> None:
    connection = await client.connect(nats.url)
    made = client.js.api.StreamConfig(name=STREAM, subjects=["oo.events.v1.>"], max_msgs=2)
    await connection.jetstream().add_stream(made)
    await _write(await _a_person(), *"abc")
    async with _mirroring(nats) as mirroring:
        assert await mirroring.catch_up() == 3
    kept = (await connection.jetstream().stream_info(STREAM)).config
    assert replace(kept).max_msgs == 2
    await connection.close()
    assert [each.what for each in await _stream(nats)] == ["b", "c"]
