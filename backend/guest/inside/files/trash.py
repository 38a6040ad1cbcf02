"""Putting away, and bringing back: renames into a folder of ours, with a note of where each thing was."""

import errno
import json
import os
from typing import Any

from backend.guest.inside.files import processes, renaming
from backend.guest.inside.files.jail import FOLDER, Place, Trouble, trouble_of
from backend.guest.inside.files.main import Call, Program

_NOTE = "where"


def do_trash(program: Program, call: Call, *, paths: list[str]) -> dict[str, Any]:
    """Put away all of these, or none."""
    undo = os.urandom(12).hex()
    shelf = f"{program.workshop.path}/trash/{undo}"
    os.mkdir(shelf, 0o700)
    done: list[int] = []
    fd = os.open(shelf, FOLDER)
    try:
        with open(f"{shelf}/{_NOTE}", "w") as note:
            json.dump(paths, note)
        for number, path in enumerate(paths):
            with program.jail.place(path) as place:
                if place.name == ".":
                    raise Trouble("invalid", "that is the whole of it")
                _carry(program, call, place, Place(fd, str(number)))
            done.append(number)
    except (OSError, Trouble) as fault:
        for number in reversed(done):
            with program.jail.place(paths[number], make=True) as place:
                _carry(program, None, Place(fd, str(number)), place)
        program.workshop.remove(shelf)
        trouble = fault if isinstance(fault, Trouble) else trouble_of(fault)
        trouble.more["path"] = paths[len(done)] if len(done) < len(paths) else ""
        raise trouble from fault
    finally:
        os.close(fd)
    program.workshop.prune_trash()
    return {"undo": undo}


def do_restore(program: Program, call: Call, *, undo: str) -> dict[str, Any]:
    """Bring back all that was put away together, or none of it."""
    shelf = f"{program.workshop.path}/trash/{undo}"
    try:
        with open(f"{shelf}/{_NOTE}") as note:
            paths: list[str] = json.load(note)
        fd = os.open(shelf, FOLDER)
    except FileNotFoundError:
        raise Trouble("not_found", "it was put away too long ago") from None
    done: list[int] = []
    try:
        for number, path in enumerate(paths):
            with program.jail.place(path, make=True) as place:
                _carry(program, call, Place(fd, str(number)), place)
            done.append(number)
    except (OSError, Trouble) as fault:
        for number in reversed(done):
            with program.jail.place(paths[number]) as place:
                _carry(program, None, place, Place(fd, str(number)))
        trouble = fault if isinstance(fault, Trouble) else trouble_of(fault)
        trouble.more["path"] = paths[len(done)] if len(done) < len(paths) else ""
        raise trouble from fault
    finally:
        os.close(fd)
    program.workshop.remove(shelf)
    return {"paths": paths}


def _carry(program: Program, call: Call | None, source: Place, target: Place) -> None:
    source.present()
    try:
        renaming.into_free(source.folder, source.name, target)
    except OSError as fault:
        if fault.errno != errno.EXDEV:
            raise
        if target.status() is not None:
            raise FileExistsError(errno.EEXIST, target.name) from fault
        _carry_across(program, call, source, target)


def _carry_across(program: Program, call: Call | None, source: Place, target: Place) -> None:
    """To another file system: copied whole, then taken away. A copy that failed leaves nothing."""
    where = f"/proc/{os.getpid()}/fd/{target.folder}/{target.name}"
    call = call or Call.nobodys()
    try:
        processes.run(call, ["cp", "-a", "-T", "--", f"./{source.name}", where], source.folder)
    except Trouble:
        program.workshop.remove(where)
        raise
    processes.run(Call.nobodys(), ["rm", "-rf", "--", f"./{source.name}"], source.folder)
