"""Files and folders of a guest on their way in and out, piece by piece: whoever is slower sets the pace, and no more
than `_WINDOW` pieces are ever on the way.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

from backend.guest.files_program import PIECE_BYTES, Call, FileProgram, is_revision, is_size, nonsense
from backend.rules import paths
from backend.rules.file_refusals import FileRefused

_WINDOW = 8
_STUCK_S = 60.0
_FINISH_S = 600.0
_FIRST_MS, _LAST_MS = 0, 253_402_300_799_000


@dataclass(frozen=True, slots=True)
class Upload:
    """What is sent: which file, how large it is in the end, from which byte on. `name` is what it is asked for by."""

    path: str
    name: str
    size: int
    offset: int = 0
    overwrite: bool = False
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """A file, before it is sent."""

    revision: str
    size: int
    modified: int
    """In milliseconds since 1970, and no year that a date can't be in."""


async def look(program: FileProgram, path: str) -> Sight:
    """See what would be sent.

    Raises:
        FileRefused: `not_found`, `is_a_folder`, `outside`, …
    """
    said: dict[str, Any] = {}

    def hear(event: dict[str, Any]) -> None:
        said.update({name: event.get(name) for name in ("revision", "size", "modified")})

    try:
        await program.ask("get", path=path, offset=0, length=0, base=None, hear=hear)
    except FileRefused as refusal:
        raise refusal.of(paths.outside(path)) from refusal
    revision, size, modified = said.get("revision"), said.get("size"), said.get("modified")
    if not is_revision(revision) or not is_size(size) or not isinstance(modified, int):
        raise nonsense()
    return Sight(revision, size, min(max(modified, _FIRST_MS), _LAST_MS))


async def content(program: FileProgram, path: str, offset: int, length: int, revision: str) -> AsyncGenerator[bytes]:
    """A part of a file; raises FileRefused `conflict` in the midst of it if the file changes."""
    left = length
    async for piece in _received(program, "get", path, offset=offset, length=length, base=revision):
        left -= len(piece)
        if left < 0:
            raise nonsense()
        yield piece
    if left:
        raise nonsense()


async def folder(program: FileProgram, path: str) -> AsyncGenerator[bytes]:
    """A folder as a tar.gz."""
    async for piece in _received(program, "pack", path):
        yield piece


async def _received(program: FileProgram, method: str, path: str, **params: Any) -> AsyncGenerator[bytes]:
    call, owed = program.begin(method, path=path, **params), 0
    try:
        for _ in range(_WINDOW):
            await _want_another(call)
        while piece := await _soon(call.next()):
            yield piece
            owed += len(piece)
            while owed >= PIECE_BYTES:
                owed -= PIECE_BYTES
                await _want_another(call)
    except FileRefused as refusal:
        raise refusal.of(paths.outside(path)) from refusal
    finally:
        program.end(call)


async def _want_another(call: Call) -> None:
    call.allow(PIECE_BYTES)
    await call.send(b"")


async def take(program: FileProgram, upload: Upload, source: AsyncIterator[bytes]) -> dict[str, Any]:
    """Send what `source` gives; in place when all is there. What has come stays if it breaks off.

    Raises:
        FileRefused: `exists`, `conflict` (with `received`, where it goes on), `no_space`, `invalid`, …
    """
    way = _WayIn(program, upload)
    try:
        async for piece in _in_pieces(source):
            if not await way.send(piece):
                break
        return await way.finish()
    except FileRefused as refusal:
        raise refusal.of(paths.outside(upload.path)) from refusal
    finally:
        program.end(way.call)


class _WayIn:
    """One upload under way: how much was sent, and how much the guest has written."""

    def __init__(self, program: FileProgram, upload: Upload) -> None:
        self._upload, self._sent, self._written = upload, upload.offset, upload.offset
        self._moved = asyncio.Event()
        self.call = program.begin(
            "put", hear=self._hear, path=upload.path, upload=upload.name, size=upload.size, offset=upload.offset,
            overwrite=upload.overwrite, sha256=upload.sha256,
        )  # fmt: skip
        self.call.answer.add_done_callback(lambda _: self._moved.set())

    async def send(self, piece: bytes) -> bool:
        """False once the guest has answered, and takes no more."""
        if self._sent + len(piece) > self._upload.size:
            raise FileRefused("invalid", self._upload.path, "more was sent than it was said to have")
        while self._sent - self._written > _WINDOW * PIECE_BYTES and not self.call.answer.done():
            self._moved.clear()
            await _soon(self._moved.wait())
        if self.call.answer.done():
            return False
        await self.call.send(piece)
        self._sent += len(piece)
        return True

    async def finish(self) -> dict[str, Any]:
        if self._sent < self._upload.size and not self.call.answer.done():
            await self.call.send(b"")
        try:
            async with asyncio.timeout(_FINISH_S):
                said = await asyncio.shield(self.call.answer)
        except TimeoutError as fault:
            raise FileRefused("timeout", self._upload.path) from fault
        received, revision = said.get("received"), said.get("revision", "")
        if not is_size(received) or (revision and not is_revision(revision)):
            raise nonsense()
        if said.get("done") is not True:
            return {"received": received, "done": False}
        path = paths.outside(self._upload.path)
        return {"path": path, "revision": revision, "size": self._upload.size, "done": True}

    def _hear(self, said: dict[str, Any]) -> None:
        written = said.get("received")
        if isinstance(written, int) and self._written <= written <= self._sent:
            self._written = written
            self._moved.set()


async def received(program: FileProgram, name: str) -> int:
    """How much of an upload is there."""
    said, _ = await program.ask("received", upload=name)
    count = said.get("received")
    if not is_size(count):
        raise nonsense()
    return count


async def forget(program: FileProgram, name: str) -> None:
    """Take away what is there of an upload."""
    await program.ask("forget", upload=name)


async def _in_pieces(source: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """As large as they go over the wire, whatever they come in; a little that waited for more is sent anyway."""
    kept, since = bytearray(), time.monotonic()
    async for data in source:
        kept += data
        while len(kept) >= PIECE_BYTES or (kept and time.monotonic() - since > 1):
            yield bytes(kept[:PIECE_BYTES])
            del kept[:PIECE_BYTES]
            since = time.monotonic()
    if kept:
        yield bytes(kept)


async def _soon(waiting: Any) -> Any:
    try:
        async with asyncio.timeout(_STUCK_S):
            return await waiting
    except TimeoutError as fault:
        raise FileRefused("timeout") from fault
