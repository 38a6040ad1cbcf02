"""What can be asked of a guest's files, by name (docs/files.md): parameters checked, the program in the guest asked,
its answer brought into form. What does not fit the form is taken for nonsense, and not passed on.
"""

import array
import asyncio
import stat
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast
from weakref import WeakKeyDictionary

from backend.guest.files_program import FileProgram, Hear, is_revision, nonsense
from backend.rules import finding, paths
from backend.rules.file_refusals import FileRefused
from backend.rules.git_urls import origin

Params = dict[str, Any]
Answer = dict[str, Any]
Handler = Callable[[FileProgram, Params, Hear], Awaitable[Answer]]

MAX_TEXT_BYTES = 5 * 1024 * 1024
_MAX_LISTED = 100_000
_MAX_NAMES_BYTES = 16 * 1024 * 1024
_MAX_TOGETHER = 1000
_SEARCH_S = 20.0
_CLONE_S = 1800.0
_COPY_S = 600.0
_SEEN_S = 3.0
_KINDS = {"f": "file", "d": "folder", "l": "link"}
_seen = WeakKeyDictionary[FileProgram, tuple[float, bool, dict[str, str]]]()


async def list_(program: FileProgram, params: Params, _hear: Hear) -> Answer:
    path = paths.inside(params.get("path"))
    offset, limit = _number(params, "offset", 0), min(_number(params, "limit", 10_000), _MAX_LISTED)
    room = limit * (paths.MAX_NAME_BYTES + 21)
    said, data = await _ask(program, path, "list", path=path, offset=offset, limit=limit, limit_bytes=room)
    entries = _entries(said, data, limit)
    told = {"path": paths.outside(path), "entries": entries, "total": _count(said), "revision": _revision(said)}
    return told | ({"truncated": True} if said.get("truncated") is True else {})


def _entries(said: Answer, data: bytes, limit: int) -> list[Answer]:
    count = said.get("count")
    links = cast("dict[str, object]", said["links"]) if isinstance(said.get("links"), dict) else {}
    if not isinstance(count, int) or not 0 <= count <= limit:
        raise nonsense()
    modes, sizes, times = array.array("I"), array.array("q"), array.array("q")
    start = 0
    for column in (modes, sizes, times):
        column.frombytes(data[start : start + column.itemsize * count])
        start += column.itemsize * count
    names = data[start:].decode("utf-8", "surrogateescape").split("\0") if count else []
    if not len(names) == len(modes) == len(times) == count or not all(map(_is_name, names)):
        raise nonsense()
    found = [_entry(*each, links) for each in zip(names, modes, sizes, times, strict=True)]
    return sorted(found, key=lambda each: (_sorts_after(each), each["name"].casefold(), each["name"]))


def _entry(name: str, mode: int, size: int, modified: int, links: dict[str, object]) -> Answer:
    kind = _kind(mode)
    entry: Answer = {"name": name, "kind": kind, "size": 0 if kind == "folder" else size, "modified": modified}
    entry["mode"] = stat.S_IMODE(mode)
    return entry | _target(links.get(name)) if kind == "link" else entry


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


def _sorts_after(entry: Answer) -> bool:
    return entry["kind"] != "folder" and entry.get("target_kind") != "folder"


def _target(said: object) -> Answer:
    match said:
        case [str(target), str(kind)] if kind in ("file", "folder", "link", "other", "missing", "outside"):
            return {"target": target[: paths.MAX_PATH_BYTES], "target_kind": "other" if kind == "link" else kind}
        case _:
            return {"target": "", "target_kind": "missing"}


async def stat_(program: FileProgram, params: Params, _hear: Hear) -> Answer:
    path = paths.inside(params.get("path"))
    said, _ = await _ask(program, path, "stat", path=path)
    kind = said.get("kind") if said.get("kind") in ("file", "folder", "link") else "other"
    told = {"path": paths.outside(path), "name": path.rpartition("/")[2], "kind": kind, **_figures(said)}
    return told | (_target([said.get("target"), said.get("target_kind")]) if kind == "link" else {})


async def read(program: FileProgram, params: Params, _hear: Hear) -> Answer:
    path = paths.inside(params.get("path"))
    figures, data = await content(program, path)
    told = {"path": paths.outside(path), **figures} | {"size": len(data)}
    text = _text_of(data)
    if text is None:
        raise FileRefused("binary", paths.outside(path), size=len(data), revision=told["revision"])
    return told | {"content": text, "ends_with_newline": text.endswith("\n")}


async def content(program: FileProgram, path: str, *, limit: int = MAX_TEXT_BYTES) -> tuple[Answer, bytes]:
    """A checked path's revision, size, modified and mode, and what the file holds: text or not. `limit`: in bytes.

    Raises:
        FileRefused: `not_found`, `is_a_folder`, `too_large`, …
    """
    said, data = await _ask(program, path, "read", path=path, limit=limit, limit_bytes=limit)
    return _figures(said), data


