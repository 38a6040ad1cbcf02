"""Runs inside a guest: looks at a folder, and puts a set of files into it, all or none.

On standard input: a line of JSON, then the contents of the files that are to be written, one after another. On
standard output: a line of JSON. What is asked and answered, backend/guest/folders.py says.

How it is all or nothing. The new files are written into a workshop inside the folder, so that everything after that
is a rename on one file system. Then a journal of those renames is written down; whatever fails, they are undone in
reverse. A journal that is found at the next look is of one that was killed: it is undone then. Folders are walked one
by one without following links, so nothing is written, looked at or taken away outside.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import stat
import sys
from typing import Any

WORKSHOP = ".pequeroku-apply"
_MAX_EXTRAS = 2000
_MAX_COUNTED = 100_000
_MAX_HASHED = 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Refusal(Exception):
    """Why not: a word that the asking side knows, and detail."""

    def __init__(self, word: str, detail: str = "") -> None:
        super().__init__(word, detail)
        self.word, self.detail = word, detail


def main() -> None:
    """Answer one request."""
    asked = json.loads(sys.stdin.buffer.readline())
    try:
        answer = look(asked) if asked["do"] == "look" else apply(asked, sys.stdin.buffer)
    except Refusal as refusal:
        answer = {"refused": refusal.word, "detail": refusal.detail}
    except OSError as fault:
        answer = {"refused": "fault", "detail": str(fault)}
    sys.stdout.write(json.dumps(answer) + "\n")


def look(asked: dict[str, Any]) -> dict[str, Any]:
    """What stands where the files are to go; what an earlier one that was killed had begun is undone before."""
    real = os.path.realpath(asked["destination"])
    if not os.path.lexists(real):
        return _told(real, exists=False, seen=[["absent"] for _ in asked["files"]], extras=[], is_cut=False)
    with _opened(real) as root:
        _lock(root)
        _clear(root)
        return _survey(root, real, asked)


def apply(asked: dict[str, Any], contents: Any) -> dict[str, Any]:
    """Put the files in place, provided that all is as it was when it was looked at."""
    data = [contents.read(each["send"]) if each["send"] >= 0 else None for each in asked["files"]]
    if any(piece is not None and len(piece) != each["send"] for piece, each in zip(data, asked["files"], strict=True)):
        raise Refusal("cut-off")
    real = os.path.realpath(asked["destination"])
    made = _make_root(real)
    try:
        with _opened(real) as root:
            _lock(root)
            _clear(root)
            now = (
                _survey(root, real, asked)
                if not made
                else _told(real, exists=False, seen=[["absent"] for _ in asked["files"]], extras=[], is_cut=False)
            )
            if now["token"] != asked["token"]:
                raise Refusal("changed")
            _put(root, asked, data, now)
    except BaseException:
        for folder in made:
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        raise
    return {"done": True}


def _make_root(real: str) -> list[str]:
    """Make the folder and those above it; returns those that were not there, the deepest first."""
    missing: list[str] = []
    while not os.path.lexists(real):
        missing.append(real)
        real = os.path.dirname(real)
    for folder in reversed(missing):
        owner = os.stat(os.path.dirname(folder))
        os.mkdir(folder, 0o755)
        os.chown(folder, owner.st_uid, owner.st_gid)
    return missing


@contextlib.contextmanager
def _opened(real: str) -> Any:
    try:
        root = os.open(real, _FOLDER)
    except NotADirectoryError:
        raise Refusal("not-a-folder", real) from None
    try:
        yield root
    finally:
        os.close(root)


def _lock(root: int) -> None:
    try:
        fcntl.flock(root, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refusal("busy") from None


# --- Looking ----------------------------------------------------------------------------------------------------


def _survey(root: int, real: str, asked: dict[str, Any]) -> dict[str, Any]:
    seen = [_seen(root, each) for each in asked["files"]]
    extras, is_cut = _extras(root, [each["path"] for each in asked["files"]]) if asked["clean"] else ([], False)
    return _told(real, exists=True, seen=seen, extras=extras, is_cut=is_cut)


def _told(real: str, *, exists: bool, seen: list[list[Any]], extras: list[list[Any]], is_cut: bool) -> dict[str, Any]:
    """The answer. The token covers more than is told: a file that was written to meanwhile is another one."""
    whole = json.dumps([real, exists, seen, extras, is_cut])
    return {
        "real": real,
        "exists": exists,
        "found": [each[0] for each in seen],
        "extras": [each[:3] for each in extras],
        "is_cut": is_cut,
        "token": hashlib.sha256(whole.encode(errors="surrogatepass")).hexdigest(),
    }


def _seen(root: int, wanted: dict[str, Any]) -> list[Any]:
    """What stands in one file's place, and whatever tells it from another."""
    *folders, name = wanted["path"].split("/")
    try:
        with _walked(root, folders) as folder:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            marks = [status.st_ino, status.st_size, status.st_mtime_ns, stat.S_IMODE(status.st_mode)]
            return [_kind(folder, name, status, wanted), *marks]
    except FileNotFoundError:
        return ["absent"]
    except NotADirectoryError:
        return ["blocked"]


