"""Files of a container: some put together, one read as a whole, a folder listed.

What is larger than a request may be goes by `/api/containers/{id}/upload_file/` and `download_file/` (docs/files.md).
"""

from typing import Annotated

from fastapi import Query

from backend.api.deps import Caller
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.v1.file_bodies import EntryOut, FileOut, FilesIn, FilesOut, entry, files_in
from backend.api.v1.listing import Asked, Listed
from backend.rules.policy import Action
from backend.services import file_exchange

router = routes("/api/v1/containers/{container_id}", "files")

_Path = Annotated[str, Query(max_length=4096, description="Within /app, such as `/app/src/main.py`")]


@router.get("/files/", **does(Action.CONTAINER_DOWNLOAD_FILE))
async def read_file(actor: Caller, container_id: int, path: _Path = "") -> FileOut:
    """What a file holds, of 5 MiB at most."""
    return FileOut.of(await file_exchange.read_file(actor, container_id, path))


@router.put("/files/", **does(Action.FILE_WRITE))
async def put_files(actor: Caller, container_id: int, said: FilesIn) -> FilesOut:
    """Put files into a folder, all of them or none; folders are made, and what else is there stays."""
    plan = await file_exchange.put_files(actor, container_id, said.dest_path, files_in(said.files))
    return FilesOut.of(said.dest_path, plan)


@router.get("/dirs/", **does(Action.FILE_LOOK))
async def list_folder(actor: Caller, container_id: int, part: Asked, path: _Path = "/app") -> Listed[EntryOut]:
    """What is in a folder: folders first, by name."""
    found = await file_exchange.list_folder(actor, container_id, path, offset=part.offset, limit=part.limit)
    return part.listed(found["total"], [entry(found["path"], each) for each in found["entries"]])
