"""Checkpoints of disks, and what turns of the assistant changed, as programs see them."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from backend.api.schemas.containers import Sent, Shown


class CheckpointOut(Shown):
    """What was on the disk at a moment."""

    id: int
    turn_id: int | None = Field(description="The assistant's turn that began with it")
    state: str = Field(description="wanted, made or failed")
    is_still: bool = Field(description="The file systems were held still meanwhile; else it is as after a power cut")
    paused_ms: int = Field(description="How long at most the machine could not write")
    message: str = Field(description="Why there is none, or what it lacks")
    created_at: datetime
    can_restore: bool = Field(description="It is made, and on the disk that the container has")


class ChangeOut(Shown):
    """A file that a turn changed."""

    path: str
    status: str = Field(description="added, modified or deleted")
    added: int | None = Field(description="Lines that are there and were not; null where it is no text")
    removed: int | None = Field(description="Lines that were there and are not")


class ChangesOut(Shown):
    """All that a turn changed: the first thousand files."""

    files: list[ChangeOut]
    total: int


class DiffOut(Shown):
    """What a turn did to a file."""

    path: str
    diff: str = Field(description="Unified; empty where it has no lines that differ")


class UndoIn(Sent):
    """What is to be undone."""

    what: Literal["files", "disk"] = Field(
        description="Files that the turn changed, or all that was written to the disk since it began"
    )
    paths: list[str] | None = Field(default=None, max_length=1000, description="Of files: only these")
    force: bool = Field(default=False, description="Put files back although they were changed since")


class UndoneOut(Shown):
    """What came of it. A disk is set back by its node: the container's state says how far that is."""

    what: str
    paths: list[str] = Field(description="Files that were put back")