def _kind(folder: int, name: str, status: os.stat_result, wanted: dict[str, Any]) -> str:
    if stat.S_ISLNK(status.st_mode):
        return "link"
    if stat.S_ISDIR(status.st_mode):
        return "folder"
    if not stat.S_ISREG(status.st_mode):
        return "other"
    is_alike = stat.S_IMODE(status.st_mode) == wanted["mode"] and status.st_size == wanted["size"] <= _MAX_HASHED
    return "same" if is_alike and _digest(folder, name) == wanted["sha256"] else "file"


def _digest(folder: int, name: str) -> str:
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as file:
        return hashlib.sha256(file.read(_MAX_HASHED + 1)).hexdigest()


def _extras(root: int, paths: list[str]) -> tuple[list[list[Any]], bool]:
    """What is there and not among the files: [path, is a folder, how many in it, its time]. A strange folder is one."""
    ours = {tuple(path.split("/")) for path in paths}
    folders = {parts[:depth] for parts in ours for depth in range(len(parts))}
    found: list[list[Any]] = []
    for parts in sorted(folders):
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            _walked(root, list(parts)) as folder,
            os.scandir(folder) as entries,
        ):
            for entry in entries:
                here, is_folder = (*parts, entry.name), entry.is_dir(follow_symlinks=False)
                is_plain = entry.is_file(follow_symlinks=False) or entry.is_symlink()
                if (here in folders and is_folder) or (here in ours and is_plain) or here == (WORKSHOP,):
                    continue
                if len(found) >= _MAX_EXTRAS:
                    return found, True
                changed_at = entry.stat(follow_symlinks=False).st_mtime_ns
                found.append(["/".join(here), is_folder, 1, changed_at])
    left = _MAX_COUNTED
    for extra in found:
        if extra[1] and left > 0:
            extra[2] = _count(root, extra[0].split("/"), left)
            left -= extra[2]
    return sorted(found), False


def _count(root: int, parts: list[str], limit: int) -> int:
    """How many files are in a folder, at any depth; at `limit` it stops counting."""
    count = 0
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), _walked(root, parts) as folder:
        for _, _, files, _ in os.fwalk(".", dir_fd=folder, follow_symlinks=False):
            count += len(files)
            if count >= limit:
                break
    return min(count, limit)


@contextlib.contextmanager
def _walked(root: int, parts: list[str]) -> Any:
    """The folder at `parts`, opened without following a link on the way."""
    here = os.dup(root)
    try:
        for part in parts:
            below = os.open(part, _FOLDER, dir_fd=here)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


# --- Putting in place -------------------------------------------------------------------------------------------


def _put(root: int, asked: dict[str, Any], data: list[bytes | None], now: dict[str, Any]) -> None:
    """Write the new files into the workshop, then rename: aside what goes, into place what comes."""
    steps: list[list[Any]] = [["aside", extra[0]] for extra in now["extras"]]
    made: set[str] = set()
    os.mkdir(WORKSHOP, 0o700, dir_fd=root)
    try:
        with _walked(root, [WORKSHOP]) as shop:
            for wanted, found, piece in zip(asked["files"], now["found"], data, strict=True):
                if found == "same":
                    continue
                if piece is None or (found in ("blocked", "folder", "other") and not asked["clean"]):
                    raise Refusal("changed")
                _add_folders(root, wanted["path"], made, steps, now["extras"])
                if found in ("file", "link"):
                    steps.append(["keep", wanted["path"]])
                steps.append(["place", wanted["path"]])
                _stage(root, shop, f"new-{len(steps) - 1}", wanted, piece)
            for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(each, signal.SIG_IGN)  # from here on it takes milliseconds
            _write_journal(shop, steps)
            for number, step in enumerate(steps):
                _do(root, shop, number, *step)
            os.unlink("journal", dir_fd=shop)  # done: nobody will undo it any more
            os.sync()
    finally:
        _clear(root)


