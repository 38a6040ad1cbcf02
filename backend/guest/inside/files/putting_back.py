"""What is different between two marks, and putting files back as they were at the first."""

import contextlib
import os
import stat
from collections import Counter
from typing import Any

from backend.guest.inside.files.jail import OURS, Place, Trouble
from backend.guest.inside.files.main import Call, Program
from backend.guest.inside.files.marks import Entry, Mark, entry_of, load

_MOST_TOLD = 1000
_MOST_NAMED = 5
_MOST_LINES_BYTES = 1024 * 1024


def do_changed(program: Program, call: Call, *, before: str, after: str) -> dict[str, Any]:
    """The paths that differ, each with how, and with how many lines came and went; null where that is no text."""
    first, last = load(program, before), load(program, after)
    paths = _different(first, last)
    told: list[list[Any]] = []
    for path in paths[:_MOST_TOLD]:
        call.check()
        told.append([path, _status(first, last, path), *_lines(first, last, path)])
    return {"changes": told, "total": len(paths)}


def do_versions(program: Program, call: Call, *, before: str, after: str, path: str, limit: int) -> dict[str, Any]:
    """Send what was in a file before, and then what was in it after; says how much each is, null: none."""
    first, last = load(program, before), load(program, after)
    sizes: list[int | None] = []
    for mark in (first, last):
        entry = mark.entries.get(path)
        content = mark.content(entry)
        if entry is not None and entry.kind == "f" and content is None:
            raise Trouble("too_large", "it was too large to be kept", path=path)
        if content is not None and len(content) > limit:
            raise Trouble("too_large", path=path, size=len(content))
        sizes.append(None if content is None else len(content))
        call.send(content or b"")
    if path not in first.entries and path not in last.entries:
        raise Trouble("not_found", path=path)
    return {"sizes": sizes}


def do_put_back(
    program: Program, call: Call, *, before: str, after: str, paths: list[str] | None, force: bool
) -> dict[str, Any]:
    """Put back what changed between the two; all of it, or these paths. What was changed since then is refused, with
    nothing put back, unless `force` says that it may be lost.
    """
    first, last = load(program, before), load(program, after)
    different = _different(first, last)
    for path in set(paths or ()) - set(different):
        raise Trouble("not_found", "that turn did not change it", path=path)
    wanted = different if paths is None else [path for path in different if path in set(paths)]
    _check_kept(first, wanted)
    if not force:
        _check_unchanged(program, last, wanted)
    if paths is None:
        _make_folders(program, first)
    for path in sorted(wanted, key=lambda each: each in first.entries):  # what is to go goes first
        call.check()
        _put_back(program, first, path)
    _remove_folders(program, first, last, wanted if paths is not None else None)
    return {"paths": wanted}


def _different(first: Mark, last: Mark) -> list[str]:
    return [
        path
        for path in sorted(first.entries.keys() | last.entries.keys())
        if _differs(first, last, first.entries.get(path), last.entries.get(path))
    ]


def _differs(first: Mark, last: Mark, one: Entry | None, other: Entry | None) -> bool:
    kinds = {each.kind for each in (one, other) if each is not None}
    if kinds == {"d"} or one == other:
        return False  # folders come and go with what is in them
    if one is None or other is None or kinds != {"f"}:
        return True
    if (one.mode, one.uid, one.gid, one.size) != (other.mode, other.uid, other.gid, other.size):
        return True
    if one.text == other.text:
        return False
    was, now = first.content(one), last.content(other)
    return was is None or was != now


def _status(first: Mark, last: Mark, path: str) -> str:
    """By what is no folder."""
    one, other = first.entries.get(path), last.entries.get(path)
    if one is None or (one.kind == "d" and other is not None):
        return "added"
    return "deleted" if other is None or other.kind == "d" else "modified"


def _lines(first: Mark, last: Mark, path: str) -> list[int | None]:
    """How many lines are there that were not, and the other way round."""
    was, now = (mark.content(mark.entries.get(path)) or b"" for mark in (first, last))
    if b"\0" in was + now or max(len(was), len(now)) > _MOST_LINES_BYTES:
        return [None, None]
    old, new = Counter(was.splitlines()), Counter(now.splitlines())
    return [(new - old).total(), (old - new).total()]


