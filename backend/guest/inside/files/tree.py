"""Entries of folders: made, renamed, copied."""

import errno
import os
import stat
from typing import Any

from backend.guest.inside.files import processes, renaming
from backend.guest.inside.files.jail import OURS, Place, Trouble
from backend.guest.inside.files.main import Call, Program


def do_create(program: Program, call: Call, *, path: str, kind: str) -> dict[str, Any]:
    """An empty file or folder, as its folder's owner's."""
    with program.jail.place(path, make=True) as place:
        if place.name == ".":
            raise Trouble("exists")
        if kind == "folder":
            os.mkdir(place.name, 0o755, dir_fd=place.folder)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(place.name, flags, 0o644, dir_fd=place.folder))
        owner = os.fstat(place.folder)
        os.chown(place.name, owner.st_uid, owner.st_gid, dir_fd=place.folder, follow_symlinks=False)
        return {"kind": kind, "revision": place.revision()}


def do_move(program: Program, call: Call, *, path: str, to: str, overwrite: bool) -> dict[str, Any]:
    """Rename; to another file system, copy and take away."""
    with program.jail.place(path) as source, program.jail.place(to, make=True) as target:
        _refuse_root(source, target)
        _refuse_inside(source, target)
        source.present()
        try:
            with program.workshop.lock:
                _rename(source, target, overwrite)
        except OSError as fault:
            if fault.errno != errno.EXDEV:
                raise
            _copy(program, call, source, target, overwrite)
            processes.run(call, ["rm", "-rf", "--", f"./{source.name}"], source.folder)
        return {}


def _rename(source: Place, target: Place, overwrite: bool) -> None:
    present = target.status()
    if present is None or not overwrite:
        renaming.into_free(source.folder, source.name, target)
    elif stat.S_ISDIR(present.st_mode):
        raise Trouble("exists", "a folder is never overwritten")
    else:
        os.rename(source.name, target.name, src_dir_fd=source.folder, dst_dir_fd=target.folder)


def do_copy(program: Program, call: Call, *, path: str, to: str) -> dict[str, Any]:
    """With all that is in it; all or nothing."""
    with program.jail.place(path) as source, program.jail.place(to, make=True) as target:
        _refuse_root(target)
        source.present()
        _refuse_inside(source, target)
        if target.status() is not None:
            raise Trouble("exists")
        _copy(program, call, source, target, False)
        return {}


def _copy(program: Program, call: Call, source: Place, target: Place, overwrite: bool) -> None:
    """Aside first, then a rename."""
    shop = program.workshop.beside(target)
    name = f"{OURS}{os.urandom(8).hex()}"
    try:
        where = f"/proc/{os.getpid()}/fd/{shop}/{name}"
        processes.run(call, ["cp", "-a", "-T", "--", f"./{source.name}", where], source.folder)
        with program.workshop.lock:
            _rename(Place(shop, name), target, overwrite)
    finally:
        program.workshop.remove_in(shop, name)
        os.close(shop)


def _refuse_root(*places: Place) -> None:
    if any(place.name == "." for place in places):
        raise Trouble("invalid", "that is the whole of it")


def _refuse_inside(source: Place, target: Place) -> None:
    whole = (*source.parts, source.name) if source.name != "." else source.parts
    if target.parts[: len(whole)] == whole:
        raise Trouble("invalid", "a folder can't go into itself")
