"""What all files were at a moment: a list of them, and what was in them, in a folder of ours that only root can open.

What is in files goes into one pack for each mark, one after the other: making a file for each would take an emulated
guest many times as long. What is as it was at an earlier mark is not kept again: its entry says which pack has it.
"""

import contextlib
import json
import os
import stat
from typing import Any, NamedTuple

from backend.guest.inside.files.jail import FOLDER, OURS, Trouble
from backend.guest.inside.files.main import Call, Program

NOTHING = "nothing is kept of that turn"
LEFT_OUT = frozenset({"node_modules", "__pycache__", ".venv"})
"""Made anew from what is kept, and large."""
_MOST = 20_000
_BIGGEST = 5 * 1024 * 1024
_MOST_BYTES = 256 * 1024 * 1024
_MOST_PACKS = 20
_DEEPEST = 100
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Entry(NamedTuple):
    """A file, link or folder. `pack` is empty where what is in a file isn't kept; of a link, `text` is its target."""

    kind: str
    mode: int = 0
    uid: int = 0
    gid: int = 0
    size: int = 0
    text: str = ""
    """Of a file: another after every change."""
    pack: str = ""
    offset: int = 0


class Mark:
    """One that was made."""

    def __init__(self, folder: str, name: str, entries: dict[str, Entry]) -> None:
        self._folder, self.name, self.entries = folder, name, entries

    @property
    def packs(self) -> set[str]:
        return {each.pack for each in self.entries.values() if each.pack}

    def content(self, entry: Entry | None) -> bytes | None:
        """What was in a file; None where it is not kept, or is no file."""
        if entry is None or entry.kind != "f" or (entry.size and not entry.pack):
            return None
        if not entry.size:
            return b""
        with open(f"{self._folder}/{entry.pack}.pack", "rb") as pack:
            pack.seek(entry.offset)
            return pack.read(entry.size)


def folder_of(program: Program) -> str:
    """Where marks are."""
    path = f"{program.workshop.path}/turns"
    os.makedirs(path, 0o700, exist_ok=True)
    return path


def load(program: Program, name: str) -> Mark:
    """One by its name."""
    folder = folder_of(program)
    try:
        with open(f"{folder}/{name}.json") as file:
            said = json.load(file)
    except FileNotFoundError:
        raise Trouble("not_found", NOTHING) from None
    return Mark(folder, name, {path: Entry(*each) for path, each in said.items()})


def do_mark(program: Program, call: Call, *, name: str, anew: bool, sync: bool) -> dict[str, Any]:
    """Make one; one of that name stays as it is, unless it is to be made anew. With `sync`, what programs wrote is on
    the disk when this answers, so that little is left to be written where the disk is held still next.
    """
    folder = folder_of(program)
    if anew or not os.path.exists(f"{folder}/{name}.json"):
        _make(program, call, folder, name)
    if sync:
        os.sync()
    entries = load(program, name).entries.values()
    unkept = sum(each.kind == "f" and bool(each.size) and not each.pack for each in entries)
    return {"files": sum(each.kind != "d" for each in entries), "unkept": unkept}


def do_keep_marks(program: Program, call: Call, *, turns: list[int]) -> dict[str, Any]:
    """Take away those of all other turns, and the packs that nothing refers to any more."""
    folder = folder_of(program)
    marks = {each.removesuffix(".json") for each in os.listdir(folder) if each.endswith(".json")}
    kept = {each for each in marks if each.partition(".")[0] in {str(turn) for turn in turns}}
    packs = {pack for each in kept for pack in load(program, each).packs}
    wanted = {f"{each}.json" for each in kept} | {f"{each}.pack" for each in packs}
    for each in set(os.listdir(folder)) - wanted:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{folder}/{each}")
    return {}


def identity(status: os.stat_result) -> str:
    """Another after every change of a file, of its mode and its owner too."""
    return f"{status.st_ino:x}.{status.st_mtime_ns:x}.{status.st_ctime_ns:x}"


def entry_of(status: os.stat_result, target: str = "") -> Entry | None:
    """Without what is in it; None for what is neither file nor link nor folder."""
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISDIR(status.st_mode):
        return Entry("d", mode, status.st_uid, status.st_gid)
    if stat.S_ISLNK(status.st_mode):
        return Entry("l", text=target)
    if stat.S_ISREG(status.st_mode):
        return Entry("f", mode, status.st_uid, status.st_gid, status.st_size, identity(status))
    return None


