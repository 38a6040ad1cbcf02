"""Files of a container as programs send and read them: some together, all or none; one as a whole; a folder's names.

Who may is decided in a transaction; the machine is spoken to outside of any. Whatever is larger goes piece by piece
(api/routes/files.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from backend.db import reading
from backend.errors import Conflict, Invalid
from backend.guest import files_asked, folders
from backend.guest.channel import GuestAddress
from backend.guest.files import files
from backend.rules import paths, templates
from backend.rules.policy import Action, Actor
from backend.rules.templates import File, Mode, Plan
from backend.services import activity
from backend.services import files as service

_MODE = Mode.MERGE


@dataclass(frozen=True, slots=True)
class Content:
    """A file, and what it holds."""

    path: str
    data: bytes
    mode: int
    modified_ms: int
    revision: str


def checked(sent: Iterable[File]) -> list[File]:
    """Files that can be put into a folder together.

    Raises:
        Invalid: a path leads elsewhere or can't be one, two are one, or it is too much.
    """
    found = [File(templates.path(each.path), mode=each.mode, raw=each.data) for each in sent]
    if len(found) > templates.MAX_FILES:
        raise Invalid(f"Send {templates.MAX_FILES} files at most at once.", field="files")
    templates.check_together((each.path, len(each.data)) for each in found)
    return found


async def put_files(actor: Actor, container_id: int, destination: str, sent: Sequence[File]) -> Plan:
    """Put files into a folder of the container, all or none; others there stay. Returns what was done.

    Raises:
        NotFound, Forbidden: not the actor's to change.
        Invalid: the folder, or a file, can't be one.
        Conflict: something else stands in a file's place. NotRunning, Unavailable: the machine can't be asked.
    """
    folder, wanted = templates.destination(destination, _MODE), checked(sent)
    if not wanted:
        raise Invalid("Send at least one file.", field="files")
    said = f"{folder}: {', '.join(each.path for each in wanted)}"
    entrance = await service.permit(actor, container_id, Action.FILE_WRITE, said)
    await activity.note_use_now(container_id)
    return await put_into(await entrance.address(), folder, wanted)


async def put_into(address: GuestAddress, folder: str, wanted: Sequence[File]) -> Plan:
    """The same, of a machine whose door is open."""
    sight = await folders.look(address, folder, wanted, _MODE)
    plan = templates.plan(wanted, sight, _MODE)
    if plan.blocked:
        raise Conflict(f"Something else stands where “{plan.blocked[0]}” should go: a folder, a link or a device.")
    templates.check_possible(plan, sight, _MODE)
    if not plan.is_empty:
        await folders.put(address, folder, wanted, _MODE, sight)
    return plan


async def read_file(actor: Actor, container_id: int, path: str, *, limit: int = files_asked.MAX_TEXT_BYTES) -> Content:
    """A file as a whole, of `limit` bytes at most (5 MiB).

    Raises:
        NotFound, Forbidden: not the actor's to read.
        FileRefused: it is not there, is no file, or is too large.
        NotRunning, Unavailable: the machine can't be asked.
    """
    about = paths.inside(path)
    entrance = await service.permit(actor, container_id, Action.CONTAINER_DOWNLOAD_FILE, paths.outside(about))
    await activity.note_use_now(container_id)
    async with files().using(await entrance.address()) as program:
        figures, data = await files_asked.content(program, about, limit=limit)
    return Content(paths.outside(about), data, figures["mode"], figures["modified"], figures["revision"])


async def list_folder(actor: Actor, container_id: int, path: str, *, offset: int, limit: int) -> dict[str, Any]:
    """Some of the entries of a folder, as `files_asked.list_` has them.

    Raises:
        NotFound, Forbidden: not the actor's to see.
        FileRefused: it is not there, or is no folder.
        NotRunning, Unavailable: the machine can't be asked.
    """
    async with reading() as tx:
        entrance = await service.look(tx, actor, container_id)
    asked = {"path": path, "offset": offset, "limit": limit}
    async with files().using(await entrance.address()) as program:
        return await files_asked.list_(program, asked, lambda _: None)
