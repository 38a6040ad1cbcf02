"""Tips that come by themselves: whose turn it is, what the channels know of each other, and the bounds that hold."""

import asyncio
import random
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from backend.db import reading, transaction
from backend.events.durable import as_json
from backend.models import PushSent, PushSubscription, PushTurn, StreamEvent, Telling, TipDecision, User
from backend.models.base import now
from backend.rules.policy import SYSTEM, Actor
from backend.rules.telling import Channel, Quiet, Verdict
from backend.services import config, push, vapid
from backend.tasks import pushing
from backend.tips import features, reactions
from backend.tips.features import Feature
from backend.tips.reaching import notifier, turns
from tests.factories import an_actor
from tests.push_server import Browser, PushServer, push_server
from tests.tips import Knowledge, a_tip, an_idle_machine, ask, knowledge

__all__ = ["knowledge"]
pytestmark = pytest.mark.usefixtures("database")

_LOOKS = """
import asyncio
from backend import db
from backend.tasks import pushing
async def main():
    print(await pushing.look())
    await db.dispose()
asyncio.run(main())
"""
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
async def server(database: str) -> AsyncGenerator[PushServer]:
    async with transaction() as tx:
        await config.set_config(tx, SYSTEM, "push_to_private", "true")
        await config.set_config(tx, SYSTEM, "quiet_hours", "")
    async with push_server(vapid.public_key()) as made:
        yield made


async def _subscribed(person: Actor, *browsers: Browser) -> Actor:
    async with transaction() as tx:
        for browser in browsers:
            await push.subscribe(tx, person, **browser.said)
    return person


async def _newcomer(server: PushServer, name: str = "a") -> Actor:
    """Somebody with a browser for pushes and no machine: there is a tip for them."""
    async with transaction() as tx:
        person = await an_actor(tx)
    return await _subscribed(person, server.browser(name))


async def _turn(person: Actor) -> PushTurn | None:
    async with reading() as tx:
        return await tx.get(PushTurn, person.person_id)


async def _states() -> list[str]:
    async with reading() as tx:
        return list((await tx.exec(select(PushSent.state).order_by(col(PushSent.id)))).all())


async def _shown(person: Actor) -> list[tuple[str, str]]:
    """What the stream says was there to be seen: tip and channel."""
    mine = (StreamEvent.type == "tip_shown", StreamEvent.user_id == person.person_id)
    async with reading() as tx:
        rows = (await tx.exec(select(StreamEvent).where(*mine).order_by(col(StreamEvent.id)))).all()
    said = [as_json(row.payload)["tip_shown"] for row in rows]
    return [(each["decision_id"], each["channel"]) for each in said]


async def _seen(person: Actor, decision_id: int, channel: Channel, at: datetime | None = None) -> None:
    async with transaction() as tx:
        await reactions.activate(tx, person, decision_id, channel=channel, at=at)


async def test_who_is_due_is_sent_the_tip_of_the_moment_and_finds_it_on_the_page(server: PushServer) -> None:
    phone = server.browser("phone")
    async with transaction() as tx:
        person = await an_actor(tx)
    await _subscribed(person, phone)
    assert await pushing.look() == 1
    assert await pushing.look() == 0
    await notifier.send_due()
    [(_, _, body)] = server.got
    tip = await a_tip(person)
    assert phone.read(body) == {"tip": str(tip.decision_id), "body": tip.sentence, "tag": "tip", "url": "/tip"}
    async with reading() as tx:
        row = await tx.get_one(TipDecision, tip.decision_id)
    assert (row.via, row.activated_at) == ("system", None)
    turn = await _turn(person)
    assert turn is not None
    assert turn.next_at > now() + 29 * _MINUTE
    assert await _shown(person) == [(str(tip.decision_id), "push")]


async def test_a_tip_is_pushed_once_though_many_processes_look(server: PushServer) -> None:
    people = [await _newcomer(server, str(number)) for number in range(12)]
    assert sum(await asyncio.gather(*(pushing.look() for _ in range(4)))) == len(people)
    await asyncio.gather(*(turns.take(each.person_id) for each in people for _ in range(2)))
    await asyncio.gather(*(notifier.send_due() for _ in range(3)))
    assert len({path for path, _, _ in server.got}) == len(server.got) == len(people)


