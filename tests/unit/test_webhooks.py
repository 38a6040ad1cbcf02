"""Notifications and the webhooks that are told the same: whose they are, how they are signed, where they may not go."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlmodel import select, update

from backend.db import reading, transaction
from backend.errors import Conflict, Invalid, NotFound
from backend.models import Notification, Webhook, WebhookDelivery
from backend.models.base import now
from backend.rules import webhooks as rules
from backend.rules.internet import is_public
from backend.rules.notices import Notice
from backend.rules.policy import SYSTEM, Actor
from backend.services import config, inbox, webhooks
from backend.tasks import retention
from backend.tasks.posting import post
from backend.tasks.webhooks import Sender, send_due
from tests.factories import an_actor
from tests.stores import eventually


@dataclass
class Receiver:
    """A server on loopback that keeps what it is sent, and answers as it is told."""

    port: int = 0
    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    answers_after_s: float = 0.0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            headers["request"] = head[0]
            self.got.append((headers, await reader.readexactly(int(headers["content-length"]))))
            await asyncio.sleep(self.answers_after_s)
            writer.write(self.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    yield receiver
    server.close()


async def _allow_private() -> None:
    async with transaction() as tx:
        await config.set_config(tx, SYSTEM, "webhooks_to_private", "true")


async def _person_with(url: str, kinds: list[str] | None = None) -> tuple[Actor, int, str]:
    async with transaction() as tx:
        person = await an_actor(tx)
        view, secret = await webhooks.create_webhook(tx, person, url, kinds)
    return person, view.id, secret


async def _tell(person: Actor, kind: Notice = Notice.FAILED, title: str = "It failed") -> None:
    async with transaction() as tx:
        await inbox.tell(tx, person.person_id, kind, title, "No room.", link="/containers/7")


async def _deliveries(person: Actor, webhook_id: int) -> list[webhooks.DeliveryView]:
    async with reading() as tx:
        return await webhooks.list_deliveries(tx, person, webhook_id)


@pytest.mark.usefixtures("database")
async def test_a_message_arrives_signed_and_says_what_the_inbox_says(receiver: Receiver) -> None:
    await _allow_private()
    person, webhook_id, secret = await _person_with(receiver.url)
    await _tell(person)
    assert await send_due() == 1
    headers, body = receiver.got[0]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    assert (headers["request"], headers["host"]) == ("POST /hook?a=b HTTP/1.1", f"127.0.0.1:{receiver.port}")
    said = json.loads(body)
    assert (said["type"], said["data"]["title"], said["id"]) == ("container.failed", "It failed", headers["webhook-id"])
    delivery = (await _deliveries(person, webhook_id))[0]
    assert (delivery.state, delivery.tries, delivery.response_status) == ("delivered", 1, 204)
    assert await send_due() == 0


@pytest.mark.usefixtures("database")
async def test_a_webhook_gets_the_kinds_it_wants_and_nothing_while_it_is_off(receiver: Receiver) -> None:
    await _allow_private()
    person, webhook_id, _ = await _person_with(receiver.url, ["container.expired"])
    await _tell(person)
    await _tell(person, Notice.EXPIRED)
    assert [each.kind for each in await _deliveries(person, webhook_id)] == ["container.expired"]
    async with transaction() as tx:
        await webhooks.update_webhook(tx, person, webhook_id, active=False)
    await _tell(person, Notice.EXPIRED)
    assert await send_due() == 0
    async with reading() as tx:
        assert len(await inbox.list_inbox(tx, person)) == 3


@pytest.mark.usefixtures("database")
async def test_what_does_not_arrive_is_tried_again_and_then_the_owner_is_told_once(receiver: Receiver) -> None:
    await _allow_private()
    receiver.answer = b"HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nbad"
    person, webhook_id, _ = await _person_with(receiver.url)
    await _tell(person)
    await _tell(person, title="Again")
    for _ in range(rules.MOST_TRIES):
        assert [await send_due(), await send_due(), await send_due()] == [1, 1, 0]
        async with transaction() as tx:
            await tx.exec(update(WebhookDelivery).values(next_try_at=now()))
    assert await send_due() == 0
    assert len(receiver.got) == 2 * rules.MOST_TRIES
    assert [(each.state, each.outcome) for each in await _deliveries(person, webhook_id)] == [
        ("failed", "HTTP 500 Oops")
    ] * 2
    async with reading() as tx:
        told = [each.kind for each in await inbox.list_inbox(tx, person)]
    assert told.count("webhook.failed") == 1
    async with transaction() as tx:
        await webhooks.resend(tx, person, (await webhooks.list_deliveries(tx, person, webhook_id))[0].id)
    receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    assert await send_due() == 1
    assert (await _deliveries(person, webhook_id))[0].state == "delivered"
    assert receiver.got[-1][1] in [body for _, body in receiver.got[:-1]]


def test_tries_are_spread_over_about_a_day() -> None:
    waits = [rules.wait_after(number) for number in range(1, rules.MOST_TRIES + 1)]
    assert (len(waits), waits[-1]) == (8, None)
    assert timedelta(hours=22) < sum((each for each in waits if each), timedelta()) < timedelta(hours=26)


@pytest.mark.usefixtures("database")
async def test_two_processes_send_each_message_once(receiver: Receiver) -> None:
    await _allow_private()
    people = [await _person_with(receiver.url) for _ in range(6)]
    for person, _, _ in people:
        await _tell(person)
        await _tell(person)
    senders = [asyncio.create_task(Sender().run()) for _ in range(2)]

    async def all_sent() -> bool:
        async with reading() as tx:
            return set((await tx.exec(select(WebhookDelivery.state))).all()) == {"delivered"}

    try:
        await eventually("all to be sent", all_sent, seconds=60)
    finally:
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert (len(ids), len(set(ids))) == (12, 12)


_PRIVATE = [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/",
    "http://127.1:{port}/", "http://0177.0.0.1:{port}/", "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/", "http://0.0.0.0:{port}/", "http://0:{port}/",
    "http://LOCALHOST:{port}/", "http://①27.0.0.1:{port}/", "http://localhost.:{port}/",
]  # fmt: skip


@pytest.mark.parametrize("url", _PRIVATE)
async def test_no_spelling_of_a_private_address_is_reached(receiver: Receiver, url: str) -> None:
    answer = await post(url.format(port=receiver.port), b"{}", {}, to_private=False)
    assert answer.status is None
    assert receiver.got == []


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "127.9.9.9", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1",
        "64:ff9b::a00:1", "2002:7f00:1::1", "2001:db8::1", "not an address", "",
    ],
)  # fmt: skip
def test_what_is_not_the_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_what_is_the_internet_is_public(address: str) -> None:
    assert is_public(address)


async def test_a_name_with_one_private_address_among_public_ones_leads_nowhere(receiver: Receiver) -> None:
    async def both(_host: str, _port: int) -> list[str]:
        return ["1.1.1.1", "127.0.0.1"]

    answer = await post(f"http://example.com:{receiver.port}/", b"{}", {}, to_private=False, resolve=both)
    assert (answer.status, receiver.got) == (None, [])
    assert "private address" in answer.words


async def test_a_name_is_asked_once_and_the_connection_goes_where_it_led(receiver: Receiver) -> None:
    asked: list[str] = []

    async def once(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    answer = await post(f"http://nowhere.invalid:{receiver.port}/", b"{}", {}, to_private=True, resolve=once)
    assert (answer.status, asked) == (204, ["nowhere.invalid"])
    assert receiver.got[0][0]["host"] == f"nowhere.invalid:{receiver.port}"


async def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.answer = f"HTTP/1.1 307 Go\r\nLocation: {receiver.url}\r\nContent-Length: 0\r\n\r\n".encode()
    answer = await post(receiver.url, b"{}", {}, to_private=True)
    assert (answer.status, answer.is_success, len(receiver.got)) == (307, False, 1)


async def test_a_giant_answer_is_not_read(receiver: Receiver) -> None:
    receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 5_000_000
    async with asyncio.timeout(5):
        answer = await post(receiver.url, b"{}", {}, to_private=True)
    assert (answer.status, len(answer.words) < 300) == (200, True)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000, b"\x00\xff nonsense\r\n\r\n"])
async def test_nonsense_is_no_answer(receiver: Receiver, said: bytes) -> None:
    receiver.answer = said
    assert (await post(receiver.url, b"{}", {}, to_private=True)).status is None


async def test_a_slow_answer_is_not_waited_for(receiver: Receiver) -> None:
    receiver.answers_after_s = 5
    answer = await post(receiver.url, b"{}", {}, to_private=True, deadline_s=0.2)
    assert (answer.status, "0.2 s" in answer.words) == (None, True)


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "ftp://example.com", "file:///etc/passwd", "http://", "https://user:pw@example.com/",
        "https://user@example.com", "http://[::1", "http://a b/", "http://a/\nb", "http://a/#b", "http://a:99999/",
        "http://a:0/", "javascript:alert(1)", "http://a\\@b/", "https://" + "a" * 600,
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(Invalid):
        rules.check_url(url)


@pytest.mark.usefixtures("database")
async def test_anothers_webhooks_messages_and_notifications_do_not_exist() -> None:
    person, webhook_id, _ = await _person_with("https://example.com/")
    await _tell(person)
    delivery_id = (await _deliveries(person, webhook_id))[0].id
    async with transaction() as tx:
        mallory = await an_actor(tx)
        notice_id = (await inbox.list_inbox(tx, person))[0].id
        for number in (webhook_id, 0, -1, 2**40):
            for work in (
                webhooks.update_webhook(tx, mallory, number, active=False),
                webhooks.delete_webhook(tx, mallory, number),
                webhooks.rotate_secret(tx, mallory, number),
                webhooks.test_webhook(tx, mallory, number),
                webhooks.list_deliveries(tx, mallory, number),
            ):
                with pytest.raises(NotFound):
                    await work
        for number in (delivery_id, 0, 2**40):
            with pytest.raises(NotFound):
                await webhooks.resend(tx, mallory, number)
        for number in (notice_id, 0, 2**40):
            with pytest.raises(NotFound):
                await inbox.mark_read(tx, mallory, number)
        await inbox.mark_all_read(tx, mallory)
        assert await inbox.list_inbox(tx, mallory) == await webhooks.list_webhooks(tx, mallory) == []
        assert await inbox.unread_count(tx, person) == 1


@pytest.mark.usefixtures("database")
async def test_a_new_secret_replaces_the_old_and_neither_is_kept_in_the_clear() -> None:
    person, webhook_id, secret = await _person_with("https://example.com/")
    async with transaction() as tx:
        fresh = await webhooks.rotate_secret(tx, person, webhook_id)
        row = (await tx.exec(select(Webhook))).one()
    assert fresh != secret
    assert secret not in row.secret_sealed
    assert fresh not in row.secret_sealed


@pytest.mark.usefixtures("database")
async def test_there_are_bounds_to_how_many_and_how_much() -> None:
    person, webhook_id, _ = await _person_with("https://example.com/")
    async with transaction() as tx:
        for _ in range(9):
            await webhooks.create_webhook(tx, person, "https://example.com/")
        with pytest.raises(Conflict):
            await webhooks.create_webhook(tx, person, "https://example.com/")
        with pytest.raises(Invalid):
            await webhooks.update_webhook(tx, person, webhook_id, kinds=["webhook.failed"])
        for _ in range(20):
            await webhooks.test_webhook(tx, person, webhook_id)
        with pytest.raises(Conflict):
            await webhooks.test_webhook(tx, person, webhook_id)


@pytest.mark.usefixtures("database")
async def test_the_inbox_counts_what_is_not_read_and_forgets_what_is_old() -> None:
    async with transaction() as tx:
        person = await an_actor(tx)
    for number in range(3):
        await _tell(person, title=f"Notice {number}")
    async with transaction() as tx:
        rows = await inbox.list_inbox(tx, person)
        assert [row.title for row in rows] == ["Notice 2", "Notice 1", "Notice 0"]
        await inbox.mark_read(tx, person, rows[0].id)
        await inbox.mark_read(tx, person, rows[0].id)
        assert await inbox.unread_count(tx, person) == 2
        assert [row.title for row in await inbox.list_inbox(tx, person, before_id=rows[1].id)] == ["Notice 0"]
        await inbox.mark_all_read(tx, person)
        assert await inbox.unread_count(tx, person) == 0
        await tx.exec(update(Notification).values(created_at=now() - timedelta(days=91)))
    await retention.sweep()
    async with reading() as tx:
        assert await inbox.list_inbox(tx, person) == []