def _make(program: Program, call: Call, folder: str, name: str) -> None:
    found: dict[str, Entry] = {}
    with program.jail.folder("") as root:
        _walk(call, root, "", os.fstat(root).st_dev, found, 0)
        earlier = _newest(program, folder)
        pack = _Pack(folder, name, sum(each.size for each in found.values() if each.kind == "f"))
        try:
            for path, entry in found.items():
                if entry.kind == "f" and 0 < entry.size <= _BIGGEST:
                    same = earlier.get(path)
                    is_kept = same is not None and same.pack and same[:6] == entry[:6]
                    found[path] = same if same is not None and is_kept else pack.add(call, root, path, entry)
            pack.close()
        except BaseException:
            pack.remove()
            raise
    whole = json.dumps(found, separators=(",", ":"))
    with open(f"{folder}/{name}.new", "w") as file:
        file.write(whole)
    os.rename(f"{folder}/{name}.new", f"{folder}/{name}.json")


def _walk(call: Call, folder: int, prefix: str, device: int, found: dict[str, Entry], depth: int) -> None:
    """Each folder is opened beneath the one before, without following links."""
    below: list[str] = []
    with os.scandir(folder) as entries:
        for each in entries:
            name = each.name
            if name.startswith(OURS) or name in LEFT_OUT:
                continue
            with contextlib.suppress(FileNotFoundError):
                status = each.stat(follow_symlinks=False)
                target = os.readlink(name, dir_fd=folder) if each.is_symlink() else ""
                entry = entry_of(status, target)
                if entry is not None:
                    found[prefix + name] = entry
                    if entry.kind == "d" and status.st_dev == device and depth < _DEEPEST:
                        below.append(name)
    call.check()
    if len(found) > _MOST:
        raise Trouble("too_large", f"there are more than {_MOST} files")
    for name in below:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            fd = os.open(name, FOLDER, dir_fd=folder)
            try:
                _walk(call, fd, f"{prefix}{name}/", device, found, depth + 1)
            finally:
                os.close(fd)


def _newest(program: Program, folder: str) -> dict[str, Entry]:
    """The entries of the last mark. Nothing, where they are in so many packs that it is better to begin anew."""
    names = [each for each in os.listdir(folder) if each.endswith(".json")]
    if not names:
        return {}
    newest = max(names, key=lambda each: os.stat(f"{folder}/{each}").st_mtime_ns)
    mark = load(program, newest.removesuffix(".json"))
    return mark.entries if len(mark.packs) < _MOST_PACKS else {}


class _Pack:
    """Where what is in files is put, one after the other. It is there once there is something in it."""

    def __init__(self, folder: str, name: str, most: int) -> None:
        self._name = f"{name}.{os.urandom(4).hex()}"  # others may refer to what an earlier one of that name has
        self._path = f"{folder}/{self._name}.pack"
        self._fd, self._end = -1, 0
        space = os.statvfs(folder)
        self._room = min(_MOST_BYTES, space.f_bavail * space.f_frsize // 2)
        if most and not self._room:
            raise Trouble("no_space")

    def add(self, call: Call, root: int, path: str, entry: Entry) -> Entry:
        """The entry, with where it is kept; without that where there is no room, or it changes or goes meanwhile."""
        if self._end + entry.size > self._room:
            return entry
        if self._fd < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            self._fd = os.open(self._path, flags, 0o600)
        try:
            fd = os.open(path, _READ, dir_fd=root)
        except OSError:
            return entry
        try:
            if identity(os.fstat(fd)) != entry.text or not self._copied(fd, entry.size):
                os.lseek(self._fd, self._end, os.SEEK_SET)
                return entry
        finally:
            os.close(fd)
        call.check()
        kept = entry._replace(pack=self._name, offset=self._end)
        self._end += entry.size
        return kept

    def _copied(self, fd: int, size: int) -> bool:
        left = size
        while left:
            done = os.sendfile(self._fd, fd, None, left)
            if not done:
                return False
            left -= done
        return True

    def close(self) -> None:
        if self._fd >= 0:
            os.ftruncate(self._fd, self._end)
            os.close(self._fd)

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._fd)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
