"""One-shot runs, as they are sent to `/api/v1/` and answered."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from backend.api.v1.bodies import Sent, TypeName
from backend.api.v1.file_bodies import FileIn, files_in
from backend.rules import commands, templates
from backend.rules.one_shots import RunFault, RunStatus
from backend.services.one_shots import RunOrder, RunView


class RunIn(Sent):
    """A command that is run once, in a machine of its own."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    command: str = Field(max_length=commands.MAX_COMMAND, examples=["python3 -c 'print(1)'"])
    files: list[FileIn] = Field(
        default_factory=list[FileIn], max_length=templates.MAX_FILES, description="Put into /app before, where it runs"
    )
    type: TypeName | None = Field(default=None, description="A type's name or id; null: the cheapest you may have")
    timeout_seconds: int = Field(
        default=60, ge=1, le=commands.MAX_TIMEOUT_S, description="The command may take so long"
    )
    is_async: bool = Field(default=False, alias="async", description="Answer at once; ask for it later")

    def order(self) -> RunOrder:
        """As the service takes it. Raises Invalid."""
        kind = "" if self.type is None else self.type
        return RunOrder(self.command, files_in(self.files), kind, self.timeout_seconds)


class RunSummary(BaseModel):
    """A run, without what it said. `exit_code` other than 0 makes it `failed`; `error_code` says why where that was not
    the command's doing.
    """

    id: int
    status: RunStatus
    command: str
    exit_code: int | None
    truncated: bool
    duration_ms: int | None = Field(description="Of the command, not of its machine's start")
    error_code: RunFault | None
    message: str = Field(description="A sentence beside error_code")
    timeout_seconds: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, view: RunView) -> "RunSummary":
        return cls(**_of_run(view))


class RunOut(RunSummary):
    """A run. Of each stream the first 256 KiB are kept; `truncated` says that there was more."""

    stdout: str
    stderr: str

    @classmethod
    def of(cls, view: RunView) -> "RunOut":
        return cls(**_of_run(view), stdout=view.stdout, stderr=view.stderr)


def _of_run(view: RunView) -> dict[str, Any]:
    return {
        "id": view.id,
        "status": view.status,
        "command": view.command,
        "exit_code": view.exit_code,
        "truncated": view.truncated,
        "duration_ms": view.duration_ms,
        "error_code": RunFault(view.error_code) if view.error_code else None,
        "message": view.message,
        "timeout_seconds": view.timeout_s,
        "created_at": view.created_at,
        "started_at": view.started_at,
        "finished_at": view.finished_at,
    }
