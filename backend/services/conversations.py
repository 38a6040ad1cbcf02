"""Conversations with the assistant: each is one person's, about one container."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import col, exists, func, select

from backend.db import Tx
from backend.errors import Conflict, Invalid, NotFound
from backend.models import AIConversation, AIEvent, AIMemory, AITurn, TurnStatus
from backend.models.base import now
from backend.operation import note, operation
from backend.rules.agent_policy import Mode
from backend.rules.policy import Action, Actor
from backend.services import timelines
from backend.services.doors import Door, door
from backend.services.targets import visible
from backend.services.timelines import Told

PAGE = 50
_MOST = 200
_LONGEST_TITLE = 120
_GOING_ON = (TurnStatus.RUNNING, TurnStatus.WAITING)


@dataclass(frozen=True, slots=True)
class ConversationView:
    """A conversation in a list."""

    id: int
    title: str
    mode: str
    created_at: datetime
    updated_at: datetime
    turns: int


@dataclass(frozen=True, slots=True)
class TurnView:
    """A turn, as far as it has come."""

    id: int
    number: int
    status: str


@dataclass(frozen=True, slots=True)
class OpenView:
    """A conversation as somebody finds it who opens it. `id` is None before the first question is asked."""

    id: int | None
    title: str = ""
    mode: str = Mode.ASK
    events: list[Told] = field(default_factory=list[Told])
    memory: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    turn: TurnView | None = None
    """The one that goes on."""
    turns: list[TurnView] = field(default_factory=list[TurnView])


@operation(Action.AI_LOOK)
async def look(tx: Tx, actor: Actor, container_id: int) -> Door:
    """Let the actor talk with the assistant in a container, or go on doing so.

    Raises:
        NotFound, Forbidden: no such container, or not the actor's to use.
    """
    return await door(Action.AI_LOOK, tx, actor, container_id)


@operation(Action.AI_OPEN)
async def open_conversation(tx: Tx, actor: Actor, container_id: int, conversation_id: int | None) -> OpenView:
    """A conversation with all its events. Without an id, the one that was open last.

    Raises:
        NotFound, Forbidden: no such container, or not the actor's to use; or none of the actor's conversations.
    """
    await visible(Action.AI_OPEN, tx, actor, container_id)
    memory = await _memory(tx, actor.person_id, container_id)
    if conversation_id is None and (memory is None or memory.conversation_id is None):
        return OpenView(None)
    wanted = conversation_id if conversation_id is not None else memory.conversation_id if memory else None
    conversation = await _own(tx, actor.person_id, container_id, wanted or 0)
    if memory is not None:
        memory.conversation_id = conversation.id
    events = await timelines.events_of(tx, conversation.id)
    return OpenView(
        id=conversation.id,
        title=conversation.title,
        mode=conversation.mode,
        events=[timelines.told(each) for each in events],
        memory=timelines.memory_of(events),
        turn=await going_on(tx, conversation.id),
        turns=await _all_turns(tx, conversation.id),
    )


async def caught_up(tx: Tx, opened: OpenView) -> OpenView:
    """The same conversation, with what has happened in it since."""
    last = opened.events[-1]["seq"] if opened.events else 0
    later = await timelines.events_of(tx, opened.id or 0, after=last)
    turn = await going_on(tx, opened.id or 0)
    events = [*opened.events, *map(timelines.told, later)]
    memory = [*opened.memory, *timelines.memory_of(later)]
    return replace(opened, events=events, memory=memory, turn=turn, turns=await _all_turns(tx, opened.id or 0))


@operation(Action.AI_LIST)
async def list_conversations(
    tx: Tx, actor: Actor, container_id: int, *, search: str = "", before_id: int | None = None, limit: int = PAGE
) -> list[ConversationView]:
    """The actor's own about a container, newest first; `search` finds words in titles and in what was said.

    Raises:
        NotFound, Forbidden: as `look`.
    """
    await visible(Action.AI_LIST, tx, actor, container_id)
    turns = select(func.count()).where(AITurn.conversation_id == AIConversation.id).scalar_subquery()
    query = (
        select(AIConversation, turns)
        .where(AIConversation.user_id == actor.person_id, AIConversation.container_id == container_id)
        .order_by(col(AIConversation.id).desc())
        .limit(max(1, min(limit, _MOST)))
    )
    for word in search.split()[:10]:
        said = exists().where(col(AIEvent.conversation_id) == col(AIConversation.id), _has(AIEvent.text, word))
        query = query.where(_has(AIConversation.title, word) | said)
    if before_id is not None:
        query = query.where(col(AIConversation.id) < before_id)
    return [_view(row, count) for row, count in (await tx.exec(query)).all()]


@operation(Action.AI_RENAME)
async def rename(tx: Tx, actor: Actor, container_id: int, conversation_id: int, title: str) -> ConversationView:
    """Give a conversation another title.

    Raises:
        NotFound, Forbidden: as `open_conversation`.
        Invalid: the title is empty or too long.
    """
    await visible(Action.AI_RENAME, tx, actor, container_id)
    conversation = await _own(tx, actor.person_id, container_id, conversation_id)
    clean = " ".join(title.split())
    if not clean or len(clean) > _LONGEST_TITLE or not clean.isprintable():
        raise Invalid(f"A title has 1 to {_LONGEST_TITLE} characters that can be shown.", field="title")
    conversation.title = clean
    return _view(conversation, await _turns(tx, conversation.id))


@operation(Action.AI_SET_MODE)
async def set_mode(tx: Tx, actor: Actor, container_id: int, conversation_id: int, mode: str) -> None:
    """Say what the assistant may do without a click in a conversation.

    Raises:
        NotFound, Forbidden: as `open_conversation`.
        Invalid: there is no such mode.
    """
    await visible(Action.AI_SET_MODE, tx, actor, container_id)
    wanted = known_mode(mode)
    conversation = await _own(tx, actor.person_id, container_id, conversation_id)
    note(message=f"{conversation.mode} → {wanted}")
    conversation.mode = wanted


def known_mode(mode: str) -> Mode:
    """The mode of that name.

    Raises:
        Invalid: there is none.
    """
    if mode not in list(Mode):
        raise Invalid("The mode is one of: " + ", ".join(Mode) + ".", field="mode")
    return Mode(mode)


@operation(Action.AI_DELETE)
async def delete_conversation(tx: Tx, actor: Actor, container_id: int, conversation_id: int) -> None:
    """Delete a conversation with all that was said in it. What it used stays in the log of usage.

    Raises:
        NotFound, Forbidden: as `open_conversation`.
        Conflict: a turn goes on in it.
    """
    await visible(Action.AI_DELETE, tx, actor, container_id)
    conversation = await _own(tx, actor.person_id, container_id, conversation_id)
    if await going_on(tx, conversation.id) is not None:
        raise Conflict("The assistant works in that conversation. Stop it first.")
    await tx.delete(conversation)


@operation(Action.AI_CLEAR)
async def clear(tx: Tx, actor: Actor, container_id: int) -> None:
    """Forget the notes about a container, and begin anew with the next question. Older conversations stay.

    Raises:
        NotFound, Forbidden: as `look`.
    """
    await visible(Action.AI_CLEAR, tx, actor, container_id)
    if (memory := await _memory(tx, actor.person_id, container_id)) is not None:
        memory.memory, memory.conversation_id, memory.updated_at = {}, None, now()


@operation(Action.AI_FORK)
async def fork(tx: Tx, actor: Actor, container_id: int, conversation_id: int, seq: int) -> ConversationView:
    """A new conversation that begins as this one did, up to and with an event. The machine is left as it is.

    Raises:
        NotFound, Forbidden: as `open_conversation`; or there is no such event.
    """
    await visible(Action.AI_FORK, tx, actor, container_id)
    source = await _own(tx, actor.person_id, container_id, conversation_id)
    events = await timelines.events_of(tx, source.id, up_to=seq)
    if not events or events[-1].seq != seq:
        raise NotFound("That message")
    title = f"{source.title[: _LONGEST_TITLE - 10]} (fork)" if source.title else ""
    copy = AIConversation(user_id=actor.person_id, container_id=container_id, title=title, mode=source.mode)
    tx.add(copy)
    await tx.flush()
    turns = dict[int, int]()
    for each in events:
        if each.turn_id is not None and each.turn_id not in turns:
            turn = AITurn(conversation_id=copy.id, status=TurnStatus.DONE, started_at=each.at, ended_at=each.at)
            tx.add(turn)
            await tx.flush()
            turns[each.turn_id] = turn.id
        turn_id = turns[each.turn_id] if each.turn_id is not None else None
        tx.add(
            AIEvent(
                conversation_id=copy.id,
                turn_id=turn_id,
                seq=each.seq,
                kind=each.kind,
                data=each.data,
                text=each.text,
                at=each.at,
            )
        )
    copy.last_seq = seq
    return _view(copy, len(turns))


@operation(Action.AI_EXPORT)
async def export(tx: Tx, actor: Actor, container_id: int, conversation_id: int) -> OpenView:
    """All of a conversation, to be taken away.

    Raises:
        NotFound, Forbidden: as `open_conversation`.
    """
    await visible(Action.AI_EXPORT, tx, actor, container_id)
    conversation = await _own(tx, actor.person_id, container_id, conversation_id)
    events = await timelines.events_of(tx, conversation.id)
    told = [timelines.told(each) for each in events]
    return OpenView(conversation.id, conversation.title, conversation.mode, told, timelines.memory_of(events))


async def going_on(tx: Tx, conversation_id: int) -> TurnView | None:
    """The turn that goes on in a conversation, if one does."""
    query = select(AITurn).where(AITurn.conversation_id == conversation_id, col(AITurn.status).in_(_GOING_ON))
    turn = (await tx.exec(query)).first()
    return None if turn is None else TurnView(turn.id, await _turns(tx, conversation_id), turn.status)


async def opened(tx: Tx, user_id: int, container_id: int, conversation_id: int | None) -> AIConversation:
    """The conversation a question is asked in: that one, or a new one. It is the one that is open from now on.

    Raises:
        NotFound: none of theirs.
    """
    if conversation_id is not None:
        conversation = await _own(tx, user_id, container_id, conversation_id)
    else:
        conversation = AIConversation(user_id=user_id, container_id=container_id)
        tx.add(conversation)
        await tx.flush()
    memory = await _memory(tx, user_id, container_id)
    if memory is None:
        tx.add(AIMemory(user_id=user_id, container_id=container_id, conversation_id=conversation.id))
    else:
        memory.conversation_id = conversation.id
    return conversation


async def _own(tx: Tx, user_id: int, container_id: int, conversation_id: int) -> AIConversation:
    found = await tx.get(AIConversation, conversation_id, populate_existing=True)
    if found is None or found.container_id != container_id or found.user_id != user_id:
        raise NotFound("That conversation")
    return found


async def _memory(tx: Tx, user_id: int, container_id: int) -> AIMemory | None:
    mine = AIMemory.user_id == user_id, AIMemory.container_id == container_id
    return (await tx.exec(select(AIMemory).where(*mine))).first()


async def _all_turns(tx: Tx, conversation_id: int) -> list[TurnView]:
    query = select(AITurn).where(AITurn.conversation_id == conversation_id).order_by(col(AITurn.id))
    rows = (await tx.exec(query.execution_options(populate_existing=True))).all()
    return [TurnView(each.id, number, each.status) for number, each in enumerate(rows, 1)]


async def _turns(tx: Tx, conversation_id: int) -> int:
    return (await tx.exec(select(func.count()).where(AITurn.conversation_id == conversation_id))).one()


def _has(column: str, word: str) -> ColumnElement[bool]:
    return func.lower(col(column)).contains(word.lower(), autoescape=True)


def _view(row: AIConversation, turns: int) -> ConversationView:
    return ConversationView(row.id, row.title, row.mode, row.created_at, row.updated_at, turns)