def _text_of(data: bytes) -> str | None:
    try:
        return data.decode() if b"\0" not in data else None
    except UnicodeDecodeError:
        return None


async def write(program: FileProgram, params: Params, _hear: Hear) -> Answer:
    path, base, force = paths.inside(params.get("path")), params.get("base"), params.get("force") is True
    content = params.get("content")
    if not isinstance(content, str) or not isinstance(base, str | None):
        raise FileRefused("invalid", "The content", "it has to be text, and base a revision or null")
    try:
        data = content.encode()
    except UnicodeEncodeError:
        raise FileRefused("invalid", "The content", "it has characters in it that are none") from None
    if len(data) > MAX_TEXT_BYTES:
        raise FileRefused("too_large", paths.outside(path), "upload it instead")
    asked: Params = {"path": path, "size": len(data), "base": base, "force": force, "data": data}
    try:
        said, _ = await _ask(program, path, "write", timeout_s=60.0, **asked)
    except FileRefused as refusal:
        if refusal.code != "conflict":
            raise
        raise FileRefused("conflict", paths.outside(path), **await _present(program, path)) from refusal
    return {"path": paths.outside(path), **_figures(said)}


async def _present(program: FileProgram, path: str) -> Answer:
    """What stands there now, for who must choose between it and their own."""
    try:
        there = await read(program, {"path": path}, _deaf)
        return {"revision": there["revision"], "content": there["content"]}
    except FileRefused as refusal:
        return {"revision": refusal.more.get("revision"), "content": None}


async def create(program: FileProgram, params: Params, _hear: Hear) -> Answer:
    path, kind = paths.inside(params.get("path")), params.get("kind", "file")
    if kind not in ("file", "folder"):
        raise FileRefused("invalid", "The kind", "it is file or folder")
    said, _ = await _ask(program, path, "create", path=path, kind=kind)
    return {"path": paths.outside(path), "kind": kind, "revision": _revision(said)}


async def move(program: FileProgram, params: Params, _hear: Hear) -> Answer:
    return await _carry(program, params, "move", overwrite=params.get("overwrite") is True)


async def copy(program: FileProgram, params: Params, _hear: Hear) -> Answer:
    return await _carry(program, params, "copy")


async def _carry(program: FileProgram, params: Params, method: str, **more: Any) -> Answer:
    path, to = paths.inside(params.get("path")), paths.inside(params.get("to"))
    about = to if await _is_there(program, path) else path
    await _ask(program, about, method, path=path, to=to, timeout_s=_COPY_S, **more)
    return {"path": paths.outside(to)}


async def _is_there(program: FileProgram, path: str) -> bool:
    """So that a refusal names the right one of two paths."""
    try:
        await _ask(program, path, "stat", path=path)
    except FileRefused as refusal:
        return refusal.code not in ("not_found", "not_a_folder", "outside")
    return True


async def trash(program: FileProgram, params: Params, _hear: Hear) -> Answer:
    gone = [paths.inside(each) for each in together(params)]
    said, _ = await _ask(program, gone[0], "trash", paths=gone, timeout_s=_COPY_S)
    undo = said.get("undo")
    if not isinstance(undo, str) or not _is_token(undo):
        raise nonsense()
    return {"undo": undo, "paths": [paths.outside(each) for each in gone]}


def together(params: Params) -> list[str]:
    """What is to be put away, as it was said.

    Raises:
        FileRefused: `invalid`.
    """
    given = _texts(params.get("paths"), _MAX_TOGETHER)
    if not given:
        raise FileRefused("invalid", "paths", f"it is a list of 1 to {_MAX_TOGETHER} paths")
    return given


async def restore(program: FileProgram, params: Params, _hear: Hear) -> Answer:
    said, _ = await _ask(program, "", "restore", undo=undo_in(params), timeout_s=_COPY_S)
    back = _texts(said.get("paths"), _MAX_TOGETHER)
    if back is None:
        raise nonsense()
    return {"paths": [paths.outside(each) for each in back]}


def undo_in(params: Params) -> str:
    """What names the things that are to be brought back.

    Raises:
        FileRefused: `invalid`.
    """
    undo = params.get("undo")
    if not isinstance(undo, str) or not _is_token(undo):
        raise FileRefused("invalid", "undo", "it is what trash answered")
    return undo


async def search(program: FileProgram, params: Params, _hear: Hear) -> Answer:
    query, limit = params.get("query"), min(_number(params, "limit", 500), 5000)
    if not isinstance(query, str) or not 0 < len(query) <= 1000 or "\n" in query or "\0" in query:
        raise FileRefused("invalid", "The query", "it is one line of 1 to 1000 characters")
    said, _ = await _ask(
        program, "", "search", query=query, regex=params.get("regex") is True,
        match_case=params.get("match_case") is True, include=paths.globs(params.get("include", []), "include"),
        exclude=paths.globs(params.get("exclude", []), "exclude"), limit=limit, seconds=_SEARCH_S,
        timeout_s=_SEARCH_S + 10,
    )  # fmt: skip
    matches = cast("list[object]", said["matches"]) if isinstance(said.get("matches"), list) else None
    if matches is None or len(matches) > limit:
        raise nonsense()
    found = [_match(each) for each in matches]
    files = len({each["path"] for each in found})
    return {"matches": found, "files": files, "truncated": said.get("truncated") is True}


