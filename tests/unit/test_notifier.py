"""Tips to closed browsers, against a push service that checks what it is sent."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from backend.db import reading, transaction
from backend.errors import Conflict, Invalid
from backend.models import PushSent, PushSubscription
from backend.models.base import now
from backend.rules.policy import SYSTEM, Actor
from backend.rules.telling import Channel, Quiet, Verdict
from backend.services import config, push, vapid
from backend.tips import clock
from backend.tips.reaching import arbiter, notifier
from tests.factories import an_actor
from tests.push_server import Browser, PushServer, push_server

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def server(database: str) -> AsyncGenerator[PushServer]:
    async with transaction() as tx:
        await config.set_config(tx, SYSTEM, "push_to_private", "true")
        await config.set_config(tx, SYSTEM, "quiet_hours", "")
    async with push_server(vapid.public_key()) as made:
        yield made


async def _person_with(*browsers: Browser) -> Actor:
    async with transaction() as tx:
        person = await an_actor(tx)
        for browser in browsers:
            await push.subscribe(tx, person, **browser.said)
    return person


async def _push(person: Actor, tip: str = "7", *, at: datetime | None = None) -> Verdict:
    async with transaction() as tx:
        return await notifier.push(tx, person.person_id, tip=tip, sentence="Stop sandbox to free 2 credits.", at=at)


async def _sent() -> list[PushSent]:
    async with reading() as tx:
        return list((await tx.exec(select(PushSent).order_by(col(PushSent.id)))).all())


async def _subscriptions() -> list[PushSubscription]:
    async with reading() as tx:
        return list((await tx.exec(select(PushSubscription).order_by(col(PushSubscription.id)))).all())


async def test_a_tip_arrives_encrypted_signed_and_once_in_each_browser(server: PushServer) -> None:
    phone, desk = server.browser("phone"), server.browser("desk")
    person = await _person_with(phone, desk)
    assert await _push(person) is Verdict.YES
    assert await notifier.send_due() == 2
    assert await notifier.send_due() == 0
    by_path = {path: (headers, body) for path, headers, body in server.got}
    for browser, name in ((phone, "phone"), (desk, "desk")):
        headers, body = by_path[f"/send/{name}"]
        assert (headers["topic"], headers["content-encoding"]) == ("tip", "aes128gcm")
        assert b"sandbox" not in body
        assert browser.read(body) == {
            "tip": "7", "body": "Stop sandbox to free 2 credits.", "tag": "tip", "url": "/tip"
        }  # fmt: skip
    assert [row.state for row in await _sent()] == ["sent", "sent"]


async def test_a_newer_tip_takes_the_place_of_one_that_still_waits(server: PushServer) -> None:
    browser = server.browser()
    person = await _person_with(browser)
    await _push(person, "1")
    await _push(person, "2")
    assert await notifier.send_due() == 1
    assert [browser.read(body)["tip"] for _, _, body in server.got] == ["2"]
    assert [row.state for row in await _sent()] == ["replaced", "sent"]


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
async def test_a_browser_that_is_gone_is_forgotten(server: PushServer, status: str) -> None:
    person = await _person_with(server.browser("a"))
    server.will_say(status)
    await _push(person)
    await notifier.send_due()
    assert (await _subscriptions(), await _sent()) == ([], [])
    assert await _push(person, "8") is Verdict.NO_DEVICE


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_a_service_that_is_busy_is_asked_again_when_it_said(server: PushServer, status: str) -> None:
    person, began = await _person_with(server.browser()), now()
    server.will_say(status, retry_after="120")
    await _push(person, at=began)
    await notifier.send_due(at=began)
    [row] = await _sent()
    assert (row.state, row.tries, row.next_try_at) == ("waiting", 1, began + timedelta(seconds=120))
    assert (await _subscriptions())[0].last_fault == f"HTTP {status}"
    server.will_say("201 Created")
    assert await notifier.send_due(at=began + timedelta(seconds=119)) == 0
    assert await notifier.send_due(at=began + timedelta(seconds=120)) == 1
    assert ([row.state for row in await _sent()], (await _subscriptions())[0].last_fault) == (["sent"], "")


async def test_a_service_that_is_down_or_never_answers_gets_up_to_an_hour(
    server: PushServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, at = await _person_with(server.browser()), now()
    monkeypatch.setattr(notifier, "_DEADLINE_S", 0.2)
    server.answers_after_s = 5
    await _push(person, at=at)
    tries = 0
    while (row := (await _sent())[0]).state == "waiting":
        at, tries = row.next_try_at, tries + 1
        await notifier.send_due(at=at)
    assert (row.state, row.tries) == ("failed", tries)
    assert 4 <= tries <= 8
    assert "did not answer within" in row.outcome


async def test_a_service_that_refuses_us_is_not_asked_again(server: PushServer) -> None:
    server.public_key = Browser("").said["p256dh"]
    person = await _person_with(server.browser())
    await _push(person)
    await notifier.send_due()
    [row] = await _sent()
    assert (row.state, row.response_status, row.tries, server.got) == ("failed", 403, 1, [])


async def test_a_message_that_waits_is_not_sent_into_quiet_hours(server: PushServer) -> None:
    person = await _person_with(server.browser())
    evening = datetime(2026, 11, 22, 21, 55, tzinfo=UTC)
    async with transaction() as tx:
        await push.set_quiet(tx, person, "22:00-08:00", "UTC")
    server.will_say("503 Service Unavailable", retry_after="600")
    await _push(person, at=evening)
    await notifier.send_due(at=evening)
    assert int(server.got[0][1]["ttl"]) == 300
    [row] = await _sent()
    assert row.state == "failed"
    assert await _push(person, "8", at=evening + timedelta(minutes=5)) is Verdict.QUIET_HOURS


async def test_no_more_than_so_many_a_day_even_if_all_ask_at_once(server: PushServer) -> None:
    person = await _person_with(server.browser())
    verdicts = await asyncio.gather(*(_push(person, str(number)) for number in range(6)))
    assert sorted(verdicts) == sorted([Verdict.YES] * 2 + [Verdict.ENOUGH] * 4)
    assert await _push(person, "9", at=now() + timedelta(hours=25, minutes=1)) is Verdict.YES


async def test_who_has_the_tip_in_front_of_them_is_not_disturbed(server: PushServer) -> None:
    person = await _person_with(server.browser())
    async with transaction() as tx:
        assert (await arbiter.ask(tx, person.person_id, Channel.DASHBOARD, "7"))[0] is Verdict.YES
    assert await _push(person, "8") is Verdict.IN_SIGHT
    assert await _push(person, "7", at=now() + timedelta(hours=1)) is Verdict.TOLD_ALREADY


async def test_a_private_address_is_not_reached_unless_an_admin_says_so(server: PushServer) -> None:
    person = await _person_with(server.browser())
    async with transaction() as tx:
        await config.set_config(tx, SYSTEM, "push_to_private", "false")
    await _push(person)
    await notifier.send_due()
    assert server.got == []
    assert "private address" in (await _subscriptions())[0].last_fault
    with pytest.raises(Invalid):
        await _person_with(server.browser())


async def test_the_keys_of_a_browser_are_sealed_and_it_belongs_to_who_used_it_last(server: PushServer) -> None:
    browser = server.browser()
    person = await _person_with(browser)
    async with transaction() as tx:
        first = await push.subscribe(tx, person, **browser.said)
    rows = await _subscriptions()
    assert [row.id for row in rows] == [first.id]
    assert not [each for each in browser.said.values() if each in json.dumps(rows[0].model_dump(mode="json"))]
    other = await _person_with(browser)
    assert [row.user_id for row in await _subscriptions()] == [other.person_id]


async def test_there_is_a_bound_to_browsers_and_what_a_person_sees_of_them(server: PushServer) -> None:
    person = await _person_with(*(server.browser(str(number)) for number in range(10)))
    with pytest.raises(Conflict):
        async with transaction() as tx:
            await push.subscribe(tx, person, **server.browser("one-more").said)
    async with transaction() as tx:
        await push.set_quiet(tx, person, "21:30-07:00", "Europe/Madrid")
    async with reading() as tx:
        view = await push.read_push(tx, person)
    assert (view.quiet_hours, view.zone, view.is_own) == ("21:30-07:00", "Europe/Madrid", True)
    assert ({each.host for each in view.subscriptions}, view.public_key) == ({"127.0.0.1"}, vapid.public_key())


async def test_quiet_hours_are_where_the_person_is_until_they_leave_it_to_the_installation() -> None:
    async with transaction() as tx:
        person = await an_actor(tx)
        await push.set_quiet(tx, person, "21:30-07:00", "Europe/Madrid")
        await clock.set_clock(tx, person, "America/New_York")
        assert await push.quiet_of(tx, person.person_id) == Quiet(21 * 60 + 30, 7 * 60, "America/New_York")
        await push.set_quiet(tx, person, "", "UTC")
        assert await push.quiet_of(tx, person.person_id) == Quiet(0, 0, "UTC")
        assert (await push.read_push(tx, person)).is_own
        await push.set_quiet(tx, person, None, "UTC")
        view = await push.read_push(tx, person)
    assert (view.quiet_hours, view.zone, view.is_own) == ("22:00-08:00", "UTC", False)
