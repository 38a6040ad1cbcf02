"""Transfers of files, as programs see them: what the description says of bodies that pass through unread."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from backend.api.problems import Wrong


class UploadedOut(BaseModel):
    """A file that stands in its place."""

    path: str
    revision: str
    size: int
    done: bool


class ReceivedOut(BaseModel):
    """How much of an upload is there. Go on with `offset=received`."""

    received: int


class PartOut(ReceivedOut):
    """A part of a file, which is kept for a day."""

    done: bool


class _WrongFile(Wrong):
    model_config = ConfigDict(extra="allow")

    reason: str = Field(default="", description="What is wrong with the file, in a word of docs/files.md")


class FileProblem(BaseModel):
    """What was refused of a file; `received`, `revision` and `size` stand beside where they are of use."""

    error: _WrongFile


_RAW = {"schema": {"type": "string", "format": "binary"}}
_BYTES: dict[str, Any] = {"application/octet-stream": _RAW}
BODY: dict[str, Any] = {"requestBody": {"description": "The bytes from `offset` on", "content": _BYTES}}
REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"model": FileProblem, "description": said}
    for status, said in {
        404: "Not there, or not yours to see.",
        409: "Something else stands there, the machine's disk is full, or it does not run.",
        413: "The file is too large for this.",
        422: "A parameter can't be used as it is, or the path leads out of the folder.",
        429: "Too much is under way. Where it is the rate, `Retry-After` says when to come back.",
        502: "The machine could not do it.",
        504: "The machine took too long.",
    }.items()
}
TAKEN: dict[int | str, dict[str, Any]] = {
    202: {"model": PartOut, "description": "A part of it has come, and is kept for a day."}
}
SENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {**_BYTES, "image/*": _RAW}, "description": "The file; with `inline`, an image as such."},
    206: {"content": _BYTES, "description": "The range that was asked for."},
    304: {"description": "Who asks has it already (`If-None-Match`)."},
    416: {"model": FileProblem, "description": "No such range; `Content-Range` has the size."},
}
PACKED: dict[int | str, dict[str, Any]] = {200: {"content": {"application/gzip": _RAW}, "description": "A tar.gz"}}
