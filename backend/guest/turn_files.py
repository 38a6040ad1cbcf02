"""What a turn of the assistant does to the files under /app: noted before and after, shown as diffs, put back.

All of it is kept in the guest, in a folder that only its root can open (inside/files/marks.py). Nothing that comes back
is believed but its form.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from backend.errors import Conflict, Invalid
from backend.guest.channel import GuestAddress
from backend.guest.files import files
from backend.guest.files_program import FileProgram, nonsense
from backend.guest.inside.files.marks import NOTHING
from backend.rules import paths
from backend.rules.file_refusals import FileRefused
from backend.rules.text_edits import diff as unified

MOST_DIFF_BYTES = 1024 * 1024
"""Of a file that is shown as a diff, each time."""
_MARK_S = 60.0
_PUT_BACK_S = 120.0
_MOST = 1000
_STATUSES = ("added", "modified", "deleted")


@dataclass(frozen=True, slots=True)
class Change:
    """A file that a turn changed. The counts of lines are None where it is no text, or too large."""

    path: str
    status: str
    added: int | None
    removed: int | None


def paths_in(said: object) -> list[str] | None:
    """The paths that somebody wants put back; None for all of them.

    Raises:
        Invalid: that is no list of them.
    """
    listed = cast("list[object]", said) if isinstance(said, list) else [said]
    texts = [each for each in listed if isinstance(each, str)]
    if said is not None and (not isinstance(said, list) or len(texts) != len(listed) or len(texts) > _MOST):
        raise Invalid(f"paths is a list of {_MOST} paths at most.", field="paths")
    return None if said is None else texts


async def mark(address: GuestAddress, turn_id: int, *, is_first: bool = False) -> int:
    """Note what all files are before a turn; once, however often it is asked. What programs wrote is on the disk then.

    Args:
        is_first: the turn begins now: what is kept under its id is of another, which was deleted.

    Returns how many are too large to be put back, or more than there is room for.

    Raises:
        FileRefused: there are too many, or no room for any.
        Unavailable: the guest can't be reached.
    """
    async with _asking(address) as program:
        said, _ = await program.ask("mark", name=_before(turn_id), anew=is_first, sync=True, timeout_s=_MARK_S)
    unkept = said.get("unkept")
    return unkept if isinstance(unkept, int) else 0


async def settle(address: GuestAddress, turn_id: int) -> tuple[list[Change], int]:
    """Note what they are after it, anew if it had ended before, and tell what is different: the first thousand, and
    how many there are.

    Raises:
        FileRefused, Unavailable: as `mark`; or nothing was noted before.
    """
    async with _asking(address) as program:
        await program.ask("mark", name=_after(turn_id), anew=True, sync=False, timeout_s=_MARK_S)
        return await _changes(program, turn_id)


async def changes(address: GuestAddress, turn_id: int) -> tuple[list[Change], int]:
    """The same, of a turn that was noted to its end."""
    async with _asking(address) as program:
        return await _changes(program, turn_id)


async def forget_others(address: GuestAddress, turn_ids: list[int]) -> None:
    """Keep what these turns changed, and nothing else."""
    async with _asking(address) as program:
        await program.ask("keep_marks", turns=turn_ids, timeout_s=_MARK_S)


async def diff(address: GuestAddress, turn_id: int, path: str) -> str:
    """What the turn did to a file, unified; nothing of what is no text.

    Raises:
        FileRefused: `binary`, `too_large`, or the turn did not know it.
        Conflict: nothing is kept of that turn.
    """
    inside = paths.inside(path)
    asked: dict[str, Any] = {"path": inside, "limit": MOST_DIFF_BYTES, "limit_bytes": 2 * MOST_DIFF_BYTES}
    async with _asking(address) as program:
        said, data = await program.ask("versions", **asked, **_both(turn_id))
    sizes = said.get("sizes")
    if not isinstance(sizes, list) or len(cast("list[object]", sizes)) != 2:
        raise nonsense()
    first = cast("list[object]", sizes)[0]
    cut = first if isinstance(first, int) else 0
    try:
        if b"\0" in data:
            raise FileRefused("binary", path)
        return unified(paths.outside(inside), data[:cut].decode(), data[cut:].decode())
    except UnicodeDecodeError as fault:
        raise FileRefused("binary", path) from fault


async def put_back(address: GuestAddress, turn_id: int, wanted: list[str] | None, *, force: bool) -> list[str]:
    """Put back what the turn changed: all of it, or these paths. Returns what was.

    Raises:
        Conflict: some of it was changed since, and `force` does not say that this may be lost; nothing was put back.
        FileRefused: a path was not changed by it, or is too large to be kept.
    """
    inside = None if wanted is None else [paths.inside(each) for each in wanted]
    asked: dict[str, Any] = {"paths": inside, "force": force, "timeout_s": _PUT_BACK_S}
    async with _asking(address) as program:
        said, _ = await program.ask("put_back", **asked, **_both(turn_id))
    return [paths.outside(each) for each in _texts(said.get("paths"))]


@asynccontextmanager
async def _asking(address: GuestAddress) -> AsyncGenerator[FileProgram]:
    """The guest's program. Refusals name paths as people know them."""
    try:
        async with files().using(address) as program:
            yield program
    except FileRefused as refusal:
        told = "".join(each if each.isprintable() else "�" for each in refusal.detail)
        if told == NOTHING:
            raise Conflict("Nothing is kept of what that turn did to files.") from refusal
        if refusal.code == "conflict":
            raise Conflict(f"Files were changed {told}. They can be put back all the same.") from refusal
        raise refusal.of(paths.outside(refusal.path)) from refusal


async def _changes(program: FileProgram, turn_id: int) -> tuple[list[Change], int]:
    said, _ = await program.ask("changed", timeout_s=_MARK_S, **_both(turn_id))
    told, total = said.get("changes"), said.get("total")
    if not isinstance(told, list) or not isinstance(total, int) or len(cast("list[object]", told)) > _MOST:
        raise nonsense()
    return [_change(each) for each in cast("list[object]", told)], total


def _change(said: object) -> Change:
    match said:
        case [str(path), str(status), int() | None as added, int() | None as removed] if status in _STATUSES:
            return Change(paths.outside(path[: paths.MAX_PATH_BYTES]), status, added, removed)
        case _:
            raise nonsense()


def _texts(said: Any) -> list[str]:
    listed = cast("list[object]", said) if isinstance(said, list) else [None]
    texts = [each for each in listed if isinstance(each, str)]
    if len(texts) != len(listed):
        raise nonsense()
    return texts


def _both(turn_id: int) -> dict[str, Any]:
    return {"before": _before(turn_id), "after": _after(turn_id)}


def _before(turn_id: int) -> str:
    return f"{turn_id}.before"


def _after(turn_id: int) -> str:
    return f"{turn_id}.after"
