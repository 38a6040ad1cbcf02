"""Making checkpoints of disks, forgetting old ones, and setting disks back to one.

Nothing of it is a reason for a machine not to run: what can't be made is written beside the checkpoint, and a disk
that can't be set back stays as it is, and its owner is told.
"""

import logging

from sqlmodel import col, delete, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.db import Tx, transaction
from backend.errors import NodeFault
from backend.events.bus import ContainerChanged, announce
from backend.models import (
    AIConversation,
    AITurn,
    Checkpoint,
    CheckpointState,
    Container,
    DesiredState,
    Phase,
    Status,
    TurnStatus,
)
from backend.rules.config_keys import AI_CHECKPOINTS_KEPT
from backend.rules.notices import Notice
from backend.services import timelines
from backend.services.config import value_of
from backend.services.inbox import tell
from backend.tasks.helm import Helm

log = logging.getLogger(__name__)

_NOT_STILL = "The disk's checkpoint was made without holding its file systems still: it is as after a power cut."
_OVER = (TurnStatus.DONE, TurnStatus.STOPPED, TurnStatus.FAILED, TurnStatus.UNDONE)


async def checkpoint(helm: Helm, container: Container) -> None:
    """Make those that are wanted, oldest first; then forget what is on the disk and not kept."""
    async with transaction() as tx:
        await helm.check(tx)
        wanted = (await tx.exec(_of(container).where(Checkpoint.state == CheckpointState.WANTED))).all()
    for each in wanted:
        await _make(helm, container, each)
    kept = await _kept(helm, container)
    try:
        for tag in await helm.hypervisor.checkpoints(container.domain_name) - kept:
            await helm.hypervisor.forget_checkpoint(container.domain_name, tag)
    except NodeFault as fault:
        log.warning("old checkpoints of container %s can't be forgotten: %s", container.id, fault)


async def _make(helm: Helm, container: Container, wanted: Checkpoint) -> None:
    state, is_still, paused_ms, message = CheckpointState.MADE, False, 0, ""
    try:
        made = await helm.hypervisor.checkpoint(container.domain_name, wanted.tag)
    except NodeFault as fault:
        state, message = CheckpointState.FAILED, f"The disk got no checkpoint. {fault}"[:500]
    else:
        is_still, paused_ms, message = made.is_still, made.paused_ms, "" if made.is_still else _NOT_STILL
    async with transaction() as tx:
        await helm.check(tx)
        row = await tx.get(Checkpoint, wanted.id, with_for_update=True, populate_existing=True)
        if row is None or row.state != CheckpointState.WANTED:
            return
        row.state, row.is_still, row.paused_ms, row.message = state, is_still, paused_ms, message
        announce(tx, ContainerChanged(container.id, container.user_id))


async def _kept(helm: Helm, container: Container) -> frozenset[str]:
    """The tags of the newest few. The rows of others go now, and what is left to do is done."""
    async with transaction() as tx:
        row = await helm.locked(tx, container.id)
        most = await value_of(tx, AI_CHECKPOINTS_KEPT)
        rows = (await tx.exec(_of(container))).all()[::-1]
        kept = [each for each in rows[: max(most, 1)] if each.disk == container.disk_name]
        lost = [each.id for each in rows if each not in kept and each.state != CheckpointState.WANTED]
        await tx.exec(delete(Checkpoint).where(col(Checkpoint.id).in_(lost)))
        if row is not None:
            row.checkpoints_due = any(each.state == CheckpointState.WANTED for each in rows)
        return frozenset(each.tag for each in kept if each.state != CheckpointState.FAILED)


async def restore(helm: Helm, container: Container) -> None:
    """Set the disk back. Killed in the middle it is done again: until the row says that it is done, nothing boots."""
    try:
        await helm.hypervisor.restore(container.domain_name, container.restore_to)
    except NodeFault as fault:
        log.warning("container %s can't be set back: %s", container.id, fault)
        await _stay(helm, container, str(fault))
        return
    async with transaction() as tx:
        row = await helm.locked(tx, container.id)
        if row is None:
            return
        _begin_again(row)
        row.disk_made_gib = 0  # it is as large as it was then
        await _mark_turns(tx, container)
        announce(tx, ContainerChanged(row.id, row.user_id))


async def _stay(helm: Helm, container: Container, reason: str) -> None:
    async with transaction() as tx:
        row = await helm.locked(tx, container.id)
        if row is None:
            return
        _begin_again(row)
        title = f"“{row.name}” could not be set back"
        text = f"{reason} Its disk is as it was before, and what ran in it has ended."
        link = f"/containers/{row.id}"
        await tell(tx, row.user_id, Notice.FAILED, title, text, link=link, container_id=row.id)
        announce(tx, ContainerChanged(row.id, row.user_id))


def _begin_again(row: Container) -> None:
    row.restore_to = ""
    if row.desired_state is DesiredState.RUNNING:
        row.status, row.phase, row.booted_at, row.stop_asked_at = Status.PROVISIONING, Phase.DISK, None, None


async def _mark_turns(tx: Tx, container: Container) -> None:
    """The assistant's turns since are undone; the one that the checkpoint belongs to says so in its conversation."""
    found = (await tx.exec(_of(container).where(Checkpoint.tag == container.restore_to))).first()
    if found is None:
        return
    conversations = select(AIConversation.id).where(AIConversation.container_id == container.id)
    since = (col(AITurn.started_at) >= found.created_at) | (AITurn.id == (found.turn_id or 0))
    over = col(AITurn.status).in_(_OVER), col(AITurn.conversation_id).in_(conversations)
    for turn in (await tx.exec(select(AITurn).where(since, *over).with_for_update())).all():
        turn.status = TurnStatus.UNDONE
        if turn.id == found.turn_id:
            await timelines.add(tx, turn.conversation_id, turn.id, "undone", {"what": "disk"})


def _of(container: Container) -> SelectOfScalar[Checkpoint]:
    return select(Checkpoint).where(Checkpoint.container_id == container.id).order_by(col(Checkpoint.id))
