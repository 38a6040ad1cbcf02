"""What is in folders."""

import array
import contextlib
import itertools
import os
import stat
from typing import Any

from backend.guest.inside.files.jail import OURS, Jail, Trouble, kind_of, revision
from backend.guest.inside.files.main import Call, Program

_MAX_LISTED = 100_000


def do_list(program: Program, call: Call, *, path: str, offset: int, limit: int) -> dict[str, Any]:
    """Send a part of a folder in columns: modes, sizes and times as arrays, then names with NULs in between.

    In order only where it is more than a part: our other end sorts it faster. Only what is sent is looked at.
    """
    with program.jail.folder(path) as folder:
        status = os.fstat(folder)
        with os.scandir(folder) as entries:
            found = [each for each in itertools.islice(entries, _MAX_LISTED + 1) if not each.name.startswith(OURS)]
        kept = found[:_MAX_LISTED]
        links = _links(program.jail, path, kept)
        if offset or len(kept) > limit:
            kept = _sorted(kept, links)[offset : offset + limit]
        modes, sizes, times = array.array("I"), array.array("q"), array.array("q")
        names: list[str] = []
        for entry in kept:
            with contextlib.suppress(FileNotFoundError):
                seen = entry.stat(follow_symlinks=False)
                modes.append(seen.st_mode)
                sizes.append(seen.st_size)
                times.append(seen.st_mtime_ns // 1_000_000)
                names.append(entry.name)
        data = "\0".join(names).encode("utf-8", "surrogateescape")
        call.send(b"".join((modes.tobytes(), sizes.tobytes(), times.tobytes(), data)))
        shown = {name: links[name] for name in names if name in links} if links else {}
        total = min(len(found), _MAX_LISTED)
        return {
            "count": len(names),
            "total": total,
            "truncated": len(found) > _MAX_LISTED,
            "links": shown,
            "revision": f"{revision(status)}.{total}",
        }


def _links(jail: Jail, path: str, entries: list[os.DirEntry[str]]) -> dict[str, list[str]]:
    return {each.name: _target(jail, path, each.name) for each in entries if each.is_symlink()}


def _target(jail: Jail, path: str, name: str) -> list[str]:
    """Where a link points, and what is there."""
    try:
        with jail.place(f"{path}/{name}") as place:
            target = os.readlink(place.name, dir_fd=place.folder)
    except (OSError, Trouble):
        return ["", "missing"]
    try:
        with jail.place(f"{path}/{name}", follow=True) as place:
            status = place.status()
            return [target, "missing" if status is None else kind_of(status.st_mode)]
    except Trouble:
        return [target, "outside"]
    except OSError:
        return [target, "missing"]


def _sorted(entries: list[os.DirEntry[str]], links: dict[str, list[str]]) -> list[os.DirEntry[str]]:
    """As our other end does (files_asked.py): the pages of one folder must fit together."""

    def place(entry: os.DirEntry[str]) -> tuple[bool, str, str]:
        is_folder = entry.is_dir(follow_symlinks=False) or links.get(entry.name, ("", ""))[1] == "folder"
        return (not is_folder, entry.name.casefold(), entry.name)

    return sorted(entries, key=place)


def do_stat(program: Program, call: Call, *, path: str) -> dict[str, Any]:
    """One entry; a link is told as a link."""
    with program.jail.place(path) as place:
        status = place.present()
    kind = kind_of(status.st_mode)
    told: dict[str, Any] = {
        "kind": kind,
        "size": 0 if kind == "folder" else status.st_size,
        "modified": status.st_mtime_ns // 1_000_000,
        "mode": stat.S_IMODE(status.st_mode),
        "revision": revision(status),
    }
    if kind == "link":
        told["target"], told["target_kind"] = _target(program.jail, "", path)
    return told
