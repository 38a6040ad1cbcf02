"""What is sent to `/api/v1/` and answered: kept as it is for as long as there are programs that rely on it.

Fields may be added to answers; none is taken away or given another meaning. What services hand out may change.
"""

import base64
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from backend.errors import Invalid
from backend.guest.processes import LogPiece, Process
from backend.rules import commands
from backend.rules.policy import Role
from backend.services.processes import Done, Order
from backend.services.views import ContainerView, TypeView

_LONGEST_TTL_S = 30 * 24 * 3600
_LAST_ID = 2**31 - 1
_B64_STDIN = (commands.MAX_STDIN + 2) // 3 * 4


class Sent(BaseModel):
    """What is sent to us: a field that we don't know is a mistake, not a wish that is passed over."""

    model_config = ConfigDict(extra="forbid")


class TypeOut(BaseModel):
    """A type of container that you may choose. MiB, cores, GiB; `affordable`: your credits reach for it now."""

    id: int
    name: str
    memory_mb: int
    vcpus: int
    disk_gib: int
    credits_cost: int
    affordable: bool

    @classmethod
    def of(cls, view: TypeView) -> "TypeOut":
        return cls(
            id=view.id,
            name=view.name,
            memory_mb=view.memory_mb,
            vcpus=view.vcpus,
            disk_gib=view.disk_gib,
            credits_cost=view.credits_cost,
            affordable=view.affordable,
        )


class ContainerOut(BaseModel):
    """A container: the wish (`desired_state`) beside what is seen (`status`), and `activity`: both in one word."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    type: str = Field(validation_alias=AliasChoices("type", "type_name"))
    status: str = Field(description="created, provisioning, running, stopped, error or unknown", examples=["running"])
    activity: str = Field(
        description="running, starting, stopping, stopped, restarting, copying, moving, deleting, error or unknown",
        examples=["running"],
    )
    desired_state: str = Field(description="running or stopped", examples=["running"])
    deleting: bool
    reason: str = Field(description="Why it is in error or unknown; else empty")
    owner: str
    role: Role | None = Field(description="Yours, in somebody else's container; null: it is your own")
    memory_mb: int
    vcpus: int
    disk_gib: int
    credits_cost: int
    created_at: datetime
    expires_at: datetime | None = Field(description="It is deleted then")

    @classmethod
    def of(cls, view: ContainerView) -> "ContainerOut":
        return cls.model_validate(view)


TypeName = Annotated[int, Field(ge=1, le=_LAST_ID, strict=True)] | Annotated[str, Field(max_length=64)]
"""A type's id or its name."""


class ContainerIn(Sent):
    """A new container. Without a name it gets one."""

    type: TypeName = Field(description="A type's name, or its id", examples=["small"])
    name: str = Field(default="", max_length=200)
    ttl_seconds: int | None = Field(
        default=None, ge=60, le=_LONGEST_TTL_S, description="It is deleted after so long, with its disk"
    )

    def wanted(self) -> dict[str, Any]:
        """As the service takes it."""
        kind = {"container_type_id": self.type} if isinstance(self.type, int) else {"container_type": self.type}
        return {**kind, "name": self.name, "ttl_s": self.ttl_seconds or 0}


class ActionIn(Sent):
    """What is to be done with it."""

    action: Literal["start", "stop", "restart"]


class ExecIn(Sent):
    """A shell command, and how to run it."""

    command: str = Field(max_length=commands.MAX_COMMAND, examples=["uname -a"])
    timeout: float = Field(
        default=30, ge=1, le=commands.MAX_TIMEOUT_S, description="Seconds; it is ended after so long"
    )
    background: bool = Field(default=False, description="Answer at once, and let it go on")
    cwd: str = Field(default="", description="The folder to run it in; empty: the home folder")
    env: dict[str, str] = Field(default_factory=dict, description="Added to its environment")
    stdin: str = Field(default="", max_length=commands.MAX_STDIN, description="Its standard input")
    stdin_b64: str = Field(default="", max_length=_B64_STDIN, description="The same in Base64, for what is no text")

    def order(self) -> Order:
        """As the service takes it.

        Raises:
            Invalid: it has two inputs, or one that is no Base64.
        """
        return Order(self.command, cwd=self.cwd, env=self.env, stdin=self._input(), timeout_s=self.timeout)

    def _input(self) -> bytes:
        if self.stdin and self.stdin_b64:
            raise Invalid("Give either stdin or stdin_b64.", field="stdin_b64")
        try:
            return base64.b64decode(self.stdin_b64, validate=True) or self.stdin.encode(errors="replace")
        except ValueError as fault:
            raise Invalid("That can't be read: is it Base64?", field="stdin_b64") from fault


class ExecOut(BaseModel):
    """A command that is over. Of each stream the first 512 KiB are kept; `truncated` says that there was more."""

    stdout: str
    stderr: str
    exit_code: int | None = Field(description="128 + n after signal n; null where its time was over")
    truncated: bool
    duration_ms: int

    @classmethod
    def of(cls, done: Done) -> "ExecOut":
        said = done.outcome
        return cls(
            stdout=said.stdout.decode(errors="replace"),
            stderr=said.stderr.decode(errors="replace"),
            exit_code=None if said.timed_out else said.exit_code,
            truncated=said.truncated,
            duration_ms=done.duration_ms,
        )


class BegunOut(BaseModel):
    """A command that goes on by itself."""

    process_id: str


class ProcessOut(BaseModel):
    """A command that goes on by itself, or did."""

    process_id: str
    command: str
    state: str = Field(description="running, ended, or stopped", examples=["running"])
    exit_code: int | None = Field(description="null while it runs, and where nobody saw its end, as after a reboot")
    started_at: datetime
    ended_at: datetime | None
    output_bytes: int = Field(description="How much it has said so far, on both streams")

    @classmethod
    def of(cls, process: Process) -> "ProcessOut":
        return cls(**_of_process(process))


class ProcessDetailOut(ProcessOut):
    """The same, with a piece of what it has said. It begins at `offset`, which is later than was asked for where that
    is not kept any more (the last 8 MiB are). Ask for the next one with `offset=next_offset`.
    """

    output: str
    offset: int
    next_offset: int

    @classmethod
    def with_output(cls, process: Process, piece: LogPiece, data: str, next_offset: int) -> "ProcessDetailOut":
        said: dict[str, Any] = {**_of_process(process), "output_bytes": piece.size}
        return cls(**said, output=data, offset=piece.offset, next_offset=next_offset)


def _of_process(process: Process) -> dict[str, Any]:
    return {
        "process_id": process.id,
        "command": process.command,
        "state": process.state,
        "exit_code": process.exit_code,
        "started_at": process.started_at,
        "ended_at": process.ended_at,
        "output_bytes": process.log_bytes,
    }


class PortOut(BaseModel):
    """A port that something listens on."""

    port: int
    process: str = Field(description="What its program is called; empty where that can't be seen", examples=["python3"])
