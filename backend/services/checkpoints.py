"""Checkpoints of containers' disks: what was on one at a moment, and the way back to that (docs/adr/0026).

Both are wishes. Whoever may use a container may set it back: what others wrote since is gone with the rest.
"""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, func, select

from backend.db import Tx, reading, transaction
from backend.errors import Conflict, NotFound
from backend.models import AIConversation, AITurn, Checkpoint, CheckpointState, Container, DesiredState, Status
from backend.models import TurnStatus as Turn
from backend.operation import note, operation
from backend.rules.policy import Action, Actor
from backend.services.lending import is_lent
from backend.services.targets import announce_change, locked, refuse_if_asleep, visible
from backend.services.wishing import begin_start

_MOST_WANTED = 5
_LOOK_AGAIN_S = 0.03


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """A checkpoint, for people."""

    id: int
    turn_id: int | None
    state: str
    is_still: bool
    paused_ms: int
    message: str
    created_at: datetime
    can_restore: bool
    """It is on the disk that the container has."""


@operation(Action.CHECKPOINT_LIST)
async def list_checkpoints(tx: Tx, actor: Actor, container_id: int) -> list[CheckpointView]:
    """Those that are kept, and that are being made; newest first.

    Raises:
        NotFound, Forbidden: no such container, or not the actor's to use.
    """
    container = await visible(Action.CHECKPOINT_LIST, tx, actor, container_id)
    query = select(Checkpoint).where(Checkpoint.container_id == container_id).order_by(col(Checkpoint.id).desc())
    return [_view(each, container) for each in (await tx.exec(query)).all()]


@operation(Action.CHECKPOINT_MAKE)
async def make(tx: Tx, actor: Actor, container_id: int, *, turn_id: int | None = None) -> CheckpointView:
    """Ask for a checkpoint of what is on the disk of a running container. It runs on meanwhile.

    Raises:
        NotFound, Forbidden: as `list_checkpoints`.
        Conflict: it is not running, is being moved or set back, or several are asked for already.
    """
    container = await locked(Action.CHECKPOINT_MAKE, tx, actor, container_id)
    if container.status is not Status.RUNNING or container.desired_state is not DesiredState.RUNNING:
        raise Conflict("Only what is running gets a checkpoint of its disk.")
    _refuse_if_disk_is_busy(container)
    wanted = Checkpoint.container_id == container_id, Checkpoint.state == CheckpointState.WANTED
    if (await tx.exec(select(func.count()).where(*wanted))).one() >= _MOST_WANTED:
        raise Conflict("Several checkpoints are being made already. Wait for them.")
    checkpoint = Checkpoint(
        container_id=container_id, turn_id=turn_id, tag=f"pqk-{secrets.token_hex(8)}", disk=container.disk_name
    )
    tx.add(checkpoint)
    container.checkpoints_due = True
    await tx.flush()
    note(message=f"checkpoint {checkpoint.id}")
    announce_change(tx, container)
    return _view(checkpoint, container)


@operation(Action.CHECKPOINT_RESTORE)
async def restore(tx: Tx, actor: Actor, container_id: int, checkpoint_id: int) -> CheckpointView:
    """Ask for the disk to be set back to a checkpoint. Its power is cut for that; then it is what it is wished to be.

    All that was written to the disk since is gone, whoever wrote it, and all that runs ends.

    Raises:
        NotFound, Forbidden: as `list_checkpoints`; or there is no such checkpoint.
        Conflict: there is no way back to it any more, or something else is done with the disk; or it is asleep.
    """
    container = await locked(Action.CHECKPOINT_RESTORE, tx, actor, container_id)
    checkpoint = await tx.get(Checkpoint, checkpoint_id)
    if checkpoint is None or checkpoint.container_id != container_id:
        raise NotFound("That checkpoint")
    await _refuse_if_no_way_back(tx, container, checkpoint)
    note(message=f"checkpoint {checkpoint_id} of {checkpoint.created_at:%Y-%m-%d %H:%M:%S} UTC")
    container.restore_to, container.retry_at = checkpoint.tag, None
    if container.desired_state is DesiredState.RUNNING:
        begin_start(container)
    announce_change(tx, container)
    return _view(checkpoint, container)


async def of_turn(tx: Tx, turn_id: int) -> Checkpoint | None:
    """The one that a turn of the assistant began with."""
    return (await tx.exec(select(Checkpoint).where(Checkpoint.turn_id == turn_id))).first()


async def is_restoring(tx: Tx, container_id: int) -> bool:
    """Whether a container's disk is still to be set back."""
    container = await tx.get(Container, container_id, populate_existing=True)
    return container is not None and bool(container.restore_to)


async def made_within(checkpoint_id: int, seconds: float) -> tuple[bool, str]:
    """Wait until one is made; whether it is, and what is to be said of it. One that takes longer is given up."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        async with reading() as tx:
            found = await tx.get(Checkpoint, checkpoint_id)
        if found is None:
            return False, "The disk's checkpoint is gone."
        if found.state != CheckpointState.WANTED:
            return found.state == CheckpointState.MADE, found.message
        if asyncio.get_running_loop().time() >= end:
            return False, await _given_up(checkpoint_id, seconds)
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _given_up(checkpoint_id: int, seconds: float) -> str:
    message = f"The disk got no checkpoint: its node did not make one within {seconds:.0f} s."
    async with transaction() as tx:
        found = await tx.get(Checkpoint, checkpoint_id, with_for_update=True)
        if found is not None and found.state == CheckpointState.WANTED:
            found.state, found.message = CheckpointState.FAILED, message
    return message


async def _refuse_if_no_way_back(tx: Tx, container: Container, checkpoint: Checkpoint) -> None:
    if checkpoint.state != CheckpointState.MADE:
        raise Conflict(checkpoint.message or "That checkpoint is not made yet.")
    if checkpoint.disk != container.disk_name:
        raise Conflict("It has moved to another node since, and the checkpoint did not come along.")
    _refuse_if_disk_is_busy(container)
    refuse_if_asleep(container)
    if (await tx.exec(select(Container.id).where(Container.id == container.id, is_lent()))).first():
        raise Conflict("Its disk is being copied. Wait for that.")
    going_on = col(AITurn.status).in_((Turn.RUNNING, Turn.WAITING))
    turns = select(AITurn.id).join(AIConversation).where(AIConversation.container_id == container.id, going_on)
    if (await tx.exec(turns)).first() is not None:
        raise Conflict("The assistant is at work in it. Stop it first.")


def _refuse_if_disk_is_busy(container: Container) -> None:
    if container.move_disk:
        raise Conflict("It is being moved to another node. Wait for that.")
    if container.restore_to:
        raise Conflict("Its disk is being set back to a checkpoint already.")


def _view(row: Checkpoint, container: Container) -> CheckpointView:
    is_there = row.state == CheckpointState.MADE and row.disk == container.disk_name
    return CheckpointView(
        row.id, row.turn_id, row.state, row.is_still, row.paused_ms, row.message, row.created_at, can_restore=is_there
    )