def _match(said: object) -> Answer:
    match said:
        case [str(path), int(line), int(column), str(text)]:
            return {
                "path": paths.outside(path[: paths.MAX_PATH_BYTES]),
                "line": line,
                "column": column,
                "text": text[:400],
            }
        case _:
            raise nonsense()


async def find(program: FileProgram, params: Params, _hear: Hear) -> Answer:
    query, limit = params.get("query", ""), min(_number(params, "limit", 100), 1000)
    if not isinstance(query, str) or len(query) > 200:
        raise FileRefused("invalid", "The query", "it is a text of 200 characters at most")
    is_cut, kinds = await _names(program)
    best = await asyncio.to_thread(finding.ranked, query, kinds, limit)
    found = [{"path": paths.outside(each), "kind": kinds[each]} for each in best]
    return {"paths": found, "truncated": is_cut}


async def _names(program: FileProgram) -> tuple[bool, dict[str, str]]:
    """All paths and their kinds; a palette asks at every key, the guest is asked every few seconds."""
    known = _seen.get(program)
    if known is not None and time.monotonic() - known[0] < _SEEN_S:
        return known[1:]
    room = _MAX_NAMES_BYTES + 256 * 1024
    said, data = await _ask(program, "", "names", limit=_MAX_NAMES_BYTES, seconds=10.0, limit_bytes=room)
    lines = data.decode("utf-8", "surrogateescape").split("\0")[:-1]
    kinds = {each[1:]: _KINDS.get(each[0], "other") for each in lines[:_MAX_LISTED] if len(each) > 1}
    _seen[program] = time.monotonic(), said.get("truncated") is True or len(lines) > _MAX_LISTED, kinds
    return _seen[program][1:]


async def clone(program: FileProgram, params: Params, hear: Hear) -> Answer:
    given = {name: params.get(name) or "" for name in ("url", "token", "username", "key")}
    if not all(isinstance(each, str) for each in given.values()):
        raise FileRefused("invalid", "That address", "it is a text, and so are token, username and key")
    path = paths.inside(params.get("path"))
    wanted = origin(given["url"], token=given["token"], username=given["username"], key=given["key"])
    asked = {"url": wanted.url, "host": wanted.host, "username": wanted.username, "token": wanted.token}

    def tell(said: dict[str, Any]) -> None:
        percent = said.get("percent")
        text, is_number = str(said.get("text", ""))[:300], isinstance(percent, int) and 0 <= percent <= 100
        hear({"event": "progress", "text": text, "percent": percent if is_number else None})

    await _ask(program, path, "clone", path=path, key=wanted.key, hear=tell, timeout_s=_CLONE_S, **asked)
    return {"path": paths.outside(path)}


HANDLERS: dict[str, Handler] = {
    "list": list_, "stat": stat_, "read": read, "write": write, "create": create, "move": move, "copy": copy,
    "trash": trash, "restore": restore, "search": search, "find": find, "clone": clone,
}  # fmt: skip
"""Everything but `watch` and `cancel`, which are about who asks."""


async def _ask(program: FileProgram, about: str, method: str, /, **params: Any) -> tuple[Answer, bytes]:
    """Refusals name the path as people know it."""
    try:
        return await program.ask(method, **params)
    except FileRefused as refusal:
        raise refusal.of(paths.outside(refusal.path or about)) from refusal


def _figures(said: Answer) -> Answer:
    size, modified, mode = said.get("size"), said.get("modified"), said.get("mode")
    if not isinstance(size, int) or not isinstance(modified, int) or not isinstance(mode, int):
        raise nonsense()
    return {"revision": _revision(said), "size": size, "modified": modified, "mode": mode & 0o7777}


def _revision(said: Answer) -> str:
    revision = said.get("revision")
    if not is_revision(revision):
        raise nonsense()
    return revision


def _count(said: Answer) -> int:
    total = said.get("total")
    if not isinstance(total, int) or not 0 <= total <= _MAX_LISTED:
        raise nonsense()
    return total


def _number(params: Params, name: str, default: int) -> int:
    value = params.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 2**53:
        raise FileRefused("invalid", name, "it is a whole number from 0 on")
    return value


def _texts(given: object, most: int) -> list[str] | None:
    """A list of texts, or None."""
    listed = cast("list[object]", given) if isinstance(given, list) else [None]
    texts = [each for each in listed if isinstance(each, str)]
    return texts if len(texts) == len(listed) <= most else None


def _is_name(name: str) -> bool:
    return bool(name) and "/" not in name


def _is_token(text: str) -> bool:
    return text.isascii() and text.isalnum() and len(text) <= 64


def _deaf(_said: dict[str, Any]) -> None:
    return
