"""Seeing what changes: the kernel's inotify, or a look now and then where it has no more of it to give."""

import ctypes
import os
import select
import struct
import threading
import time
from typing import Any

from backend.guest.inside.files.jail import OURS, Trouble, revision
from backend.guest.inside.files.main import Call, Program

_EVENT = struct.Struct("iIII")
_CREATE, _DELETE, _FROM, _TO, _CLOSED, _MODIFY = 0x100, 0x200, 0x40, 0x80, 0x8, 0x2
_ATTRIB, _GONE, _MOVED, _IGNORED, _OVERFLOW = 0x4, 0x400, 0x800, 0x8000, 0x4000
_ONLYDIR = 0x1000000
_MASK = _CREATE | _DELETE | _FROM | _TO | _CLOSED | _MODIFY | _ATTRIB | _GONE | _MOVED | _ONLYDIR
_EVERY_S = 0.1
_LOOK_S = 2.0
_watchers: dict[int, "_Watcher"] = {}
_lock = threading.Lock()


def do_watch(program: Program, call: Call, *, folders: list[str], files: list[str]) -> dict[str, Any]:
    """From now on look at these and no others."""
    with _lock:
        watcher = _watchers.get(0)
        if watcher is None:
            watcher = _watchers[0] = _Watcher(program)
    watcher.look_at(folders, files)
    return {}


class _Watcher:
    """One thread that waits, gathers for a moment and tells."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._notify = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._folders: set[str] = set()
        self._files: dict[str, str | None] = {}
        self._wds: dict[int, set[str]] = {}
        self._unseen: dict[str, str | None] = {}
        """Folders that can only be looked at now and then, and how they looked last."""
        threading.Thread(target=self._run, daemon=True).start()

    def look_at(self, folders: list[str], files: list[str]) -> None:
        with self._lock:
            known = self._files
            self._folders = set(folders)
            self._files = {each: known[each] if each in known else self._revision(each) for each in files}
            wanted = self._folders | {os.path.dirname(each) for each in files}
            before, self._wds, self._unseen = self._wds, {}, {}
            for path in wanted:
                self._add(path)
            for wd in before.keys() - self._wds.keys():
                self._libc.inotify_rm_watch(self._notify, wd)

    def _add(self, path: str) -> None:
        try:
            with self._program.jail.folder(path) as fd:
                wd = self._libc.inotify_add_watch(self._notify, f"/proc/self/fd/{fd}".encode(), _MASK)
        except (OSError, Trouble):
            if path in self._folders:
                self._program.say(b"e", 0, {"event": "changed", "folder": path, "gone": True})
            return
        if wd >= 0:
            self._wds.setdefault(wd, set()).add(path)
        else:
            self._unseen[path] = self._looks(path)

    def _run(self) -> None:
        looked_at = time.monotonic()
        while True:
            ready, _, _ = select.select([self._notify] if self._notify >= 0 else [], [], [], _LOOK_S)
            if ready:
                time.sleep(_EVERY_S)  # what comes in a burst is told once
            changed, gone = self._read() if ready else (set[str](), set[str]())
            if time.monotonic() - looked_at > _LOOK_S:
                looked_at = time.monotonic()
                changed |= self._looked_anew()
            self._tell(changed, gone)

    def _read(self) -> tuple[set[str], set[str]]:
        changed, gone = set[str](), set[str]()
        try:
            data = os.read(self._notify, 1024 * 1024)
        except BlockingIOError:
            return changed, gone
        with self._lock:
            offset = 0
            while offset < len(data):
                wd, mask, _, length = _EVENT.unpack_from(data, offset)
                name = data[offset + _EVENT.size :][:length].rstrip(b"\0")
                offset += _EVENT.size + length
                if mask & _OVERFLOW:
                    changed |= self._folders | {os.path.dirname(each) for each in self._files}
                elif mask & (_GONE | _MOVED):
                    gone |= self._wds.get(wd, set())
                elif not mask & _IGNORED and not name.startswith(OURS.encode()):
                    changed |= self._wds.get(wd, set())
        return changed, gone

    def _looked_anew(self) -> set[str]:
        with self._lock:
            changed = {path for path, seen in self._unseen.items() if self._looks(path) != seen}
            for path in changed:
                self._unseen[path] = self._looks(path)
        return changed

    def _tell(self, changed: set[str], gone: set[str]) -> None:
        with self._lock:
            for path in (changed | gone) & self._folders:
                more = {"gone": True} if path in gone else {}
                self._program.say(b"e", 0, {"event": "changed", "folder": path, **more})
            for path, known in list(self._files.items()):
                if os.path.dirname(path) in changed | gone and (now := self._revision(path)) != known:
                    self._files[path] = now
                    self._program.say(b"e", 0, {"event": "file", "path": path, "revision": now})

    def _revision(self, path: str) -> str | None:
        try:
            with self._program.jail.place(path, follow=True) as place:
                return place.revision()
        except (OSError, Trouble):
            return None

    def _looks(self, path: str) -> str | None:
        try:
            with self._program.jail.folder(path) as fd:
                return revision(os.fstat(fd))
        except (OSError, Trouble):
            return None
