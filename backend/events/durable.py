"""Events that are kept: written with what they tell of, told to this installation after that, and then mirrored.

The contracts are in proto/oo/events/v1, docs/events.md says what readers may rely on.
"""

import json
from datetime import datetime
from typing import Any, cast
from uuid import uuid4

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import DecodeError
from sqlmodel import col, delete, func, select

from backend.db import Tx
from backend.events.bus import StreamWritten, bus
from backend.events.contracts import accounts_pb2, envelope_pb2, signals_pb2, tips_pb2
from backend.models import StreamEvent
from backend.models.base import now

Envelope = envelope_pb2.Envelope
Payload = (
    signals_pb2.SignalObserved
    | signals_pb2.ConsentChanged
    | tips_pb2.TipCandidatesMade
    | tips_pb2.TipDecided
    | tips_pb2.TipShown
    | tips_pb2.TipActivated
    | tips_pb2.TipReacted
    | tips_pb2.RewardSettled
    | tips_pb2.TipActionTaken
    | accounts_pb2.AccountConnected
    | accounts_pb2.AccountRevoked
    | accounts_pb2.UserForgotten
)

SCHEMA_VERSION = 1
SUBJECTS = "oo.events.v1"
_ORDER = 7_305_802  # PostgreSQL advisory lock: one number of ours, and the person's
_FIELDS: dict[str, str] = {
    field.message_type.name: field.name for field in cast(Any, Envelope).DESCRIPTOR.oneofs_by_name["payload"].fields
}
TYPES = tuple(_FIELDS.values())
"""Every type of event there is, as subjects name them."""


def about(user_id: int, payload: Payload, *, at: datetime | None = None) -> Envelope:
    """An event of a person's, ready for `emit`; without `at`, of this moment."""
    kind = _FIELDS[type(payload).__name__]
    named = cast(Any, {kind: payload})
    return Envelope(id=str(uuid4()), type=kind, user_id=user_id, at=at or now(), schema_version=SCHEMA_VERSION, **named)


async def emit(tx: Tx, event: Envelope) -> StreamEvent:
    """Keep the event with this transaction; whoever listens hears of it after the commit.

    Events of one person get their places in the order in which their transactions commit: on PostgreSQL a second one
    waits here for the first. So emit late in a transaction, and for one person in each.
    """
    if tx.get_bind().dialect.name == "postgresql":
        await tx.exec(select(func.pg_advisory_xact_lock(_ORDER, event.user_id)))
    is_alive = event.type != "user_forgotten"
    row = StreamEvent(
        event_id=event.id,
        type=event.type,
        user_id=event.user_id if is_alive else None,
        subject=f"{SUBJECTS}.{event.user_id}.{event.type}",
        payload=cast(Any, event).SerializeToString(),
    )
    tx.add(row)
    await tx.flush()
    _tell_after(tx, row.id)
    return row


async def forget(tx: Tx, user_id: int) -> None:
    """What was kept of a person whose account goes with this transaction, goes; who reads the stream is told so."""
    await tx.exec(delete(StreamEvent).where(col(StreamEvent.user_id) == user_id))
    await emit(tx, about(user_id, accounts_pb2.UserForgotten()))


def as_json(payload: bytes) -> dict[str, Any]:
    """A kept event as JSON says it, with all that is zero or empty too."""
    event = Envelope()
    try:
        cast(Any, event).ParseFromString(payload)
    except DecodeError:
        return {"unreadable": payload.hex()}
    said = MessageToJson(event, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return cast("dict[str, Any]", json.loads(said))


def _tell_after(tx: Tx, event_id: int) -> None:
    """One message of the bus a transaction, however many events it wrote."""
    ids = cast("list[int] | None", tx.info.get("stream"))
    if ids is None:
        ids = tx.info["stream"] = list[int]()
        tx.after_commit.append(lambda: bus().publish(StreamWritten(ids)))
    ids.append(event_id)
