"""A folder of our own in the guest, outside of what is shown: where files are written before they are put in place,
where uploads wait for the rest of them, and where what was put away is kept for a while.
"""

import contextlib
import os
import threading
import time
from collections.abc import Generator

from backend.guest.inside.files.jail import OURS, Place

_STAGED_S = 3600.0
_UPLOADS_S = 86_400.0
_TRASH_S = 7 * 86_400.0
_MOST_KEPT = 200


class Workshop:
    """`staged`, `uploads` and `trash`, beneath one path."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lock = threading.Lock()
        """Held from looking at what stands in a place until something else stands there."""
        for name in ("staged", "uploads", "trash"):
            os.makedirs(f"{path}/{name}", 0o700, exist_ok=True)

    @contextlib.contextmanager
    def staged(self, place: Place) -> Generator[tuple[int, int, str]]:
        """A new file on the file system of `place`: (open to be written, its folder, its name). Gone after."""
        name = f"{OURS}{os.urandom(8).hex()}"
        folder = self.beside(place)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(name, flags, 0o600, dir_fd=folder)
            try:
                yield fd, folder, name
            finally:
                os.close(fd)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)
        finally:
            os.close(folder)

    def remove_in(self, folder: int, name: str) -> None:
        """The same, in an open folder."""
        self.remove(f"/proc/{os.getpid()}/fd/{folder}/{name}")

    def beside(self, place: Place) -> int:
        """A folder from which a rename to `place` works: ours, or where that is another file system, its own."""
        ours = os.open(f"{self.path}/staged", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if os.fstat(ours).st_dev == os.fstat(place.folder).st_dev:
            return ours
        os.close(ours)
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place.folder)

    def prune(self) -> None:
        """Take away what is too old."""
        for name, kept_s in (("staged", _STAGED_S), ("uploads", _UPLOADS_S), ("trash", _TRASH_S)):
            for made_at, path in self._oldest_first(name):
                if time.time() - made_at > kept_s:
                    self.remove(path)
        self.prune_trash()

    def prune_trash(self) -> None:
        """Keep the last two hundred."""
        for _, path in self._oldest_first("trash")[:-_MOST_KEPT]:
            self.remove(path)

    def remove(self, path: str) -> None:
        """Whatever it is, however deep; what can't be removed stays."""
        import subprocess

        subprocess.run(["rm", "-rf", "--", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)

    def _oldest_first(self, name: str) -> list[tuple[float, str]]:
        found: list[tuple[float, str]] = []
        with os.scandir(f"{self.path}/{name}") as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    found.append((entry.stat(follow_symlinks=False).st_mtime, entry.path))
        return sorted(found)
