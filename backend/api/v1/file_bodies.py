"""Files, as they are sent to `/api/v1/` and answered."""

import base64
import binascii
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from backend.api.v1.bodies import Sent
from backend.errors import Invalid
from backend.rules import templates
from backend.rules.templates import File, Plan
from backend.services.file_exchange import Content

_Path = Annotated[str, Field(max_length=1024)]


class FileIn(Sent):
    """A file: text as `content`, or any bytes as `content_b64`."""

    path: _Path = Field(description="Relative to the folder; folders on the way are made", examples=["src/main.py"])
    content: str | None = None
    content_b64: str | None = Field(default=None, description="In Base64")
    mode: str = Field(default="644", max_length=8, description="As for chmod", examples=["755"])

    def file(self) -> File:
        """As the service takes it.

        Raises:
            Invalid: it has no content or two, or one that can't be used.
        """
        if (self.content is None) == (self.content_b64 is None):
            raise Invalid(f"Give “{self.path[:60]}” either content or content_b64.", field="content")
        return File(self.path, mode=templates.mode(self.mode), raw=self._data())

    def _data(self) -> bytes:
        try:
            if self.content_b64 is not None:
                return base64.b64decode(self.content_b64, validate=True)
            return (self.content or "").encode()
        except (binascii.Error, ValueError) as fault:
            field = "content" if self.content_b64 is None else "content_b64"
            raise Invalid(
                f"The content of “{self.path[:60]}” can't be read: is it Base64, or text?", field=field
            ) from fault


def files_in(sent: Iterable[FileIn]) -> list[File]:
    """What was sent, as services take it. Raises Invalid."""
    return [each.file() for each in sent]


class FilesIn(Sent):
    """Files that are put into a folder together: all of them or none. Others that are there stay."""

    dest_path: _Path = Field(default="/app", description="An absolute path; made if it is not there")
    files: list[FileIn] = Field(min_length=1, max_length=templates.MAX_FILES)


class FilesOut(BaseModel):
    """What was done: the paths, relative to `dest_path`, of files that are new, had another content, or the same."""

    dest_path: str
    created: list[str]
    changed: list[str]
    same: list[str]

    @classmethod
    def of(cls, dest_path: str, plan: Plan) -> "FilesOut":
        return cls(dest_path=dest_path, created=[*plan.created], changed=[*plan.changed], same=[*plan.same])


class FileOut(BaseModel):
    """A file: `content` where it is text in UTF-8, else `content_b64`."""

    path: str
    size: int
    mode: str = Field(description="As for chmod", examples=["644"])
    modified_at: datetime
    revision: str
    content: str | None
    content_b64: str | None

    @classmethod
    def of(cls, found: Content) -> "FileOut":
        text = _text(found.data)
        return cls(
            path=found.path,
            size=len(found.data),
            mode=f"{found.mode:o}",
            modified_at=moment(found.modified_ms),
            revision=found.revision,
            content=text,
            content_b64=base64.b64encode(found.data).decode() if text is None else None,
        )


class EntryOut(BaseModel):
    """What is in a folder."""

    name: str
    path: str
    kind: Literal["file", "folder", "link", "other"]
    size: int
    mode: str
    modified_at: datetime


def entry(folder: str, said: dict[str, Any]) -> EntryOut:
    """As the machine says it of one thing in `folder`."""
    name = _legible(said["name"])
    return EntryOut(
        name=name,
        path=f"{_legible(folder)}/{name}",
        kind=said["kind"],
        size=said["size"],
        mode=f"{said['mode']:o}",
        modified_at=moment(said["modified"]),
    )


def _legible(name: str) -> str:
    """Names are bytes: what is no UTF-8 in them fits into no JSON."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def moment(milliseconds: int) -> datetime:
    """A guest's word for a time, within the years that a date can be in."""
    return datetime.fromtimestamp(min(max(milliseconds, 0), 253_402_300_799_000) / 1000, UTC)


def _text(data: bytes) -> str | None:
    try:
        return data.decode() if b"\0" not in data else None
    except UnicodeDecodeError:
        return None
