"""What happened to a container's machine: written by whoever drives it, in the transaction that makes it so."""

from sqlmodel import col, delete, select

from backend.db import Tx
from backend.models import Container, ContainerEvent
from backend.models.base import now
from backend.rules.feed import kind_of_history
from backend.rules.lifecycle import Step
from backend.services import feed

RUNNING, FAILED = "running", "failed"
_MOST = 200
_TOLD = frozenset(
    {
        Step.MAKE_DISK,
        Step.GROW_DISK,
        Step.BOOT,
        Step.ASK_OFF,
        Step.POWER_OFF,
        Step.RESUME,
        Step.NOTE_STOPPED,
        Step.NOTE_SHUT_DOWN_INSIDE,
        Step.REPORT_LOST_DISK,
        Step.MIGRATE,
        Step.COPY_DISK_AWAY,
        Step.HAND_OVER,
        Step.SLEEP,
        Step.NOTE_ASLEEP,
        Step.WAKE,
        Step.FORGET_MEMORY,
        Step.COPY_DISK,
        Step.RESTORE,
    }
)
"""Steps that somebody may want to know of; the others wait, or clean up."""


async def note_step(tx: Tx, container: Container, step: Step) -> None:
    """A step is about to be done."""
    if step in _TOLD:
        await note_event(tx, container, step)


async def note_running(tx: Tx, container: Container) -> None:
    """The guest has answered."""
    took_s = (now() - container.booted_at).total_seconds() if container.booted_at else 0.0
    await note_event(tx, container, RUNNING, f"after {took_s:.1f} s" if took_s else "")


async def note_failed(tx: Tx, container: Container, reason: str) -> None:
    """Something went wrong; `reason` is the sentence that its owner is told."""
    await note_event(tx, container, FAILED, reason)


async def note_event(tx: Tx, container: Container, kind: str, text: str = "") -> None:
    """Write it down, and forget what is too old to be among the newest."""
    tx.add(ContainerEvent(container_id=container.id, kind=kind, text=text[:500]))
    if (told := kind_of_history(kind)) is not None:
        feed.tell_of_container(tx, container, told, text[:500])
    mine = col(ContainerEvent.container_id) == container.id
    newest = select(ContainerEvent.id).where(mine).order_by(col(ContainerEvent.id).desc())
    last = (await tx.exec(newest.offset(_MOST).limit(1))).first()
    if last is not None:
        await tx.exec(delete(ContainerEvent).where(mine, col(ContainerEvent.id) <= last))