def _check_kept(first: Mark, wanted: list[str]) -> None:
    for path in wanted:
        entry = first.entries.get(path)
        if entry is not None and entry.kind == "f" and first.content(entry) is None:
            raise Trouble("too_large", "it was too large to be kept", path=path)


def _check_unchanged(program: Program, last: Mark, wanted: list[str]) -> None:
    since = [path for path in wanted if not _is_still(program, last, path)]
    if since:
        more = f" and {len(since) - _MOST_NAMED} more" if len(since) > _MOST_NAMED else ""
        raise Trouble("conflict", f"since that turn: {', '.join(since[:_MOST_NAMED])}{more}", path=since[0])


def _is_still(program: Program, last: Mark, path: str) -> bool:
    entry = last.entries.get(path)
    try:
        with program.jail.place(path) as place:
            status = place.status()
            if status is None or entry is None:
                return status is None and entry is None
            if stat.S_ISLNK(status.st_mode):
                return entry.kind == "l" and os.readlink(place.name, dir_fd=place.folder) == entry.text
            now = entry_of(status)
            if now is None or now.kind != entry.kind:
                return False
            return now[:6] == entry[:6] or entry.kind == "d" or _has(place, last.content(entry))
    except (FileNotFoundError, NotADirectoryError):
        return entry is None


def _has(place: Place, content: bytes | None) -> bool:
    if content is None:
        return False
    fd = os.open(place.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place.folder)
    with open(fd, "rb") as file:
        return file.read(len(content) + 1) == content


def _put_back(program: Program, first: Mark, path: str) -> None:
    entry = first.entries.get(path)
    with contextlib.suppress(FileNotFoundError), program.jail.place(path, make=entry is not None) as place:
        status = place.status()
        if status is not None and stat.S_ISDIR(status.st_mode) and entry is not None and entry.kind != "d":
            os.rmdir(place.name, dir_fd=place.folder)
        if entry is None or entry.kind == "d":
            if status is not None and not stat.S_ISDIR(status.st_mode):
                os.unlink(place.name, dir_fd=place.folder)
            if entry is not None:
                _make_folder(place, entry)
        elif entry.kind == "l":
            _link(program, place, entry.text)
        else:
            _write(program, place, entry, first.content(entry) or b"")


def _link(program: Program, place: Place, target: str) -> None:
    folder, name = program.workshop.beside(place), f"{OURS}{os.urandom(8).hex()}"
    try:
        os.symlink(target, name, dir_fd=folder)
        os.rename(name, place.name, src_dir_fd=folder, dst_dir_fd=place.folder)
    finally:
        os.close(folder)


def _write(program: Program, place: Place, entry: Entry, content: bytes) -> None:
    with program.workshop.staged(place) as (fd, folder, name):
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.fchown(fd, entry.uid, entry.gid)
        os.fchmod(fd, entry.mode)
        with program.workshop.lock:
            os.rename(name, place.name, src_dir_fd=folder, dst_dir_fd=place.folder)


def _make_folders(program: Program, first: Mark) -> None:
    for path in sorted(path for path, each in first.entries.items() if each.kind == "d"):
        with contextlib.suppress(FileExistsError, NotADirectoryError), program.jail.place(path, make=True) as place:
            if place.status() is None:
                _make_folder(place, first.entries[path])


def _make_folder(place: Place, entry: Entry) -> None:
    os.mkdir(place.name, 0o700, dir_fd=place.folder)
    os.chown(place.name, entry.uid, entry.gid, dir_fd=place.folder, follow_symlinks=False)
    os.chmod(place.name, entry.mode, dir_fd=place.folder)


def _remove_folders(program: Program, first: Mark, last: Mark, wanted: list[str] | None) -> None:
    """Those that came in between and are empty; where only some paths are put back, those above them alone."""
    for path in sorted((path for path, each in last.entries.items() if each.kind == "d"), reverse=True):
        if path in first.entries or (wanted is not None and not any(each.startswith(f"{path}/") for each in wanted)):
            continue
        with contextlib.suppress(OSError, Trouble), program.jail.place(path) as place:
            os.rmdir(place.name, dir_fd=place.folder)
