"""What a person agrees to: the ledger, what is read under it, and what becomes of that when they change their mind."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, delete, func, select, update

from backend.db import reading, transaction
from backend.errors import Forbidden, Invalid
from backend.models import CommandFailure, ConsentEntry, Habit, SignalRun, TipFeature, User
from backend.models.base import now
from backend.rules.consents import TERMS, Scope
from backend.rules.features import FEATURES
from backend.rules.policy import SYSTEM, Actor
from backend.rules.signals.readings import Reading
from backend.services.command_failures import note_failure
from backend.tips import consents, features
from backend.tips.features import Feature
from backend.tips.signals.base import NoConsent, Signal
from tests.factories import a_container, a_node, a_world, an_actor

pytestmark = pytest.mark.usefixtures("database")


async def _give(actor: Actor, *scopes: Scope) -> None:
    for scope in scopes:
        async with transaction() as tx:
            await consents.give(tx, actor, scope)


async def _withdraw(actor: Actor, scope: Scope) -> None:
    async with transaction() as tx:
        await consents.withdraw(tx, actor, scope)


async def _known(actor: Actor) -> dict[str, float]:
    async with reading() as tx:
        return {name: each.value for name, each in (await features.profile(tx, actor.person_id, at=now())).items()}


class _Probe(Signal[str]):
    """Counts how often it was fetched."""

    def __init__(self) -> None:
        super().__init__("mood")
        self.fetched = 0
        self.meanwhile = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def fetch(self, user_id: int, at: object) -> str:
        self.fetched += 1
        self.meanwhile.set()
        await self.go_on.wait()
        return "raw"

    def derive(self, raw: str, at: object) -> list[Reading]:
        return [Reading("mood.latest", 4)]


def test_every_scope_says_what_is_read_why_and_how_long_it_is_kept() -> None:
    assert set(TERMS) == set(Scope)
    for terms in TERMS.values():
        assert all(sentence.endswith(".") for sentence in (terms.reads, terms.why, terms.keeps))
    assert {kind.scope for kind in FEATURES.values()} == set(Scope) - {Scope.CONTEXT}


async def test_a_signal_without_consent_is_never_fetched() -> None:
    actor, _ = await a_world()
    probe = _Probe()
    with pytest.raises(NoConsent):
        await probe.refresh(actor.person_id, now())
    await _give(actor, *(set(Scope) - {Scope.MOOD}))
    with pytest.raises(NoConsent):
        await probe.refresh(actor.person_id, now())
    assert probe.fetched == 0
    await _give(actor, Scope.MOOD)
    await probe.refresh(actor.person_id, now())
    assert (probe.fetched, await _known(actor)) == (1, {"mood.latest": 4})
    await _withdraw(actor, Scope.MOOD)
    with pytest.raises(NoConsent):
        await probe.refresh(actor.person_id, now())
    assert (probe.fetched, await _known(actor)) == (1, {})


async def test_what_is_withdrawn_while_it_is_fetched_is_not_kept() -> None:
    actor, _ = await a_world()
    await _give(actor, Scope.MOOD)
    probe = _Probe()
    probe.go_on.clear()
    reading_it = asyncio.create_task(probe.refresh(actor.person_id, now()))
    await probe.meanwhile.wait()
    await _withdraw(actor, Scope.MOOD)
    probe.go_on.set()
    with pytest.raises(NoConsent):
        await reading_it
    async with reading() as tx:
        assert (await tx.exec(select(func.count()).select_from(TipFeature))).one() == 0


async def test_a_later_reading_is_not_overwritten_by_one_that_began_before() -> None:
    actor, _ = await a_world()
    await _give(actor, Scope.MOOD)
    slow, quick = _Probe(), _Probe()
    slow.go_on.clear()
    began = now()
    reading_it = asyncio.create_task(slow.refresh(actor.person_id, began))
    await slow.meanwhile.wait()
    await quick.refresh(actor.person_id, began + timedelta(seconds=1))
    slow.go_on.set()
    await reading_it
    async with reading() as tx:
        assert (await tx.exec(select(SignalRun.read_at))).one() == began + timedelta(seconds=1)


async def test_the_ledger_is_only_added_to_and_goes_with_its_user() -> None:
    actor, _ = await a_world()
    await _give(actor, Scope.PLATFORM, Scope.PLATFORM)
    await _withdraw(actor, Scope.PLATFORM)
    await _give(actor, Scope.PLATFORM)
    async with reading() as tx:
        shown = next(each for each in await consents.list_consents(tx, actor) if each.scope is Scope.PLATFORM)
    assert [each.given for each in shown.history] == [True, False, True], "twice is the same as once"
    for statement in (
        update(ConsentEntry).values(given=False),
        delete(ConsentEntry).where(col(ConsentEntry.user_id) == actor.user_id),
    ):
        with pytest.raises(DBAPIError, match="only added to"):
            async with transaction() as tx:
                await tx.exec(statement)
    async with transaction() as tx:
        await tx.exec(delete(User).where(col(User.id) == actor.user_id))
    async with reading() as tx:
        assert (await tx.exec(select(func.count()).select_from(ConsentEntry))).one() == 0


async def test_an_entry_says_from_where_and_to_which_words() -> None:
    actor, _ = await a_world()
    known = Actor(actor.user_id, actor.username, ip="192.0.2.7", user_agent="a browser")
    await _give(known, Scope.TASKS)
    async with reading() as tx:
        row = (await tx.exec(select(ConsentEntry))).one()
    assert (row.ip, row.user_agent, row.terms_version) == ("192.0.2.7", "a browser", 1)


async def test_a_scope_that_does_not_exist_is_refused() -> None:
    actor, _ = await a_world()
    with pytest.raises(Invalid, match="Choose one of"):
        await _give(actor, "everything")  # type: ignore[arg-type]


async def test_two_clicks_at_once_leave_one_entry() -> None:
    actor, _ = await a_world()
    await asyncio.gather(*(_give(actor, Scope.HABITS) for _ in range(4)))
    async with reading() as tx:
        assert (await tx.exec(select(func.count()).select_from(ConsentEntry))).one() == 1


async def test_withdrawing_leaves_other_scopes_and_other_people_alone() -> None:
    async with transaction() as tx:
        one, other = await an_actor(tx), await an_actor(tx)
    for actor in (one, other):
        await _give(actor, Scope.TASKS, Scope.MOOD)
        async with transaction() as tx:
            await features.write(tx, actor.person_id, [Feature("tasks.overdue", 3), Feature("mood.latest", 2)])
    await _withdraw(one, Scope.TASKS)
    assert await _known(one) == {"mood.latest": 2}
    assert await _known(other) == {"mood.latest": 2, "tasks.overdue": 3}
    async with reading() as tx:
        kept = (await tx.exec(select(TipFeature.user_id, TipFeature.name))).all()
    assert (one.user_id, "tasks.overdue") not in kept


async def test_what_ran_out_or_lost_its_consent_is_read_by_nobody() -> None:
    actor, _ = await a_world()
    await _give(actor, Scope.CALENDAR)
    at = now()
    async with transaction() as tx:
        old = Feature("calendar.busy_now", 1, computed_at=at - timedelta(hours=2))
        await features.write(tx, actor.person_id, [old, Feature("tasks.overdue", 9)])
    assert await _known(actor) == {}
    async with transaction() as tx:
        with pytest.raises(KeyError):
            await features.write(tx, actor.person_id, [Feature("shoe.size", 42)])
    async with transaction() as tx:
        assert await features.prune(tx) == 1


async def test_staleness_is_counted_against_the_promise() -> None:
    actor, _ = await a_world()
    await _give(actor, Scope.TASKS)
    at = now()
    late = Feature("tasks.overdue", 1, computed_at=at - timedelta(minutes=16))
    fresh = Feature("tasks.due_today", 1, computed_at=at)
    assert (late.is_stale(at), fresh.is_stale(at)) == (True, False)
    async with transaction() as tx:
        await features.write(tx, actor.person_id, [late, fresh])
    async with reading() as tx:
        found = {each.name: each for each in await features.freshness(tx, SYSTEM)}
    assert (found["tasks.overdue"].held_by, found["tasks.overdue"].stale) == (1, 1)
    assert found["tasks.overdue"].oldest_s >= 16 * 60
    assert (found["tasks.due_today"].held_by, found["tasks.due_today"].stale) == (1, 0)
    assert set(found) == set(FEATURES)
    async with reading() as tx:
        with pytest.raises(Forbidden):
            await features.freshness(tx, actor)


async def test_commands_are_counted_only_of_who_agreed_and_without_their_words() -> None:
    actor, _ = await a_world()
    async with transaction() as tx:
        box = (await a_container(tx, actor, await a_node(tx))).id
        await note_failure(tx, actor.user_id, box, "make secret-target")
    await _give(actor, Scope.PLATFORM)
    async with transaction() as tx:
        await note_failure(tx, actor.user_id, box, "make secret-target")
        await note_failure(tx, actor.user_id, box, " make secret-target\n")
    async with reading() as tx:
        rows = (await tx.exec(select(CommandFailure))).all()
    assert len(rows) == 2
    assert len({row.digest for row in rows}) == 1
    assert "secret" not in rows[0].digest
    await _withdraw(actor, Scope.PLATFORM)
    async with reading() as tx:
        assert (await tx.exec(select(func.count()).select_from(CommandFailure))).one() == 0
        assert (await tx.exec(select(func.count()).select_from(Habit))).one() == 0
