"""What the server answers with. A test of the server holds these against its own description."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """An object of the API. Fields that this version does not know are left out: the server may add some."""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        return cls(**{each.name: said[each.name] for each in fields(cls)})


@dataclass(frozen=True, slots=True)
class Type(Answer):
    """A size of machine that you may have. `affordable`: your credits reach for one more."""

    id: int
    name: str
    memory_mb: int
    vcpus: int
    disk_gib: int
    credits_cost: int
    affordable: bool


@dataclass(frozen=True, slots=True)
class Container(Answer):
    """A machine. `status`: created, provisioning, running, stopped, error or unknown. Times are ISO 8601.

    `activity`: running, starting, stopping, stopped, restarting, copying, moving, deleting, error or unknown.
    """

    id: int
    name: str
    type: str
    status: str
    activity: str
    desired_state: str
    deleting: bool
    reason: str
    owner: str
    role: str | None
    memory_mb: int
    vcpus: int
    disk_gib: int
    credits_cost: int
    created_at: str
    expires_at: str | None


@dataclass(frozen=True, slots=True)
class Completed(Answer):
    """A command that is over. `exit_code` is 128 + n after signal n."""

    stdout: str
    stderr: str
    exit_code: int | None
    truncated: bool
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Process(Answer):
    """A command that goes on by itself, or did: `state` is running, ended or stopped."""

    process_id: str
    command: str
    state: str
    exit_code: int | None
    started_at: str
    ended_at: str | None
    output_bytes: int


@dataclass(frozen=True, slots=True)
class ProcessPiece(Process):
    """The same, with a piece of what it has said; the next one begins at `next_offset`."""

    output: str
    offset: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class File(Answer):
    """A file: `content` where it is text, else `content_b64`."""

    path: str
    size: int
    mode: str
    modified_at: str
    revision: str
    content: str | None
    content_b64: str | None


@dataclass(frozen=True, slots=True)
class Put(Answer):
    """What became of files that were put: paths relative to `dest_path`."""

    dest_path: str
    created: list[str]
    changed: list[str]
    same: list[str]


@dataclass(frozen=True, slots=True)
class Entry(Answer):
    """Something in a folder; `kind` is file, folder, link or other."""

    name: str
    path: str
    kind: str
    size: int
    mode: str
    modified_at: str


@dataclass(frozen=True, slots=True)
class Port(Answer):
    """A port that something listens on."""

    port: int
    process: str


@dataclass(frozen=True, slots=True)
class Run(Answer):
    """A command in a machine of its own. `status`: pending, running, succeeded, failed or timed_out."""

    id: int
    status: str
    command: str
    exit_code: int | None
    truncated: bool
    duration_ms: int | None
    error_code: str | None
    message: str
    timeout_seconds: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    stdout: str = ""
    stderr: str = ""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        return cls(**{each.name: said[each.name] for each in fields(cls) if each.name in said})

    @property
    def is_over(self) -> bool:
        """Whether there is an outcome."""
        return self.status not in ("pending", "running")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list, of `count` in all."""

    count: int
    results: list[T]


OF_SCHEMA = {
    "TypeOut": Type,
    "ContainerOut": Container,
    "ExecOut": Completed,
    "ProcessOut": Process,
    "ProcessDetailOut": ProcessPiece,
    "FileOut": File,
    "FilesOut": Put,
    "EntryOut": Entry,
    "PortOut": Port,
    "RunOut": Run,
}
"""By their names in the server's description."""
