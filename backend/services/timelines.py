"""The events of a conversation, in their order: added, read, and told as the socket tells them. No use cases."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from backend.db import Tx
from backend.errors import NotFound
from backend.models import AIConversation, AIEvent
from backend.models.base import now
from backend.rules.agent_context import Happened

Told = dict[str, Any]
_LONGEST_SEARCHED = 20_000


async def add(
    tx: Tx, conversation_id: int, turn_id: int | None, kind: str, data: dict[str, Any], *, text: str = ""
) -> Told:
    """Add an event, and return it as the socket tells it.

    Args:
        text: what it is found by.

    Raises:
        NotFound: the conversation is gone.
    """
    query = select(AIConversation).where(AIConversation.id == conversation_id).with_for_update()
    conversation = (await tx.exec(query.execution_options(populate_existing=True))).first()
    if conversation is None:
        raise NotFound("That conversation")
    at = now()
    conversation.last_seq += 1
    conversation.updated_at = at
    event = AIEvent(
        conversation_id=conversation_id,
        turn_id=turn_id,
        seq=conversation.last_seq,
        kind=kind,
        data=data,
        text=text[:_LONGEST_SEARCHED],
        at=at,
    )
    tx.add(event)
    return told(event)


async def events_of(tx: Tx, conversation_id: int, *, after: int = 0, up_to: int | None = None) -> Sequence[AIEvent]:
    """A conversation's, in order: those after one number, up to and with another."""
    query = select(AIEvent).where(AIEvent.conversation_id == conversation_id).order_by(col(AIEvent.seq))
    if after:
        query = query.where(col(AIEvent.seq) > after)
    if up_to is not None:
        query = query.where(col(AIEvent.seq) <= up_to)
    return (await tx.exec(query)).all()


def told(event: AIEvent) -> Told:
    """As the socket tells it."""
    return {"event": event.kind, "seq": event.seq, "turn": event.turn_id, "at": _at(event.at), **event.data}


def happened(events: Sequence[AIEvent]) -> list[Happened]:
    """As the rules read it."""
    return [Happened(each.seq, each.kind, each.turn_id, each.data) for each in events]


def memory_of(events: Sequence[AIEvent]) -> list[dict[str, str]]:
    """What was said, without tools and sub-agents: the seed's memory."""
    roles = {"user": "user", "said": "assistant"}
    said = [each for each in events if each.kind in roles and "parent" not in each.data]
    return [{"role": roles[each.kind], "content": each.data["text"]} for each in said]


def _at(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
