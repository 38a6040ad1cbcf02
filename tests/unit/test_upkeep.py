"""Idle containers, those whose time is over, and schedules: what is done, once, and who is told."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from sqlmodel import select

from backend.db import engine, reading, transaction
from backend.errors import Conflict, Invalid, NotFound
from backend.events.bus import UsageSampled
from backend.models import AuditLog, Container, ContainerSchedule, DesiredState, Notification, ResourceQuota, Status
from backend.models.base import now
from backend.rules.policy import SYSTEM, Actor
from backend.services import activity, containers, schedules, types, upkeep
from backend.tasks.upkeep import Upkeep
from tests.factories import a_container, a_type, a_world, an_actor

LONG_AGO = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    """Every database has a container 1."""
    monkeypatch.setattr(activity, "_noted", {})


async def _small(**fields: int) -> None:
    async with transaction() as tx:
        await types.update_type(tx, SYSTEM, (await a_type(tx)).id, **fields)  # type: ignore[arg-type]


async def _box(actor: Actor, node, **more: object) -> int:
    async with transaction() as tx:
        return (await a_container(tx, actor, node, **more)).id


async def _row(container_id: int) -> Container:
    async with reading() as tx:
        return await tx.get_one(Container, container_id)


async def _told(actor: Actor) -> list[str]:
    async with reading() as tx:
        query = select(Notification.kind).where(Notification.user_id == actor.user_id).order_by(Notification.id)  # type: ignore[arg-type]
        return list((await tx.exec(query)).all())


async def _look(at: datetime, *, watched_since: datetime = LONG_AGO, processes: int = 1) -> None:
    await asyncio.gather(*(Upkeep(watched_since).look(at) for _ in range(processes)))


async def test_what_nobody_uses_is_stopped_after_as_long_as_its_type_says_and_its_owner_told_once() -> None:
    actor, node = await a_world()
    box = await _box(actor, node, booted_at=LONG_AGO, last_active_at=LONG_AGO)
    end = LONG_AGO + timedelta(minutes=30)
    await _look(end + timedelta(days=9))
    assert (await _row(box)).desired_state is DesiredState.RUNNING, "off by default"
    await _small(idle_stop_min=30)
    await _look(end - timedelta(seconds=1))
    assert (await _row(box)).desired_state is DesiredState.RUNNING
    await _look(end, processes=3)
    assert (await _row(box)).desired_state is DesiredState.STOPPED
    assert await _told(actor) == ["container.stopped_idle"]
    async with reading() as tx:
        trace = (await tx.exec(select(AuditLog).where(AuditLog.action == "container.stop_idle"))).all()
    assert [(each.via, each.target_id) for each in trace if "idle for 30" in each.message] == [("system", str(box))]


async def test_a_busy_cpu_and_keys_are_uses_and_a_little_noise_is_none() -> None:
    actor, node = await a_world()
    await _small(idle_stop_min=30)
    busy, typed, noisy = [await _box(actor, node, last_active_at=LONG_AGO) for _ in range(3)]
    at = LONG_AGO + timedelta(minutes=29)
    looks = Upkeep(LONG_AGO)
    for percent in (0.0, 90.0):
        looks.hear(UsageSampled(node.id, {str(busy): [percent, 1, 2], str(noisy): [percent / 20, 1, 2]}))
    async with transaction() as tx:
        await activity.note_use(tx, [typed], at)
    await looks.look(at)
    await looks.look(at + timedelta(minutes=2))
    states = {each: (await _row(each)).desired_state.value for each in (busy, typed, noisy)}
    assert states == {busy: "running", typed: "running", noisy: "stopped"}
    assert (await _row(busy)).last_active_at == at


async def test_a_use_is_written_once_a_minute_and_never_backwards() -> None:
    actor, node = await a_world()
    box = await _box(actor, node)
    for seconds, kept in ((0, 0), (30, 0), (90, 90), (10, 90)):
        async with transaction() as tx:
            await activity.note_use(tx, [box], LONG_AGO + timedelta(seconds=seconds))
        assert (await _row(box)).last_active_at == LONG_AGO + timedelta(seconds=kept)
    assert [activity.is_news(box, LONG_AGO + timedelta(seconds=each)) for each in (0, 59, 60, 61)] == [True, False] * 2


async def test_whatever_nobody_could_see_is_not_called_idle() -> None:
    actor, node = await a_world()
    await _small(idle_stop_min=30)
    box = await _box(actor, node, last_active_at=LONG_AGO)
    at = LONG_AGO + timedelta(days=1)
    await _look(at, watched_since=at - timedelta(minutes=29))
    async with transaction() as tx:
        await tx.merge(node)
        (await tx.get_one(type(node), node.id)).healthy = False
    await _look(at)
    assert (await _row(box)).desired_state is DesiredState.RUNNING


async def test_a_container_whose_time_is_over_is_warned_of_and_then_deleted() -> None:
    actor, _ = await a_world()
    await _small(lifetime_h=100)
    async with transaction() as tx:
        box = (await containers.create(tx, actor, container_type_id=(await a_type(tx)).id)).id
    end = (await _row(box)).expires_at
    assert end is not None
    assert abs((end - now()).total_seconds() - 100 * 3600) < 60
    await _look(end - timedelta(hours=25))
    assert await _told(actor) == []
    await _look(end - timedelta(hours=24), processes=3)
    assert await _told(actor) == ["container.expires_soon"]
    await _look(end - timedelta(seconds=1))
    assert (await _row(box)).delete_requested_at is None
    await _look(end, processes=3)
    assert (await _row(box)).delete_requested_at == end
    assert await _told(actor) == ["container.expires_soon", "container.expired"]


async def test_a_look_at_many_ends_asks_no_more_than_a_look_at_one() -> None:
    actor, node = await a_world()
    at = LONG_AGO + timedelta(days=9)
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    counts: list[int] = []
    for _ in range(2):
        for _ in range(3):
            await _box(actor, node, expires_at=at)
        event.listen(engine().sync_engine, "before_cursor_execute", note)
        async with reading() as tx:
            assert await upkeep.expiring(tx, at=at)
        event.remove(engine().sync_engine, "before_cursor_execute", note)
        counts.append(len(asked))
        asked.clear()
    assert counts[0] == counts[1]


async def test_an_owner_keeps_a_container_as_long_again_and_nobody_else_does() -> None:
    actor, node = await a_world()
    await _small(lifetime_h=48)
    box = await _box(actor, node, expires_at=now() + timedelta(hours=1), expiry_warned_at=now())
    forever = await _box(actor, node)
    async with transaction() as tx:
        stranger = await an_actor(tx)
    with pytest.raises(NotFound):
        async with transaction() as tx:
            await upkeep.keep(tx, stranger, box)
    async with transaction() as tx:
        view = await upkeep.keep(tx, actor, box)
    assert view.expires_at is not None
    assert (round((view.expires_at - now()).total_seconds() / 3600), view.is_expiry_near) == (48, False)
    with pytest.raises(Conflict, match="does not expire"):
        async with transaction() as tx:
            await upkeep.keep(tx, actor, forever)


async def test_an_end_that_nobody_was_there_to_announce_is_put_off() -> None:
    actor, node = await a_world()
    await _small(lifetime_h=480)
    box = await _box(actor, node, expires_at=LONG_AGO)
    late = LONG_AGO + timedelta(days=3)
    await _look(late)
    row = await _row(box)
    assert (row.expires_at, row.delete_requested_at) == (late + timedelta(hours=24), None)


async def _schedule(actor: Actor, box: int, *, starts: bool, time: str = "08:00", zone: str = "UTC") -> int:
    async with transaction() as tx:
        made = await schedules.create_schedule(
            tx, actor, box, starts=starts, weekdays="01234", time=time, time_zone=zone
        )
        (await tx.get_one(ContainerSchedule, made.id)).next_at = LONG_AGO + timedelta(hours=8)
        return made.id


async def _stopped(actor: Actor, node, **more: object) -> int:
    return await _box(actor, node, status=Status.STOPPED, desired=DesiredState.STOPPED, **more)


async def test_a_schedule_starts_at_its_time_once_and_knows_its_next() -> None:
    actor, node = await a_world()
    box = await _stopped(actor, node)
    made = await _schedule(actor, box, starts=True)
    due = LONG_AGO + timedelta(hours=8)
    await _look(due - timedelta(seconds=1))
    assert (await _row(box)).desired_state is DesiredState.STOPPED
    await _look(due, processes=3)
    assert (await _row(box)).desired_state is DesiredState.RUNNING
    async with reading() as tx:
        assert (await tx.get_one(ContainerSchedule, made)).next_at == due + timedelta(days=1)
        starts = (await tx.exec(select(AuditLog).where(AuditLog.action == "container.power_on"))).all()
    assert [(each.via, each.success) for each in starts] == [("system", True)]


async def test_of_several_times_that_were_missed_the_last_counts() -> None:
    actor, node = await a_world()
    box = await _stopped(actor, node)
    await _schedule(actor, box, starts=True)
    stop = await _schedule(actor, box, starts=False, time="20:00")
    async with transaction() as tx:
        (await tx.get_one(ContainerSchedule, stop)).next_at = LONG_AGO + timedelta(hours=20)
    await _look(LONG_AGO + timedelta(hours=23))
    async with reading() as tx:
        assert (await tx.exec(select(AuditLog).where(AuditLog.action == "container.power_on"))).first() is None
        ahead = {each.id: each.next_at for each in (await tx.exec(select(ContainerSchedule))).all()}
    assert ahead[stop] == LONG_AGO + timedelta(days=1, hours=20)


@pytest.mark.parametrize("why", ["credits", "room", "inactive"])
async def test_a_scheduled_start_that_is_refused_is_told_and_not_forced(why: str) -> None:
    actor, node = await a_world(limit=0 if why == "credits" else 3, mem_mb=512 if why == "room" else 4096)
    if why == "inactive":
        async with transaction() as tx:
            (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == actor.user_id))).one().active = False
    box = await _stopped(actor, node)
    await _schedule(actor, box, starts=True)
    for _ in range(2):
        await _look(LONG_AGO + timedelta(hours=8))
    assert (await _row(box)).desired_state is DesiredState.STOPPED
    assert await _told(actor) == ["container.failed"]
    async with reading() as tx:
        told = (await tx.exec(select(Notification))).one()
    assert told.text.startswith({"credits": "Not enough", "room": "No node", "inactive": "Your quota"}[why])


async def test_a_schedule_that_is_switched_off_or_removed_does_nothing() -> None:
    actor, node = await a_world()
    off, gone = await _stopped(actor, node), await _stopped(actor, node)
    first, second = await _schedule(actor, off, starts=True), await _schedule(actor, gone, starts=True)
    async with transaction() as tx:
        assert (await schedules.update_schedule(tx, actor, first, enabled=False)).next_at is None
        await schedules.delete_schedule(tx, actor, second)
    await _look(now() + timedelta(days=30))
    assert {(await _row(each)).desired_state for each in (off, gone)} == {DesiredState.STOPPED}
    async with transaction() as tx:
        again = await schedules.update_schedule(tx, actor, first, enabled=True)
    assert again.next_at is not None
    assert again.next_at > now()


async def test_somebody_elses_schedules_are_invisible_and_untouchable() -> None:
    actor, node = await a_world()
    box = await _stopped(actor, node)
    made = await _schedule(actor, box, starts=True)
    async with transaction() as tx:
        mallory = await an_actor(tx)
    for attack in (
        lambda tx: schedules.list_schedules(tx, mallory, box),
        lambda tx: schedules.create_schedule(
            tx, mallory, box, starts=True, weekdays="0", time="08:00", time_zone="UTC"
        ),
        lambda tx: schedules.update_schedule(tx, mallory, made, enabled=False),
        lambda tx: schedules.delete_schedule(tx, mallory, made),
        lambda tx: schedules.delete_schedule(tx, actor, 999_999),
        lambda tx: schedules.delete_schedule(tx, SYSTEM, 2**40),
    ):
        with pytest.raises(NotFound):
            async with transaction() as tx:
                await attack(tx)
    async with reading() as tx:
        assert [each.enabled for each in await schedules.list_schedules(tx, actor, box)] == [True]


async def test_a_schedule_that_cannot_be_is_refused_and_so_is_one_too_many() -> None:
    actor, node = await a_world()
    box = await _stopped(actor, node)
    good = {"starts": True, "weekdays": "0", "time": "08:00", "time_zone": "UTC"}
    for bad in ({"weekdays": ""}, {"weekdays": "9"}, {"time": "25:00"}, {"time_zone": "../etc/passwd"}):
        with pytest.raises(Invalid):
            async with transaction() as tx:
                await schedules.create_schedule(tx, actor, box, **(good | bad))
    async with transaction() as tx:
        for _ in range(20):
            await schedules.create_schedule(tx, actor, box, **good)
    with pytest.raises(Conflict, match="20 schedules at most"):
        async with transaction() as tx:
            await schedules.create_schedule(tx, actor, box, **good)
