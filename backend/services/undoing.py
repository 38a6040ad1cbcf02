"""Undoing what a turn of the assistant did: who may, and what is written down of it. The files are put back, and the
disk is set back, by whoever was let (ai/undoing.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import col, func, select

from backend.db import Tx
from backend.errors import Conflict, Invalid, NotFound
from backend.models import AIConversation, AIEvent, AITurn, TurnStatus
from backend.operation import note, operation
from backend.rules.config_keys import AI_CHECKPOINTS_KEPT
from backend.rules.policy import Action, Actor
from backend.services import timelines
from backend.services.checkpoints import of_turn
from backend.services.config import value_of
from backend.services.doors import Door, door
from backend.services.timelines import Told

FILES, DISK = "files", "disk"
_GOING_ON = (TurnStatus.RUNNING, TurnStatus.WAITING)


@dataclass(frozen=True, slots=True)
class Undoable:
    """A turn that may be undone. `checkpoint_id` is given where its disk is to be set back."""

    turn_id: int
    number: int
    user_id: int
    conversation_id: int
    last_seq: int
    door: Door
    checkpoint_id: int = 0


@operation(Action.AI_CHANGES)
async def look_at(tx: Tx, actor: Actor, container_id: int, turn_id: int) -> Door:
    """Let the actor see what one of their turns changed.

    Raises:
        NotFound, Forbidden: no such container, or not the actor's to use; or none of their turns.
    """
    entrance = await door(Action.AI_CHANGES, tx, actor, container_id)
    await _own(tx, actor, container_id, turn_id)
    return entrance


@operation(Action.AI_UNDO)
async def let_undo(tx: Tx, actor: Actor, container_id: int, turn_id: int, what: str) -> Undoable:
    """Let the actor undo one of their turns: its `files`, or all that was written to the `disk` since it began.

    Raises:
        NotFound, Forbidden: as `look_at`.
        Invalid: that is neither.
        Conflict: it goes on, is undone already, or can't be undone so.
    """
    note(message=f"turn {turn_id}: {what[:20]}")
    entrance = await door(Action.AI_UNDO, tx, actor, container_id)
    turn, conversation = await _own(tx, actor, container_id, turn_id)
    if what not in (FILES, DISK):
        raise Invalid("Files or disk can be undone.", field="what")
    if turn.status in _GOING_ON:
        raise Conflict("The assistant is still at work in that turn. Stop it first.")
    if turn.status == TurnStatus.UNDONE and not (what == DISK and await _undone_as(tx, turn_id) == {FILES}):
        raise Conflict("That turn is undone already.")
    checkpoint = await of_turn(tx, turn_id) if what == DISK else None
    if what == DISK and checkpoint is None:
        raise Conflict("There is no checkpoint of the disk from before that turn, or it is not kept any more.")
    before = AITurn.conversation_id == conversation.id, col(AITurn.id) <= turn_id
    number = (await tx.exec(select(func.count()).where(*before))).one()
    checkpoint_id = checkpoint.id if checkpoint is not None else 0
    return Undoable(
        turn_id, number, conversation.user_id, conversation.id, conversation.last_seq, entrance, checkpoint_id
    )


async def note_files_undone(tx: Tx, turn: Undoable, paths: list[str] | None) -> Told:
    """Write down that its files are put back; with all of them the turn is undone.

    Raises:
        NotFound: the conversation is gone.
    """
    row = await tx.get(AITurn, turn.turn_id, with_for_update=True, populate_existing=True)
    if row is not None and paths is None:
        row.status = TurnStatus.UNDONE
    data = {"what": FILES} | ({"paths": paths} if paths is not None else {})
    return await timelines.add(tx, turn.conversation_id, turn.turn_id, "undone", data)


async def checkpoint_event(tx: Tx, turn_id: int) -> AIEvent | None:
    """What a turn said that it can be undone to, if it has."""
    query = select(AIEvent).where(AIEvent.turn_id == turn_id, AIEvent.kind == "checkpoint")
    return (await tx.exec(query)).first()


async def _undone_as(tx: Tx, turn_id: int) -> set[str]:
    """In which ways it was undone. After its files, its disk may be set back too."""
    query = select(AIEvent).where(AIEvent.turn_id == turn_id, AIEvent.kind == "undone")
    return {each.data["what"] for each in (await tx.exec(query)).all()}


async def kept_turns(tx: Tx, container_id: int) -> Sequence[int]:
    """The turns at a container whose files can be put back, newest first; none where that is switched off."""
    most = await value_of(tx, AI_CHECKPOINTS_KEPT)
    query = select(AITurn.id).join(AIConversation).where(AIConversation.container_id == container_id)
    query = query.where(col(AITurn.usage_id).is_not(None))  # those of a fork did nothing
    return (await tx.exec(query.order_by(col(AITurn.id).desc()).limit(most))).all()


async def set_checkpoint(tx: Tx, turn_id: int, checkpoint_id: int) -> None:
    """Say which checkpoint a turn began with."""
    turn = await tx.get(AITurn, turn_id, with_for_update=True, populate_existing=True)
    if turn is not None:
        turn.undo_id = checkpoint_id


async def _own(tx: Tx, actor: Actor, container_id: int, turn_id: int) -> tuple[AITurn, AIConversation]:
    turn = await tx.get(AITurn, turn_id, populate_existing=True)
    conversation = await tx.get(AIConversation, turn.conversation_id, populate_existing=True) if turn else None
    if turn is None or conversation is None or conversation.user_id != actor.person_id:
        raise NotFound("That turn")
    if conversation.container_id != container_id:
        raise NotFound("That turn")
    return turn, conversation
