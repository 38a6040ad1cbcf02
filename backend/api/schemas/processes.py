"""Commands, and what became of them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from backend.api.problems import Problem
from backend.guest.processes import LogPiece, Process
from backend.rules import commands
from backend.services.processes import Done, Order


class CommandIn(BaseModel):
    """A shell command, and how to run it."""

    model_config = ConfigDict(extra="forbid")

    command: str = Field(max_length=commands.MAX_COMMAND, examples=["uname -a"])
    timeout_s: float = Field(default=30, ge=1, le=commands.MAX_TIMEOUT_S, description="It is ended after so long")
    cwd: str = Field(default="", description="The folder to run it in; empty: the home folder")
    env: dict[str, str] = Field(default_factory=dict, description="Added to its environment")
    stdin: str = Field(default="", max_length=commands.MAX_STDIN, description="Its standard input")
    background: bool = Field(default=False, description="Answer at once, and let it go on")

    def order(self) -> Order:
        """As the service takes it."""
        stdin = self.stdin.encode(errors="replace")
        return Order(self.command, cwd=self.cwd, env=self.env, stdin=stdin, timeout_s=self.timeout_s)


class DoneOut(BaseModel):
    """A command that is over. Of each stream the first 512 KiB are kept; `truncated` says that there was more."""

    stdout: str
    stderr: str
    exit_code: int | None = Field(description="128 + n after signal n; null where its time was over")
    truncated: bool
    timed_out: bool
    duration_ms: int

    @classmethod
    def of(cls, done: Done) -> "DoneOut":
        """As the program reads it. What is no UTF-8 is replaced."""
        outcome = done.outcome
        return cls(
            stdout=outcome.stdout.decode(errors="replace"),
            stderr=outcome.stderr.decode(errors="replace"),
            exit_code=None if outcome.timed_out else outcome.exit_code,
            truncated=outcome.truncated,
            timed_out=outcome.timed_out,
            duration_ms=done.duration_ms,
        )


class LateOut(Problem, DoneOut):
    """A command whose time was over: the refusal, and what it had said until then."""


class ProcessOut(BaseModel):
    """A command that goes on by itself, or did."""

    process_id: str
    command: str
    cwd: str
    state: Annotated[str, Field(description="running, ended, or stopped", examples=["running"])]
    exit_code: int | None = Field(description="null while it runs, and where nobody saw its end, as after a reboot")
    started_at: datetime
    ended_at: datetime | None
    log_bytes: int

    @classmethod
    def of(cls, process: Process) -> "ProcessOut":
        """As the program reads it."""
        return cls(
            process_id=process.id,
            command=process.command,
            cwd=process.cwd,
            state=process.state,
            exit_code=process.exit_code,
            started_at=process.started_at,
            ended_at=process.ended_at,
            log_bytes=process.log_bytes,
        )


class LogOut(BaseModel):
    """A piece of what a process has said. It begins at `offset`, which is later than was asked for
    where that is not kept any more (the last 8 MiB are). Ask for the next one with `offset=next_offset`.
    """

    data: str
    offset: int
    next_offset: int
    size: int

    @classmethod
    def of(cls, piece: LogPiece) -> "LogOut":
        """As the program reads it; a character that is not whole yet is left for the next piece."""
        cut = _begun_character(piece.data) if piece.next_offset < piece.size or len(piece.data) > 4 else 0
        data = piece.data[: len(piece.data) - cut]
        return cls(
            data=data.decode(errors="replace"),
            offset=piece.offset,
            next_offset=piece.next_offset - cut,
            size=piece.size,
        )


def _begun_character(data: bytes) -> int:
    """How many bytes at the end begin a UTF-8 character that is not complete."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if length > back else 0
        if byte < 0x80:
            return 0
    return 0
