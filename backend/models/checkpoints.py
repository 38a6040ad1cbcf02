"""Checkpoints of containers' disks (docs/adr/0026)."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field

from backend.models.base import Table, at_field, id_field


class CheckpointState(StrEnum):
    """How far a checkpoint has come."""

    WANTED = "wanted"
    MADE = "made"
    FAILED = "failed"


class Checkpoint(Table, table=True):
    """What was on a container's disk at a moment; it stands in the disk's own file, on its node."""

    __tablename__ = "checkpoint"

    id: int = id_field()
    container_id: int = Field(foreign_key="container.id", index=True, ondelete="CASCADE")
    turn_id: int | None = Field(default=None, foreign_key="ai_turn.id", index=True, ondelete="SET NULL")
    """The assistant's turn that began with it."""
    tag: str = Field(max_length=40)
    """Its name in the disk's file, which is never used again."""
    disk: str = Field(max_length=80)
    """The disk it is on: once the container has another one, there is no way back to it."""
    state: str = Field(default=CheckpointState.WANTED, max_length=10)
    is_still: bool = False
    """The file systems were held still meanwhile: they are whole. Else it is as after a power cut."""
    paused_ms: int = 0
    """How long at most the guest could not write."""
    message: str = Field(default="", max_length=500)
    """Why there is none, or what it lacks."""
    created_at: datetime = at_field(set_now=True)
