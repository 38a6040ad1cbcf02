"""Tools for files."""

from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

from backend.api.mcp.calling import actor_of, refusing
from backend.api.v1.file_bodies import EntryOut, FileIn, FileOut, FilesOut, entry, files_in
from backend.rules.file_refusals import FileRefused
from backend.services import file_exchange

_ENTRIES = 500
_FILE_BYTES = 256 * 1024
"""A model has no use for more, and the answer holds it twice, escaped."""
_Id = Annotated[int, Field(ge=1, description="The container's id")]


class PathResult(BaseModel):
    """A file with its content, or a folder with what is in it (500 entries at most)."""

    file: FileOut | None = None
    entries: list[EntryOut] | None = None


async def write_files(
    context: Context[Any, Any],
    container_id: _Id,
    files: Annotated[list[FileIn], Field(min_length=1, description="Paths are relative to dest_path")],
    dest_path: Annotated[str, Field(description="A folder; made if it is not there")] = "/app",
) -> FilesOut:
    """Put files into a folder of a running machine: all or none. What else is there stays."""
    with refusing():
        plan = await file_exchange.put_files(actor_of(context), container_id, dest_path, files_in(files))
    return FilesOut.of(dest_path, plan)


async def read_path(
    context: Context[Any, Any],
    container_id: _Id,
    path: Annotated[str, Field(description="A file of up to 256 KiB, or a folder, in /app")] = "/app",
) -> PathResult:
    """Read a file, or list a folder. Of a larger file take a piece: container_exec with head, sed or grep."""
    actor = actor_of(context)
    with refusing():
        try:
            content = await file_exchange.read_file(actor, container_id, path, limit=_FILE_BYTES)
            return PathResult(file=FileOut.of(content))
        except FileRefused as refusal:
            if refusal.code != "is_a_folder":
                raise
        found = await file_exchange.list_folder(actor, container_id, path, offset=0, limit=_ENTRIES)
        return PathResult(entries=[entry(found["path"], each) for each in found["entries"]])


def add_to(server: MCPServer[Any]) -> None:
    """Offer these."""
    server.add_tool(write_files, annotations=ToolAnnotations(destructive_hint=True, idempotent_hint=True))
    server.add_tool(read_path, annotations=ToolAnnotations(read_only_hint=True))
