"""Files without a machine: what docs/files.md says of the socket, over a dictionary, in the place of a browser's own.

The real one is tried in test_workspace_real.py; this one makes looks of it that a machine would take minutes for.
"""

import json
import re
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

from playwright.async_api import Page, Route, WebSocketRoute

_ROOT = "/app"
CODE = '"""A small service."""\n\nprint("hello")\n'
_README = """# Otter

See [main](src/main.py).

<script>stolen = 1</script>

![x](http://elsewhere/x.png)
"""


def some_files() -> "dict[str, str | bytes | None]":
    """A little of everything."""
    return {
        "/app/src": None,
        "/app/src/main.py": CODE,
        "/app/src/util.py": "x = 1\n",
        "/app/README.md": _README,
        "/app/data.csv": 'name,age\n"Otter, sea",3\n',
        "/app/blob.bin": b"\0\1",
    }


class _Refusal(Exception):
    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.said = {"code": code, "message": message, **facts}


@dataclass
class PaperFiles:
    """`files`: path to content, None for a folder, bytes for what is no text. Change them with `put` and `drop`."""

    files: dict[str, str | bytes | None] = field(default_factory=dict[str, str | bytes | None])
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    state: str = "ready"
    breaks_off: int = 0
    """How many uploads from now on are lost half way."""
    offsets: list[int] = field(default_factory=list[int])
    """Where requests of uploads began."""
    _received: dict[str, int] = field(default_factory=dict[str, int])
    _revisions: dict[str, int] = field(default_factory=dict[str, int])
    _trash: dict[str, dict[str, str | bytes | None]] = field(default_factory=dict[str, dict[str, str | bytes | None]])
    _sockets: list[WebSocketRoute] = field(default_factory=list[WebSocketRoute])
    _watched: set[str] = field(default_factory=set[str])

    async def serve(self, page: Page) -> None:
        """From now on this page's files are these."""
        await page.route_web_socket(re.compile("/ws/fs/"), self._take)
        await page.route(re.compile("/api/containers/[0-9]+/upload_file/"), self._upload)

    def put(self, path: str, content: str | bytes | None, *, is_heard: bool = True) -> None:
        """As if it had been written in the machine."""
        self.files[path] = content
        self._revisions[path] = self._revisions.get(path, 0) + 1
        if is_heard:
            self._tell({"event": "changed", "folder": _folder(path)})
            self._tell({"event": "file", "path": path, "revision": self.revision(path)})

    def drop(self, path: str) -> None:
        """As if it had been removed in the machine."""
        for each in [each for each in self.files if _is_under(each, path)]:
            del self.files[each]
            self._tell({"event": "file", "path": each, "revision": None})
        self._tell({"event": "changed", "folder": _folder(path)})

    def revision(self, path: str) -> str:
        """Another after each write."""
        return f"r{self._revisions.get(path, 0)}"

    async def cut(self) -> None:
        """Drop every connection."""
        for socket in self._sockets:
            await socket.close(code=1012)
        self._sockets.clear()

    def say(self, state: str, message: str = "") -> None:
        """The machine went, or came."""
        self.state = state
        self._tell({"event": "state", "state": state, "message": message}, anyway=True)

    async def _take(self, socket: WebSocketRoute) -> None:
        self._sockets.append(socket)
        socket.on_message(lambda text: self._hear(socket, json.loads(text)))
        socket.send(json.dumps({"event": "state", "state": self.state, "message": ""}))

    def _tell(self, message: dict[str, Any], *, anyway: bool = False) -> None:
        if anyway or message.get("folder", message.get("path")) in self._watched:
            for socket in self._sockets:
                socket.send(json.dumps(message))

    def _hear(self, socket: WebSocketRoute, asked: dict[str, Any]) -> None:
        method, params = asked["method"], asked.get("params", {})
        self.calls.append((method, params))
        try:
            answer = {"id": asked["id"], "result": getattr(self, f"_do_{method}")(**params)}
        except _Refusal as refusal:
            answer = {"id": asked["id"], "error": refusal.said}
        socket.send(json.dumps(answer))

    def _must(self, path: str) -> str | bytes | None:
        if path not in self.files and path != _ROOT:
            raise _Refusal("not_found", f"{path} is not there.")
        return self.files.get(path)

    def _do_list(self, path: str, offset: int = 0, limit: int = 10000) -> dict[str, Any]:
        self._must(path)
        inside = [each for each in self.files if _folder(each) == path]
        inside.sort(key=lambda each: (self.files[each] is not None, each.lower()))
        entries = [self._entry(each) for each in inside]
        return {"path": path, "entries": entries[offset : offset + limit], "total": len(entries), "revision": "1"}

    def _entry(self, path: str) -> dict[str, Any]:
        content, name = self.files[path], path.rsplit("/", 1)[1]
        kind, size = ("folder", 0) if content is None else ("file", len(content))
        return {"name": name, "kind": kind, "size": size, "modified": 1_790_000_000_000, "mode": 0o644}

    def _do_stat(self, path: str) -> dict[str, Any]:
        self._must(path)
        return {"path": path, **self._entry(path), "revision": self.revision(path)}

    def _do_read(self, path: str) -> dict[str, Any]:
        content, revision = self._must(path), self.revision(path)
        if not isinstance(content, str):
            raise _Refusal("binary", "That is no text.", size=len(content or b""), revision=revision)
        return {"path": path, "content": content, "revision": revision, "size": len(content)}

    def _do_write(self, path: str, content: str, base: str | None = None, force: bool = False) -> dict[str, Any]:
        now = self.revision(path) if path in self.files else None
        if base != now and not force:
            raise _Refusal("conflict", "It changed.", revision=now, content=self.files.get(path))
        self.put(path, content)
        return {"path": path, "revision": self.revision(path), "size": len(content), "modified": 0}

    def _do_create(self, path: str, kind: str = "file") -> dict[str, Any]:
        if path in self.files:
            raise _Refusal("exists", f"{path} is there already.")
        self.put(path, "" if kind == "file" else None)
        return {"path": path, "kind": kind, "revision": self.revision(path)}

    def _do_move(self, path: str, to: str, overwrite: bool = False) -> dict[str, Any]:
        self._must(path)
        if to in self.files and not overwrite:
            raise _Refusal("exists", f"{to} is there already.")
        for each in [each for each in self.files if _is_under(each, path)]:
            fresh = to + each[len(path) :]
            self._revisions[fresh] = self._revisions.get(each, 0)
            self.files[fresh] = self.files.pop(each)
        return {"path": to}

    def _do_copy(self, path: str, to: str) -> dict[str, Any]:
        self.put(to, self._must(path))
        return {"path": to}

    def _do_trash(self, paths: list[str]) -> dict[str, Any]:
        undo = str(len(self._trash))
        gone = [each for each in self.files if any(_is_under(each, path) for path in paths)]
        self._trash[undo] = {each: self.files[each] for each in gone}
        for path in paths:
            self.drop(path)
        return {"undo": undo, "paths": paths}

    def _do_restore(self, undo: str) -> dict[str, Any]:
        for path, content in self._trash.pop(undo).items():
            self.put(path, content)
        return {"paths": []}

    def _do_search(self, query: str, include: list[str], match_case: bool = False, **_: object) -> dict[str, Any]:
        matches: list[dict[str, Any]] = []
        wanted = {path: each for path, each in self.files.items() if not include or _is_like(path, include)}
        for path, content in wanted.items():
            for number, line in enumerate(content.splitlines() if isinstance(content, str) else [], 1):
                at = line.find(query) if match_case else line.lower().find(query.lower())
                if at >= 0:
                    matches.append({"path": path, "line": number, "column": at + 1, "text": line})
        return {"matches": matches, "files": len({each["path"] for each in matches}), "truncated": False}

    def _do_find(self, query: str, limit: int = 100) -> dict[str, Any]:
        likely = re.compile(".*?".join(map(re.escape, query.lower())))
        paths = [each for each in sorted(self.files) if likely.search(each.lower())]
        kinds = ("folder" if self.files[each] is None else "file" for each in paths)
        found = [{"path": path, "kind": kind} for path, kind in zip(paths, kinds, strict=True)]
        return {"paths": found[:limit], "truncated": False}

    def _do_watch(self, folders: list[str], files: list[str]) -> dict[str, Any]:
        self._watched = {*folders, *files}
        return {}

    def _do_cancel(self, id: int) -> dict[str, Any]:  # noqa: A002  as the protocol has it
        return {"cancelled": id < 0}

    def _do_clone(self, url: str, path: str, **_: object) -> dict[str, Any]:
        if "nowhere" in url:
            raise _Refusal("failed", "git could not find that repository.")
        self.put(path, None)
        self.put(f"{path}/README.md", f"# From {url}\n")
        return {"path": path}

    async def _upload(self, route: Route) -> None:
        asked = dict(re.findall(r"[?&](\w+)=([^&]*)", route.request.url))
        if route.request.method != "POST":
            await route.fulfill(json={"received": self._received.get(asked["upload"], 0)})
            return
        path = asked["path"].replace("%2F", "/")
        self.offsets.append(int(asked["offset"]))
        if path in self.files and asked["overwrite"] == "false":
            await route.fulfill(
                status=409, json={"error": {"code": "conflict", "reason": "exists", "message": "It is there already."}}
            )
            return
        if self.breaks_off:
            self.breaks_off -= 1
            self._received[asked["upload"]] = int(asked["size"]) // 2
            await route.abort()
            return
        self.put(path, (route.request.post_data_buffer or b"").decode())  # nothing of a file that was chosen
        await route.fulfill(json={"path": path, "revision": self.revision(path), "done": True})


def _folder(path: str) -> str:
    return path.rsplit("/", 1)[0]


def _is_under(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _is_like(path: str, globs: list[str]) -> bool:
    return any(fnmatch(path.removeprefix(f"{_ROOT}/"), each) for each in globs)