def _add_folders(root: int, path: str, made: set[str], steps: list[list[Any]], extras: list[list[Any]]) -> None:
    """Steps that make the folders a file needs."""
    going = {extra[0] for extra in extras}
    parts = path.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        folder = "/".join(parts[:depth])
        if folder in made:
            continue
        try:
            with _walked(root, parts[:depth]):
                continue
        except FileNotFoundError:
            pass
        except NotADirectoryError:
            if not any(folder == each or folder.startswith(each + "/") for each in going):
                raise Refusal("changed") from None
        made.add(folder)
        steps.append(["folder", folder])


def _stage(root: int, shop: int, name: str, wanted: dict[str, Any], data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=shop), "wb") as file:
        file.write(data)
        file.flush()
        os.fchown(file.fileno(), *_owner(root, wanted["path"]))
        os.fchmod(file.fileno(), wanted["mode"])
        os.fsync(file.fileno())


def _owner(root: int, path: str) -> tuple[int, int]:
    """Whose a new file is: the one's that it replaces, else the nearest folder's."""
    *parts, name = path.split("/")
    with contextlib.suppress(OSError), _walked(root, parts) as folder:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            return status.st_uid, status.st_gid
    for depth in range(len(parts), -1, -1):
        with contextlib.suppress(OSError), _walked(root, parts[:depth]) as folder:
            status = os.fstat(folder)
            return status.st_uid, status.st_gid
    return 0, 0


def _write_journal(shop: int, steps: list[list[Any]]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open("journal.new", flags, 0o600, dir_fd=shop), "w") as file:
        json.dump(steps, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename("journal.new", "journal", src_dir_fd=shop, dst_dir_fd=shop)
    os.fsync(shop)


def _do(root: int, shop: int, number: int, verb: str, path: str) -> None:
    *parts, name = path.split("/")
    with _walked(root, parts) as folder:
        if verb == "aside":
            os.rename(name, f"old-{number}", src_dir_fd=folder, dst_dir_fd=shop)
        elif verb == "keep":  # a second name for the old one: at no moment is there none in its place
            os.link(name, f"old-{number}", src_dir_fd=folder, dst_dir_fd=shop, follow_symlinks=False)
        elif verb == "place":
            os.rename(f"new-{number}", name, src_dir_fd=shop, dst_dir_fd=folder)
        else:
            status = os.fstat(folder)
            os.mkdir(name, 0o755, dir_fd=folder)
            os.chown(name, status.st_uid, status.st_gid, dir_fd=folder, follow_symlinks=False)


def _undo(root: int, shop: int, number: int, verb: str, path: str) -> None:
    """Undo a step that may not have been done."""
    *parts, name = path.split("/")
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), _walked(root, parts) as folder:
        if verb in ("aside", "keep"):
            os.rename(f"old-{number}", name, src_dir_fd=shop, dst_dir_fd=folder)
        elif verb == "place" and not _is_there(f"new-{number}", shop):
            os.rename(name, f"new-{number}", src_dir_fd=folder, dst_dir_fd=shop)
        elif verb == "folder":
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=folder)


def _is_there(name: str, folder: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        os.stat(name, dir_fd=folder, follow_symlinks=False)
        return True
    return False


def _clear(root: int) -> None:
    """Undo what the workshop's journal says was begun, and take the workshop away."""
    try:
        with _walked(root, [WORKSHOP]) as shop:
            if _is_there("journal", shop):
                with os.fdopen(os.open("journal", os.O_RDONLY | os.O_NOFOLLOW, dir_fd=shop)) as file:
                    steps: list[list[Any]] = json.load(file)
                for number, step in reversed(list(enumerate(steps))):
                    _undo(root, shop, number, *step)
                os.unlink("journal", dir_fd=shop)
    except FileNotFoundError:
        return
    shutil.rmtree(WORKSHOP, dir_fd=root)


if __name__ == "__main__":
    main()
