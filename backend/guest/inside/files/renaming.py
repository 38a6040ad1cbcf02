"""Renames that overwrite nothing, or nothing but what was expected: what another process does meanwhile stays."""

import ctypes
import errno
import os

from backend.guest.inside.files.jail import Place, Trouble, revision

_NOREPLACE, _EXCHANGE = 1, 2
_NOT_HERE = (errno.EINVAL, errno.ENOSYS)
_libc = ctypes.CDLL(None, use_errno=True)


def into_free(folder: int, name: str, place: Place) -> None:
    """Where nothing is. Raises FileExistsError if something is."""
    if _rename(folder, name, place, _NOREPLACE):
        return
    if place.status() is not None:  # a file system that knows no such rename
        raise FileExistsError(errno.EEXIST, place.name)
    os.rename(name, place.name, src_dir_fd=folder, dst_dir_fd=place.folder)


def over(folder: int, name: str, place: Place, expected: str) -> None:
    """Over what has the revision `expected`, and nothing else: that is looked at once it was taken out."""
    if not _rename(folder, name, place, _EXCHANGE):
        if place.revision() != expected:
            raise Trouble("conflict")
        os.rename(name, place.name, src_dir_fd=folder, dst_dir_fd=place.folder)
        return
    if revision(os.stat(name, dir_fd=folder, follow_symlinks=False)) != expected:
        _rename(folder, name, place, _EXCHANGE)
        raise Trouble("conflict")


def _rename(folder: int, name: str, place: Place, flags: int) -> bool:
    """False where the file system has no such rename."""
    if _libc.renameat2(folder, os.fsencode(name), place.folder, os.fsencode(place.name), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_HERE:
        return False
    raise OSError(number, os.strerror(number))