async def test_two_processes_share_the_turns(server: PushServer) -> None:
    people = [await _newcomer(server, str(number)) for number in range(40)]
    looking = [await asyncio.create_subprocess_exec(sys.executable, "-c", _LOOKS, stdout=PIPE) for _ in range(2)]
    said = [(await each.communicate())[0] for each in looking]
    assert sum(int(each) for each in said) == len(people)
    async with reading() as tx:
        tellings = (await tx.exec(select(Telling.user_id))).all()
    assert sorted(tellings) == sorted(each.person_id for each in people)
    assert await _states() == ["waiting"] * len(people)


async def test_those_who_have_waited_longest_come_first(server: PushServer) -> None:
    people = [await _newcomer(server, str(number)) for number in range(5)]
    began = now()
    async with transaction() as tx:
        for number, each in enumerate(people):
            (await tx.get_one(PushTurn, each.person_id)).next_at = began - number * _MINUTE
    first = await turns.claim(2)
    then = await turns.claim(9)
    ids = [each.person_id for each in people]
    assert (set(first), set(then)) == ({ids[4], ids[3]}, set(ids[:3]))
    assert await turns.claim(9) == []
    assert set(await turns.claim(9, at=now() + 6 * _MINUTE)) == set(ids)  # who had them has died


@pytest.mark.parametrize("channel", [Channel.PAGE, Channel.DASHBOARD])
async def test_what_a_page_shows_is_not_pushed(server: PushServer, channel: Channel) -> None:
    person, at = await _newcomer(server), now()
    await a_tip(person, channel=channel, at=at)
    assert await turns.take(person.person_id, at=at + 11 * _MINUTE) is Verdict.IN_SIGHT
    assert await turns.take(person.person_id, at=at + 13 * _MINUTE) is Verdict.TOLD_ALREADY
    assert await _states() == []


async def test_who_sees_it_meanwhile_is_not_sent_it(server: PushServer) -> None:
    person, at = await _newcomer(server), now()
    server.will_say("503 Service Unavailable")
    assert await turns.take(person.person_id, at=at) is Verdict.YES
    await notifier.send_due(at=at)
    await a_tip(person, channel=Channel.PAGE)
    assert await _states() == ["seen"]
    server.will_say("201 Created")
    assert await notifier.send_due(at=at + 30 * _MINUTE) == 0


async def test_the_same_thing_is_no_news_though_it_was_chosen_anew(server: PushServer) -> None:
    person, at = await _newcomer(server), now()
    assert await turns.take(person.person_id, at=at) is Verdict.YES
    async with transaction() as tx:
        row = (await tx.exec(select(TipDecision))).one()
        row.state = "closed"
    assert await turns.take(person.person_id, at=at + 2 * _HOUR) is Verdict.TOLD_ALREADY
    assert await turns.take(person.person_id, at=at + 26 * _HOUR) is Verdict.YES
    async with reading() as tx:
        assert len((await tx.exec(select(TipDecision))).all()) == 3


async def test_nothing_is_chosen_for_who_may_not_be_disturbed(server: PushServer) -> None:
    person = await _newcomer(server)
    night = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
    async with transaction() as tx:
        await push.set_quiet(tx, person, "22:00-08:00", "UTC")
    assert await turns.take(person.person_id, at=night) is Verdict.QUIET_HOURS
    turn = await _turn(person)
    assert turn is not None
    assert timedelta() <= turn.next_at - datetime(2026, 11, 23, 8, 0, tzinfo=UTC) <= 30 * _MINUTE
    async with reading() as tx:
        assert (await tx.exec(select(TipDecision))).all() == []


async def test_nobody_is_sent_anything_whose_account_is_closed_or_waits_for_a_new_password(server: PushServer) -> None:
    person = await _newcomer(server)
    for name, value in (("is_active", False), ("must_change_password", True)):
        async with transaction() as tx:
            user = await tx.get_one(User, person.person_id)
            user.is_active, user.must_change_password = True, False
            setattr(user, name, value)
        assert await turns.take(person.person_id) is None
    assert await _states() == []


async def test_turns_end_with_the_last_browser_and_begin_again_with_the_next(server: PushServer) -> None:
    person = await _newcomer(server)
    server.will_say("410 Gone")
    await pushing.look()
    await notifier.send_due()
    async with reading() as tx:
        assert (await tx.exec(select(PushSubscription))).all() == []
    assert await turns.take(person.person_id) is Verdict.NO_DEVICE
    assert await _turn(person) is None
    await _subscribed(person, server.browser("new"))
    assert await _turn(person) is not None


