"""Events that are kept: in the caller's transaction, in order, readable, and gone with the person."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from sqlmodel import col, select

from backend.db import reading, transaction
from backend.errors import Invalid
from backend.events.bus import Event, StreamWritten, bus
from backend.events.contracts.accounts_pb2 import AccountConnected
from backend.events.contracts.signals_pb2 import Feature, SignalObserved
from backend.events.contracts.tips_pb2 import TipDecided, TipShown
from backend.events.durable import SCHEMA_VERSION, TYPES, Envelope, about, as_json, emit
from backend.models import StreamEvent, User
from backend.models.base import now
from backend.rules.policy import SYSTEM
from backend.services import farewell
from tests.factories import an_actor

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


async def _rows() -> list[StreamEvent]:
    async with reading() as tx:
        return list((await tx.exec(select(StreamEvent).order_by(col(StreamEvent.id)))).all())


async def _a_person() -> int:
    async with transaction() as tx:
        return (await an_actor(tx)).person_id


@pytest.mark.usefixtures("database")
async def test_an_event_is_there_with_what_it_tells_of_or_not_at_all() -> None:
    heard: list[Event] = []
    bus().subscribe(heard.append)
    user_id = await _a_person()
    with suppress(Invalid):
        async with transaction() as tx:
            await emit(tx, about(user_id, TipShown(decision_id="7", channel="page")))
            raise Invalid("No.")
    assert (await _rows(), heard) == ([], [])
    async with transaction() as tx:
        first = await emit(tx, about(user_id, TipShown(decision_id="7", channel="page"), at=AT))
        second = await emit(tx, about(user_id, AccountConnected(provider="todoist")))
        assert heard == []
    assert heard == [StreamWritten([first.id, second.id])]
    rows = await _rows()
    assert [(row.type, row.user_id, row.mirrored_at) for row in rows] == [
        ("tip_shown", user_id, None),
        ("account_connected", user_id, None),
    ]
    read = Envelope()
    read.ParseFromString(rows[0].payload)
    assert (read.id, read.user_id, read.tip_shown.decision_id) == (rows[0].event_id, user_id, "7")
    assert read.at.ToDatetime(UTC) == AT
    assert rows[0].subject == f"oo.events.v1.{user_id}.tip_shown"


def test_a_person_can_read_what_an_event_says() -> None:
    features = [Feature(name="tasks.overdue", value=3, event_at=AT)]
    said = as_json(about(5, SignalObserved(scope="tasks", features=features), at=AT).SerializeToString())
    assert said["signal_observed"]["features"][0] == {
        "name": "tasks.overdue",
        "value": 3.0,
        "event_at": "2026-11-22T09:30:00Z",
    }
    assert (said["user_id"], said["type"], said["schema_version"]) == ("5", "signal_observed", SCHEMA_VERSION)
    assert as_json(b"\xff\xff") == {"unreadable": "ffff"}


def test_a_decision_keeps_its_probabilities_to_the_last_bit() -> None:
    probabilities = [0.1, 0.2, 1 / 3, 1 - 0.1 - 0.2 - 1 / 3]
    event = about(1, TipDecided(decision_id="1", eligible=list("abcd"), probabilities=probabilities, seed=2**64 - 1))
    read = Envelope.FromString(event.SerializeToString())
    assert (list(read.tip_decided.probabilities), read.tip_decided.seed) == (probabilities, 2**64 - 1)


def test_no_field_of_a_contract_could_hold_a_secret_or_a_sentence() -> None:
    """Each of them is a number, a time, or a text whose name is listed here: a new one has to be looked at."""
    texts = {"id", "type", "scope", "name", "provider", "kind", "phrased_by", "decision_id", "eligible", "chosen"}
    texts |= {"policy", "stage", "channel", "outcome", "action", "refusal"}
    found, seen, ahead = set(), set(), [Envelope.DESCRIPTOR]
    while ahead:
        message = ahead.pop()
        seen.add(message.full_name)
        for field in message.fields:
            if field.message_type is not None and field.message_type.full_name not in seen:
                ahead.append(field.message_type)
            if field.type in (field.TYPE_STRING, field.TYPE_BYTES):
                found.add(field.name)
    assert found == texts
    assert len(TYPES) == 12


@pytest.mark.usefixtures("database")
async def test_the_events_of_one_person_stand_in_the_order_of_their_commits() -> None:
    user_id, committed = await _a_person(), []

    async def write(number: int) -> None:
        async with transaction() as tx:
            event = about(user_id, TipShown(decision_id=str(number), channel="page"))
            row = await emit(tx, event)
            tx.after_commit.insert(0, lambda: _noted(row.id))

    async def _noted(row_id: int) -> None:
        committed.append(row_id)

    await asyncio.gather(*(write(number) for number in range(20)))
    assert sorted(committed) == [row.id for row in await _rows()]
    assert len(set(committed)) == 20


@pytest.mark.usefixtures("database")
async def test_what_was_kept_of_a_person_goes_with_the_account_and_readers_are_told() -> None:
    user_id, other_id = await _a_person(), await _a_person()
    for each in (user_id, other_id):
        async with transaction() as tx:
            await emit(tx, about(each, TipShown(decision_id="1", channel="page")))
    async with transaction() as tx:
        person = await tx.get(User, user_id)
        assert person is not None
        person.delete_requested_at = now()
    async with transaction() as tx:
        assert await farewell.erase_user(tx, SYSTEM, user_id)
    assert [(row.subject, row.user_id) for row in await _rows()] == [
        (f"oo.events.v1.{other_id}.tip_shown", other_id),
        (f"oo.events.v1.{user_id}.user_forgotten", None),
    ]


@pytest.mark.usefixtures("database")
async def test_a_person_takes_their_events_along_as_readable_text() -> None:
    async with transaction() as tx:
        actor = await an_actor(tx)
        await emit(tx, about(actor.person_id, TipShown(decision_id="4", channel="page")))
        exported = await farewell.export_my_data(tx, actor)
    [row] = json.loads(json.dumps(exported))["stream_event"]
    assert row["payload"]["tip_shown"] == {"decision_id": "4", "channel": "page"}
    assert "subject" not in row
