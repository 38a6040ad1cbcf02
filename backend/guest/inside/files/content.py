"""What is in files: read, written aside and put in place, sent and received piece by piece."""

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Generator
from typing import Any

from backend.guest.inside.files.jail import Place, Trouble, revision
from backend.guest.inside.files.main import Call, Program

_PIECE_BYTES = 256 * 1024
_TICK_S = 0.012
"""A file's time moves in ticks of the kernel: who was written to in this one may be written to again unseen."""
_TRIES = 3


def do_read(program: Program, call: Call, *, path: str, limit: int) -> dict[str, Any]:
    """Send a whole file, as it was at one moment if it ever holds still."""
    with _opened(program, path) as fd:
        data, before = b"", os.fstat(fd)
        for _ in range(_TRIES):
            before = os.fstat(fd)
            if before.st_size > limit:
                raise Trouble("too_large", size=before.st_size, revision=revision(before))
            if 0 <= time.time() - before.st_mtime < _TICK_S:
                time.sleep(_TICK_S)
            data = _whole(fd, limit)
            if revision(os.fstat(fd)) == revision(before):
                break
        call.send(data)
        return _told(before) | {"size": len(data)}


def do_write(program: Program, call: Call, *, path: str, size: int, base: str | None, force: bool) -> dict[str, Any]:
    """Put what is sent in a file's place, if that is still what `base` says (nothing, if None)."""
    with program.jail.place(path, follow=True, make=True) as place:
        _refuse_folder(place)
        if not force and place.revision() != base:
            raise Trouble("conflict", revision=place.revision())
        with program.workshop.staged(place) as (fd, folder, name):
            left = size
            while left:
                piece = call.receive()
                _write(fd, piece)
                left -= len(piece)
            os.fsync(fd)
            with program.workshop.lock:
                return _put_in_place(fd, folder, name, place, base, force)


def _put_in_place(fd: int, folder: int, name: str, place: Place, base: str | None, force: bool) -> dict[str, Any]:
    from backend.guest.inside.files import renaming

    present = place.status()
    found = None if present is None else revision(present)
    if not force and found != base:
        raise Trouble("conflict", revision=found)
    if present is not None and not stat.S_ISREG(present.st_mode):
        _refuse_folder(place)
        raise Trouble("exists", "what stands there is no plain file")
    owner = present or os.fstat(place.folder)
    os.fchown(fd, owner.st_uid, owner.st_gid)
    os.fchmod(fd, stat.S_IMODE(present.st_mode) if present is not None else 0o644)
    try:
        if found is None:
            renaming.into_free(folder, name, place)
        else:
            renaming.over(folder, name, place, found)
    except (FileExistsError, Trouble):
        raise Trouble("conflict", revision=place.revision()) from None
    return _told(os.fstat(fd))


def do_get(program: Program, call: Call, *, path: str, offset: int, length: int, base: str | None) -> dict[str, Any]:
    """Send a part of a file, one piece for each word that another is wanted; stop if it changes."""
    with _opened(program, path) as fd:
        status = os.fstat(fd)
        first = revision(status)
        if base is not None and base != first:
            raise Trouble("conflict", revision=first)
        call.tell(**_told(status))
        end = status.st_size if length < 0 else min(status.st_size, offset + length)
        while offset < end:
            call.receive()
            piece = os.pread(fd, min(_PIECE_BYTES, end - offset), offset)
            if not piece or revision(os.fstat(fd)) != first:
                raise Trouble("conflict", "it changed while it was sent")
            call.send(piece)
            offset += len(piece)
        return {}