async def test_one_whose_turn_breaks_keeps_nothing_from_the_others(
    server: PushServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = await _newcomer(server, "bad"), await _newcomer(server, "good")
    real = turns.recommend.recommend

    async def breaks(tx: object, actor: Actor, **more: object) -> object:
        if actor.person_id == bad.person_id:
            raise ZeroDivisionError
        return await real(tx, actor, **more)

    monkeypatch.setattr(turns.recommend, "recommend", breaks)
    await pushing.look()
    await notifier.send_due()
    assert [path for path, _, _ in server.got] == ["/send/good"]
    assert "it is put off" in caplog.text
    for failures in (1, 2, 3):
        turn = await _turn(bad)
        assert turn is not None
        assert turn.failures == failures
        async with transaction() as tx:
            (await tx.get_one(PushTurn, bad.person_id)).next_at = now()
        await pushing.look()
    monkeypatch.undo()
    assert await turns.take(bad.person_id) is Verdict.YES
    assert good != bad


async def test_that_it_was_shown_is_told_once_for_a_tip_and_channel(knowledge: Knowledge) -> None:
    person, _ = await an_idle_machine(knowledge)
    tip = await a_tip(person, channel=Channel.PAGE)
    assert await _shown(person) == []
    for channel in (Channel.DASHBOARD, Channel.PAGE, Channel.PAGE, Channel.DASHBOARD):
        await asyncio.gather(*(_seen(person, tip.decision_id, channel) for _ in range(3)))
    name = str(tip.decision_id)
    assert sorted(await _shown(person)) == [(name, "dashboard"), (name, "page")]
    async with reading() as tx:
        activated = (await tx.exec(select(StreamEvent).where(StreamEvent.type == "tip_activated"))).all()
        tellings = (await tx.exec(select(Telling.channel).order_by(Telling.channel))).all()
    assert [as_json(row.payload)["tip_activated"]["channel"] for row in activated] == ["dashboard"]
    assert tellings == ["dashboard", "page"]


async def _answer(person: Actor, decision_id: int, dice: random.Random, at: datetime) -> None:
    async with transaction() as tx:
        await reactions.react(tx, person, decision_id, dice.choice(("done", "later")), at=at)


async def _learn(person: Actor, dice: random.Random, at: datetime) -> None:
    names = ("tasks.overdue", "mood.latest")
    known = [Feature(each, dice.randint(0, 4), {}, at, at, at + 24 * _HOUR) for each in names]
    async with transaction() as tx:
        await features.write(tx, person.person_id, known)


async def _arrivals() -> list[datetime]:
    async with reading() as tx:
        query = select(PushSent.finished_at).where(PushSent.state == "sent").order_by(col(PushSent.finished_at))
        return [each for each in (await tx.exec(query)).all() if each is not None]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_quiet_hours_and_the_cap_are_never_broken_whatever_happens(
    server: PushServer, knowledge: Knowledge, seed: int
) -> None:
    """Days of turns, pages, answers and failing services, the clock going forth and sometimes back."""
    dice = random.Random(seed)
    person, _ = await an_idle_machine(knowledge)
    await _subscribed(person, server.browser())
    starts = dice.randrange(1440)
    ends = (starts + dice.randrange(1, 14 * 60)) % 1440
    quiet = Quiet(starts, ends, dice.choice(("UTC", "Asia/Kathmandu")))
    async with transaction() as tx:
        hours = "-".join(f"{each // 60:02}:{each % 60:02}" for each in (quiet.starts_min, quiet.ends_min))
        await push.set_quiet(tx, person, hours, quiet.zone)
    at = now()
    for step in range(60):
        at += dice.choice((1, 5, 20, 60, 200, 700, -30)) * _MINUTE
        if step % 4 == 0:
            await _learn(person, dice, at)
        what = dice.choice(("turn", "turn", "turn", "page", "dashboard", "answer"))
        if what == "turn":
            await turns.take(person.person_id, at=at)
        elif tip := await ask(person, at=at):
            await (
                _answer(person, tip.decision_id, dice, at)
                if what == "answer"
                else _seen(person, tip.decision_id, Channel(what), at)
            )
        server.will_say(dice.choice(("201 Created", "201 Created", "503 Service Unavailable")))
        await notifier.send_due(at=at)
    at = quiet.ends_at(at + 72 * _HOUR)  # and for all that, the next one comes through
    await _learn(person, dice, at)
    server.will_say("201 Created")
    assert await turns.take(person.person_id, at=at) is Verdict.YES
    await notifier.send_due(at=at)
    arrived = await _arrivals()
    assert arrived[-1] == at
    assert not [each for each in arrived if quiet.holds(each)]
    for first in arrived:
        assert sum(first <= each < first + 24 * _HOUR for each in arrived) <= 2
