"""Paths under one folder, walked part by part, so that nothing outside of it is ever touched.

Links that stay inside are followed where it is asked for; one that leads out is refused, whoever puts it there and
whenever: each part is opened without following, beneath the folder that was opened before.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Generator
from typing import Any

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OURS = ".pequeroku-"
"""How names begin that are ours for a moment, and shown to nobody."""
_WALK = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS = 40
_CODES = {
    errno.ENOENT: "not_found",
    errno.EEXIST: "exists",
    errno.ENOTEMPTY: "exists",
    errno.ENOTDIR: "not_a_folder",
    errno.EISDIR: "is_a_folder",
    errno.ENOSPC: "no_space",
    errno.EDQUOT: "no_space",
    errno.EROFS: "read_only",
    errno.EPERM: "read_only",
    errno.EACCES: "read_only",
    errno.EBUSY: "busy",
    errno.ETXTBSY: "busy",
    errno.ENAMETOOLONG: "invalid",
    errno.ELOOP: "outside",
    errno.EXDEV: "outside",
    errno.EINVAL: "invalid",
    errno.EFBIG: "too_large",
}


class Trouble(Exception):
    """Why not: a code of docs/files.md, and what more there is to say."""

    def __init__(self, code: str, detail: str = "", **more: Any) -> None:
        super().__init__(code, detail)
        self.code, self.detail, self.more = code, detail, more


def trouble_of(fault: OSError) -> Trouble:
    """What the system's refusal is called."""
    code = _CODES.get(fault.errno or 0, "failed")
    return Trouble(code, "" if code in ("not_found", "exists", "no_space") else os.strerror(fault.errno or 0))


def revision(status: os.stat_result) -> str:
    """Another after every write; the same after a rename or a change of mode."""
    return f"{status.st_ino:x}.{status.st_size:x}.{status.st_mtime_ns:x}"


class Place:
    """An entry, there or not: its name in an open folder. `parts` is where that is, without links, from the root."""

    def __init__(self, folder: int, name: str, parts: tuple[str, ...] = ()) -> None:
        self.folder, self.name, self.parts = folder, name, parts

    def status(self) -> os.stat_result | None:
        """None where nothing is there."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def present(self) -> os.stat_result:
        return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)

    def revision(self) -> str | None:
        status = self.status()
        return None if status is None else revision(status)


class Jail:
    """Everything beneath `root`, which is made when it is not there."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")

    @contextlib.contextmanager
    def place(self, path: str, *, follow: bool = False, make: bool = False) -> Generator[Place]:
        """The entry at a path relative to the root; with `follow`, what it leads to if it is a link.

        With `make`, the folders on the way are made. The root itself is "." in itself.
        """
        walk = _Walk(self, make)
        try:
            yield walk.to(path, follow)
        finally:
            os.close(walk.here)

    @contextlib.contextmanager
    def folder(self, path: str) -> Generator[int]:
        """A folder, open to be read."""
        with self.place(path, follow=True) as place:
            fd = os.open(place.name, FOLDER, dir_fd=place.folder)
        try:
            yield fd
        finally:
            os.close(fd)

    def opened(self) -> int:
        """The root, anew each time: it may have been taken away and made again."""
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            return os.open(self.root, flags)
        except FileNotFoundError:
            os.makedirs(self.root, 0o755, exist_ok=True)
            return os.open(self.root, flags)

    def under(self, target: str) -> str | None:
        """An absolute path as one relative to the root; None if it isn't there."""
        if target == self.root:
            return ""
        return target[len(self.root) + 1 :] if target.startswith(self.root + "/") else None


class _Walk:
    """One way down. `here` is the folder that was reached, `parts` its path without links."""

    def __init__(self, jail: Jail, make: bool) -> None:
        self._jail, self._make = jail, make
        self.here = jail.opened()
        self.parts: list[str] = []
        self._links = 0

    def to(self, path: str, follow: bool) -> Place:
        todo = _parts(path)
        while todo:
            part = todo.pop()
            if part == "..":
                self._up()
            elif todo or follow:
                if (target := self._link_at(part)) is not None:
                    todo += self._leads(target)
                elif todo:
                    self._down(part)
                else:
                    return self._found(part)
            else:
                return self._found(part)
        return self._found(".")

    def _found(self, name: str) -> Place:
        return Place(self.here, name, tuple(self.parts))

    def _link_at(self, part: str) -> str | None:
        try:
            return os.readlink(part, dir_fd=self.here)
        except OSError as fault:
            if fault.errno in (errno.EINVAL, errno.ENOENT):
                return None
            raise

    def _leads(self, target: str) -> list[str]:
        self._links += 1
        if self._links > _MAX_LINKS:
            raise Trouble("outside", "its links lead in a circle")
        if not target.startswith("/"):
            return _parts(target)
        inside = self._jail.under(target)
        if inside is None:
            raise Trouble("outside")
        self._restart([])
        return _parts(inside)

    def _down(self, part: str) -> None:
        try:
            below = os.open(part, _WALK, dir_fd=self.here)
        except FileNotFoundError:
            if not self._make:
                raise
            owner = os.fstat(self.here)
            with contextlib.suppress(FileExistsError):  # somebody else was first
                os.mkdir(part, 0o755, dir_fd=self.here)
                os.chown(part, owner.st_uid, owner.st_gid, dir_fd=self.here, follow_symlinks=False)
            below = os.open(part, _WALK, dir_fd=self.here)
        os.close(self.here)
        self.here = below
        self.parts.append(part)

    def _up(self) -> None:
        if not self.parts:
            raise Trouble("outside")
        self._restart(self.parts[:-1])

    def _restart(self, parts: list[str]) -> None:
        """From the root again: where `..` leads from an open folder, somebody else has a say in."""
        os.close(self.here)
        self.here, self.parts = self._jail.opened(), []
        for part in parts:
            self._down(part)


def _parts(path: str) -> list[str]:
    """The last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def kind_of(mode: int) -> str:
    """What a file's mode says that it is."""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"
