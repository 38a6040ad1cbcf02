"""Signals from what happens here: what is derived, and how soon it is seen."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import Conflict, Invalid, UpstreamFault
from backend.events.bus import ContainerChanged, Event, FeaturesChanged, NodeChanged, bus
from backend.models import AIUsageLog, Container, FileTemplate, Node, SignalRun, Status
from backend.models.base import now
from backend.rules.policy import Actor
from backend.rules.signals.habits import HabitFacts, derive_habits, derive_mood, is_due, streak
from backend.rules.signals.kinds import KINDS, wait_after
from backend.services.command_failures import note_failure
from backend.tasks.signals import Watch
from backend.tips import clock, consents, features, habits
from backend.tips.consents import Scope
from backend.tips.features import Feature
from backend.tips.signals import runs
from backend.tips.signals.all import signals
from backend.tips.signals.base import Signal
from tests.factories import a_container, a_node, a_type, a_world, an_actor

DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


async def _agree(actor: Actor, *scopes: Scope) -> None:
    async with transaction() as tx:
        for scope in scopes:
            await consents.give(tx, actor, scope)


async def _look(watch: Watch | None = None) -> None:
    watch = watch or Watch()
    await watch.look()
    await watch.settled()


async def _profile(actor: Actor) -> dict[str, Feature]:
    async with reading() as tx:
        return dict(await features.profile(tx, actor.person_id, at=now()))


async def _due(actor: Actor, at: datetime) -> None:
    async with transaction() as tx:
        for run in (await tx.exec(select(SignalRun).where(SignalRun.user_id == actor.user_id))).all():
            run.due_at = at


@pytest.mark.usefixtures("database")
async def test_the_platform_tells_of_idle_machines_limits_and_what_is_untried() -> None:
    actor, node = await a_world(limit=5)
    at = now()
    async with transaction() as tx:
        kind = await a_type(tx)
        busy = {"booted_at": at - timedelta(hours=9), "last_active_at": at - timedelta(minutes=1)}
        await a_container(tx, actor, node, name="busy", **busy)
        idle = await a_container(tx, actor, node, name="sandbox", last_active_at=at - timedelta(hours=3))
        idle.created_at = idle.booted_at = at - timedelta(hours=9)
        soon = await a_container(
            tx, actor, node, name="soon", status=Status.STOPPED, expires_at=at + timedelta(hours=5)
        )
        tx.add(FileTemplate(slug="untried", name="Not tried", public=True))
        tx.add(AIUsageLog(user_id=actor.user_id, query="?"))
    await _agree(actor, Scope.PLATFORM)
    await _look()
    found = await _profile(actor)
    assert found["platform.idle_vm"].value == pytest.approx(3, abs=0.05)
    detail = found["platform.idle_vm"].detail
    assert detail == {"container_id": idle.id, "name": "sandbox", "credits": kind.credits_cost, "idle_hours": 3.0}
    assert found["platform.credits_left"].value == 5 - 3 * kind.credits_cost
    assert found["platform.ai_uses_left"].value == 4
    assert found["platform.expiry_near"].detail["container_id"] == soon.id
    assert found["platform.template_unused"].value == 1
    assert "platform.node_unhealthy" not in found
    assert "platform.failing_command" not in found


@pytest.mark.usefixtures("database")
async def test_a_command_that_fails_again_and_again_is_told_of_with_its_machine_alone() -> None:
    actor, node = await a_world()
    await _agree(actor, Scope.PLATFORM)
    async with transaction() as tx:
        box = await a_container(tx, actor, node, name="builder")
        for command in ("make all", "true", "make all", "make all"):
            await note_failure(tx, actor.user_id, box.id, command)
    await _look()
    found = (await _profile(actor))["platform.failing_command"]
    assert (found.value, found.detail) == (3, {"container_id": box.id, "name": "builder", "times": 3})


@pytest.mark.usefixtures("database")
async def test_only_administrators_hear_of_nodes() -> None:
    async with transaction() as tx:
        admin, user = await an_actor(tx, is_superuser=True), await an_actor(tx)
        node = await a_node(tx, healthy=False)
        node.heartbeat_at = now() - timedelta(hours=1)
        await a_node(tx, healthy=False)  # nobody has looked at it yet
    for actor in (admin, user):
        await _agree(actor, Scope.PLATFORM)
    watch = Watch()
    await _look(watch)
    await _look(watch)
    found = (await _profile(admin))["platform.node_unhealthy"]
    assert (found.value, found.detail) == (1, {"node_id": node.id, "name": node.name})
    assert "platform.node_unhealthy" not in await _profile(user)
    async with transaction() as tx:
        (await tx.get_one(Node, node.id)).healthy = True
    watch.hear(NodeChanged(node.id))
    await _look(watch)
    assert "platform.node_unhealthy" not in await _profile(admin)


@asynccontextmanager
async def _watching() -> AsyncGenerator[asyncio.Queue[Event]]:
    """A watch that runs, and what it says."""
    heard: asyncio.Queue[Event] = asyncio.Queue()
    watch = Watch()
    ends = [bus().subscribe(watch.hear), bus().subscribe(heard.put_nowait)]
    task = asyncio.create_task(watch.run())
    try:
        yield heard
    finally:
        for end in ends:
            end()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.usefixtures("database")
async def test_what_happens_to_a_container_is_seen_within_two_seconds() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        box = (await a_container(tx, actor, node)).id
    await _agree(actor, Scope.PLATFORM)
    took: list[float] = []
    loop = asyncio.get_running_loop()
    async with _watching() as heard:
        while "platform.idle_vm" not in await _profile(actor):
            await asyncio.wait_for(heard.get(), 10)
        for hours in range(1, 11):
            async with transaction() as tx:
                row = await tx.get_one(Container, box)
                row.created_at = row.last_active_at = now() - timedelta(hours=hours)
            began = loop.time()
            await bus().publish(ContainerChanged(box, actor.person_id))
            while round((await _profile(actor))["platform.idle_vm"].value) != hours:
                async with asyncio.timeout(10):
                    while not isinstance(await heard.get(), FeaturesChanged):
                        pass
            took.append(loop.time() - began)
    assert max(took) <= 2, took


class _Broken(Signal[None]):
    def __init__(self, name: str, fault: Exception | None = None) -> None:
        super().__init__(name)
        self.fault, self.hangs = fault, asyncio.Event()

    async def fetch(self, user_id: int, at: datetime) -> None:
        if self.fault is not None:
            raise self.fault
        await self.hangs.wait()

    def derive(self, raw: None, at: datetime) -> list[object]:  # type: ignore[override]
        return []


@pytest.mark.usefixtures("database")
async def test_a_signal_that_fails_is_put_off_and_says_why() -> None:
    actor, _ = await a_world()
    await _agree(actor, Scope.MOOD)
    for failures in (1, 2):
        await runs.read(_Broken("mood", UpstreamFault("It is down.")), actor.person_id)
        async with reading() as tx:
            run = (await tx.exec(select(SignalRun))).one()
        assert (run.failures, run.fault) == (failures, "It is down.")
        assert run.due_at is not None
        assert run.due_at > now() + timedelta(seconds=50) * failures
    await runs.read(_Broken("mood", ValueError("a bug")), actor.person_id)
    async with reading() as tx:
        assert (await tx.exec(select(SignalRun.fault))).one() == "It could not be read. Trying again later."


@pytest.mark.usefixtures("database")
async def test_a_signal_that_hangs_keeps_no_other_from_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    actor, _ = await a_world()
    await _agree(actor, Scope.MOOD, Scope.HABITS)
    hanging = _Broken("mood")
    known = {"mood": hanging, "habits": signals()["habits"]}
    monkeypatch.setattr("backend.tasks.signals.signals", lambda: known)
    watch, heard = Watch(), asyncio.Queue[Event]()
    end = bus().subscribe(heard.put_nowait)
    await watch.look()
    async with asyncio.timeout(10):
        while "habits.due_today" not in await _profile(actor):
            await heard.get()
    end()
    hanging.hangs.set()
    await watch.settled()


@pytest.mark.usefixtures("database")
async def test_a_run_is_claimed_by_one_of_many_processes() -> None:
    async with transaction() as tx:
        people = [await an_actor(tx) for _ in range(6)]
    for actor in people:
        await _agree(actor, Scope.MOOD)
    claims = await asyncio.gather(*(runs.claim(KINDS["mood"], 4, besides=[]) for _ in range(3)))
    taken = sorted(each for claim in claims for each in claim)
    assert taken == sorted(actor.person_id for actor in people)
    assert await runs.due_kinds() == set()


@pytest.mark.usefixtures("database")
async def test_habits_are_added_ticked_and_put_away() -> None:
    actor, _ = await a_world()
    await _agree(actor, Scope.HABITS, Scope.MOOD)
    async with transaction() as tx:
        read = await habits.add_habit(tx, actor, "  Read a page ")
        with pytest.raises(Invalid, match="at least one day"):
            await habits.add_habit(tx, actor, "Never", "")
        with pytest.raises(Invalid, match="a name"):
            await habits.add_habit(tx, actor, " ")
        await habits.mark_mood(tx, actor, 4)
        with pytest.raises(Invalid, match="1 to 5"):
            await habits.mark_mood(tx, actor, 6)
    watch = Watch()
    await _look(watch)
    found = await _profile(actor)
    assert found["habits.due_today"].detail == {"habits": [{"habit_id": read, "name": "Read a page"}]}
    assert (found["habits.streak_at_risk"].value, found["mood.latest"].value) == (0, 4)
    async with transaction() as tx:
        for _ in range(2):
            await habits.tick_habit(tx, actor, read)
    await _due(actor, now())
    await _look(watch)
    assert (await _profile(actor))["habits.due_today"].value == 0
    async with transaction() as tx:
        assert [(each.streak, each.is_done) for each in await habits.list_habits(tx, actor)] == [(1, True)]
        await habits.tick_habit(tx, actor, read, done=False)
        assert [each.is_due for each in await habits.list_habits(tx, actor)] == [True]
        await habits.archive_habit(tx, actor, read)
        assert await habits.list_habits(tx, actor) == []


@pytest.mark.usefixtures("database")
async def test_one_has_so_many_habits_and_no_more() -> None:
    actor, _ = await a_world()
    async with transaction() as tx:
        for number in range(50):
            await habits.add_habit(tx, actor, f"habit {number}")
        with pytest.raises(Conflict, match="as many as one may have"):
            await habits.add_habit(tx, actor, "one more")


@pytest.mark.usefixtures("database")
async def test_days_are_counted_where_the_person_is() -> None:
    actor, _ = await a_world()
    async with transaction() as tx:
        with pytest.raises(Invalid, match="no time zone"):
            await clock.set_clock(tx, actor, "Mars/Olympus")
        await clock.set_clock(tx, actor, "Pacific/Kiritimati")
        zone = await clock.zone_of(tx, actor.person_id)
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert noon.astimezone(zone).date() == date(2026, 3, 2)
    assert clock.day_end(noon, zone) == datetime(2026, 3, 2, 10, tzinfo=UTC)


def _habit(today: date, weekdays: set[int], done: set[date]) -> HabitFacts:
    return HabitFacts(1, "h", frozenset(weekdays), today, done)


@given(DAYS, st.sets(st.integers(0, 6), min_size=1), st.integers(0, 60))
def test_a_streak_is_as_long_as_the_days_done_in_a_row(today: date, weekdays: set[int], length: int) -> None:
    days, day = set[date](), today
    while len(days) < length:
        if day.weekday() in weekdays:
            days.add(day)
        day -= timedelta(days=1)
    assert streak(_habit(today, weekdays, days), today) == length


@given(DAYS, st.sets(st.integers(0, 6)), st.sets(DAYS))
def test_what_is_at_risk_is_due_and_a_tick_ends_that(today: date, weekdays: set[int], done: set[date]) -> None:
    habit = _habit(today, weekdays, done)
    due, at_risk = derive_habits([habit], today, now())
    assert at_risk.value <= due.value <= 1
    ticked = _habit(today, weekdays, done | {today})
    assert not is_due(ticked, today)
    assert streak(ticked, today) >= streak(habit, today)


@given(st.lists(st.tuples(st.integers(0, 10 * 24 * 60), st.integers(1, 5)), max_size=30))
def test_a_mood_is_the_latest_and_its_trend_stays_in_bounds(marks: list[tuple[int, int]]) -> None:
    at = datetime(2026, 5, 5, tzinfo=UTC)
    found = {each.name: each.value for each in derive_mood([(at - timedelta(minutes=m), v) for m, v in marks], at)}
    recent = [(m, v) for m, v in marks if m <= 7 * 24 * 60]
    assert ("mood.latest" in found) is bool(recent)
    if recent:
        assert found["mood.latest"] in {v for m, v in recent if m == min(recent)[0]}
    assert -4 <= found.get("mood.trend_7d", 0) <= 4


@given(st.sampled_from(list(KINDS.values())), st.integers(1, 10_000))
def test_who_fails_waits_longer_but_never_for_ever(kind: object, failures: int) -> None:
    assert timedelta(minutes=1) <= wait_after(kind, failures) <= timedelta(hours=1)  # type: ignore[arg-type]
    assert wait_after(kind, failures + 1) >= wait_after(kind, failures)  # type: ignore[arg-type]