def do_put(
    program: Program, call: Call, *, path: str, upload: str, size: int, offset: int, overwrite: bool, sha256: str
) -> dict[str, Any]:
    """Take what is sent until all is there, and put it in place; an empty piece says that no more comes for now."""
    with program.jail.place(path, follow=True, make=True) as place:
        _refuse_present(place, overwrite)
        waiting = f"{program.workshop.path}/uploads/{upload}"
        fd = os.open(waiting, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            _lock(fd)
            received = os.fstat(fd).st_size
            if received != offset:
                raise Trouble("conflict", "it goes on at another offset", received=received)
            _take(call, fd, waiting, offset, size)
            received = os.fstat(fd).st_size
            if received < size:
                return {"received": received, "done": False}
            return {"done": True, "received": size, **_finish(program, fd, waiting, place, overwrite, sha256)}
        finally:
            os.close(fd)


def _take(call: Call, fd: int, waiting: str, offset: int, size: int) -> None:
    """Say how far it is after each piece: whoever sends waits for that. A full disk is freed of it again."""
    os.lseek(fd, offset, os.SEEK_SET)
    try:
        while offset < size and (piece := call.receive()):
            if offset + len(piece) > size:
                raise Trouble("invalid", "more was sent than it was said to have")
            _write(fd, piece)
            offset += len(piece)
            call.tell(received=offset)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(waiting)
        raise


def _finish(program: Program, fd: int, waiting: str, place: Place, overwrite: bool, sha256: str) -> dict[str, Any]:
    if sha256 and _digest(fd) != sha256:
        os.unlink(waiting)
        raise Trouble("conflict", "its SHA-256 is another")
    os.fsync(fd)
    ours = os.open(os.path.dirname(waiting), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with program.workshop.lock:
            base = _refuse_present(place, overwrite)
            if os.fstat(ours).st_dev == os.fstat(place.folder).st_dev:
                told = _put_in_place(fd, ours, os.path.basename(waiting), place, base, False)
            else:
                told = _copied(program, fd, place, base)
    finally:
        os.close(ours)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(waiting)  # what it took the place of, if anything
    return told


def _copied(program: Program, fd: int, place: Place, base: str | None) -> dict[str, Any]:
    """To another file system."""
    with program.workshop.staged(place) as (copy, folder, name):
        os.lseek(fd, 0, os.SEEK_SET)
        while piece := os.read(fd, _PIECE_BYTES):
            _write(copy, piece)
        os.fsync(copy)
        return _put_in_place(copy, folder, name, place, base, False)


def do_received(program: Program, call: Call, *, upload: str) -> dict[str, Any]:
    """How much of an upload is there."""
    try:
        return {"received": os.stat(f"{program.workshop.path}/uploads/{upload}", follow_symlinks=False).st_size}
    except FileNotFoundError:
        return {"received": 0}


def do_forget(program: Program, call: Call, *, upload: str) -> dict[str, Any]:
    """Take away what is there of an upload."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{program.workshop.path}/uploads/{upload}")
    return {}


def _refuse_folder(place: Place) -> None:
    status = place.status()
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise Trouble("is_a_folder")


def _refuse_present(place: Place, overwrite: bool) -> str | None:
    """The revision of what may be overwritten."""
    _refuse_folder(place)
    found = place.revision()
    if found is not None and not overwrite:
        raise Trouble("exists")
    return found


@contextlib.contextmanager
def _opened(program: Program, path: str) -> Generator[int]:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with program.jail.place(path, follow=True) as place:
        _refuse_folder(place)
        if not stat.S_ISREG(place.present().st_mode):  # opening a device may do things
            raise Trouble("binary", "it is no plain file")
        fd = os.open(place.name, flags, dir_fd=place.folder)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Trouble("binary", "it is no plain file")
        yield fd
    finally:
        os.close(fd)


def _whole(fd: int, limit: int) -> bytes:
    pieces, offset = list[bytes](), 0
    while piece := os.pread(fd, min(1024 * 1024, limit + 1 - offset), offset):
        pieces.append(piece)
        offset += len(piece)
        if offset > limit:
            raise Trouble("too_large", size=os.fstat(fd).st_size, revision=revision(os.fstat(fd)))
    return b"".join(pieces)


def _told(status: os.stat_result) -> dict[str, Any]:
    return {
        "revision": revision(status),
        "size": status.st_size,
        "modified": status.st_mtime_ns // 1_000_000,
        "mode": stat.S_IMODE(status.st_mode),
    }


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _digest(fd: int) -> str:
    import hashlib

    os.lseek(fd, 0, os.SEEK_SET)
    digest = hashlib.sha256()
    while piece := os.read(fd, 1024 * 1024):
        digest.update(piece)
    return digest.hexdigest()


def _lock(fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        if fault.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        raise Trouble("busy", "it is being sent already") from None
