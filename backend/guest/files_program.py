"""The program that keeps a guest's files, from our end: started over the bulk connection, spoken to in frames.

What it is, and how it speaks, inside/files/main.py says. It runs as long as anybody looks, and answers many requests at
once. Nothing that comes back is believed but its form: frames, answers and unasked-for words are bounded, everything
has a deadline, and who breaks the form is cut off.
"""

import asyncio
import base64
import json
import logging
import re
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeGuard, cast

import asyncssh

from backend.errors import Unavailable
from backend.guest.channel import FAULTS, GuestAddress, Link, drained
from backend.guest.inside.files.main import HELLO
from backend.guest.shell import guests
from backend.rules import paths
from backend.rules.file_refusals import FileRefused

log = logging.getLogger(__name__)

PIECE_BYTES = 256 * 1024
_FRAME = struct.Struct(">cII")
_MAX_FRAME_BYTES = 256 * 1024
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
_MAX_CALLS = 256
_SEND_BYTES = 128 * 1024
_HELLO_S = 20.0
_MAX_BEFORE_HELLO = 64 * 1024
_PACKAGE = "backend.guest.inside.files"
_BEGIN = (
    "import sys,zlib,base64;"
    "exec(compile(zlib.decompress(base64.b85decode(sys.stdin.buffer.readline()[:-1])),'sent','exec'))"
)
_NO_SUCH_COMMAND = 127
_REVISION = re.compile(r"[A-Za-z0-9.-]{1,100}")

Hear = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are in the guest: what is shown, and a folder of our own."""

    root: str = paths.ROOT
    workshop: str = "/var/lib/pequeroku/files"


class Call:
    """One request under way: data and events as they come, and its answer."""

    def __init__(self, program: "FileProgram", number: int, limit_bytes: int, hear: Hear) -> None:
        self._program, self.number, self._hear = program, number, hear
        self._left_bytes = limit_bytes
        self._data = asyncio.Queue[bytes]()
        self._words = bytearray()
        self.answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def allow(self, more_bytes: int) -> None:
        """Let the guest send so much more."""
        self._left_bytes += more_bytes

    async def send(self, data: bytes) -> None:
        """Send something along; waits while the guest does not take it."""
        for start in range(0, max(1, len(data)), _SEND_BYTES):
            await self._program.send(b"d", self.number, data[start : start + _SEND_BYTES])

    async def next(self) -> bytes:
        """The next data, or nothing once it is answered; raises what it is answered, if that is a refusal."""
        if self._data.empty() and not self.answer.done():
            getting = asyncio.ensure_future(self._data.get())
            await asyncio.wait((getting, self.answer), return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return getting.result()
            getting.cancel()
        if not self._data.empty():
            return self._data.get_nowait()
        _ = self.answer.result()
        return b""

    def gathered(self) -> bytes:
        """All the data that has come and wasn't taken."""
        return b"".join(self._data.get_nowait() for _ in range(self._data.qsize()))

    def take(self, kind: bytes, body: bytes) -> None:
        """What the guest says about it. Raises ValueError for what can't be."""
        if kind == b"d":
            self._left_bytes -= len(body)
            if self._left_bytes < 0:
                raise ValueError("more data than was asked for")
            if body:  # of nothing there is no end
                self._data.put_nowait(body)
        elif kind == b"e":
            self._hear(_object(body))
        elif kind == b"j":
            self._words += body
            if len(self._words) > _MAX_ANSWER_BYTES:
                raise ValueError("too long an answer")
        elif not self.answer.done():
            self._conclude(_object(bytes(self._words)))

    def _conclude(self, said: dict[str, Any]) -> None:
        if "ok" in said:
            self.answer.set_result(cast("dict[str, Any]", said["ok"] if isinstance(said["ok"], dict) else {}))
        else:
            self.fail(_refusal(said))

    def fail(self, fault: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(fault)
            self.answer.exception()  # read, even if nobody waits any more


class FileProgram:
    """The running program. `heard` gets what it says of itself; `ended` is set when it, or the way to it, is gone."""

    def __init__(self, link: Link, process: "asyncssh.SSHClientProcess[bytes]", heard: Hear) -> None:
        self._link, self._process, self._heard = link, process, heard
        self._calls: dict[int, Call] = {}
        self._number = 0
        self.ended = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, address: GuestAddress, places: Places, heard: Hear) -> "FileProgram":
        """Begin it in the guest.

        Raises:
            Unavailable: the guest can't be reached, or has no python3.
        """
        link, process = await guests().link(address), None
        try:
            async with asyncio.timeout(_HELLO_S):
                process = await link.start(f"exec python3 -I -X utf8 -c {json.dumps(_BEGIN)}", stderr=asyncssh.DEVNULL)
                process.stdin.write(_sent(places))
                await _until_hello(process)
        except BaseException as fault:
            if process is not None:
                process.close()
            if isinstance(fault, (EOFError, *FAULTS)):
                raise _why(fault, process) from fault
            raise
        program = cls(link, process, heard)
        program._reading = asyncio.create_task(program._read(), name="files")
        return program

    @property
    def is_up(self) -> bool:
        return self._link.is_up and not self.ended.is_set()

    def begin(self, method: str, *, limit_bytes: int = 0, hear: Hear = lambda _: None, **params: Any) -> Call:
        """Ask something; what is sent and received with it goes on after this.

        Raises:
            FileRefused: `busy`.
            Unavailable: the program is gone.
        """
        if not self.is_up:
            raise Unavailable("The connection to the machine was lost.")
        if len(self._calls) >= _MAX_CALLS:
            raise FileRefused("busy")
        self._number = self._number % 0xFFFFFFF0 + 1
        call = self._calls[self._number] = Call(self, self._number, limit_bytes, hear)
        number = self._number
        call.answer.add_done_callback(lambda _: self._calls.pop(number, None))
        self._write(b"q", number, json.dumps({"method": method, **params}).encode())
        return call

    async def ask(
        self, method: str, *, data: bytes = b"", limit_bytes: int = 0, timeout_s: float = 20.0,
        hear: Hear = lambda _: None, **params: Any,
    ) -> tuple[dict[str, Any], bytes]:  # fmt: skip
        """Ask, and wait for the answer and the data that come with it. Who stops waiting ends it in the guest, too.

        Raises:
            FileRefused: what the guest says, or `timeout`.
            Unavailable: the program is gone.
        """
        call = self.begin(method, limit_bytes=limit_bytes, hear=hear, **params)
        try:
            async with asyncio.timeout(timeout_s):
                if data:
                    await call.send(data)
                answer = await asyncio.shield(call.answer)
        except TimeoutError as fault:
            raise FileRefused("timeout") from fault
        finally:
            self.end(call)
        return answer, call.gathered()

    def end(self, call: Call) -> None:
        """Nobody waits for it any more."""
        if not call.answer.done():
            self._write(b"x", call.number, b"")
            call.fail(FileRefused("cancelled"))

    async def send(self, kind: bytes, number: int, body: bytes) -> None:
        self._write(kind, number, body)
        try:
            await drained(self._process.stdin)
        except FAULTS as fault:
            raise Unavailable("The connection to the machine was lost.") from fault

    async def close(self) -> None:
        """End it, and what it is at."""
        self._process.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._lost("The connection to the machine was closed.")

    def _write(self, kind: bytes, number: int, body: bytes) -> None:
        with suppress(asyncssh.Error, OSError):  # the reading end hears of it
            self._process.stdin.write(_FRAME.pack(kind, number, len(body)) + body)

    async def _read(self) -> None:
        try:
            while True:
                kind, number, body = await self._frame()
                if number == 0:
                    self._heard(_object(body))
                elif (call := self._calls.get(number)) is not None:
                    call.take(kind, body)
        except (EOFError, *FAULTS) as fault:
            log.debug("files: %s", fault)
        finally:
            self._lost("The connection to the machine was lost.")
            self._process.close()

    async def _frame(self) -> tuple[bytes, int, bytes]:
        kind, number, length = _FRAME.unpack(await self._process.stdout.readexactly(_FRAME.size))
        if kind not in (b"d", b"j", b".", b"e") or length > _MAX_FRAME_BYTES:
            raise ValueError("that is no frame")
        return kind, number, await self._process.stdout.readexactly(length) if length else b""

    def _lost(self, why: str) -> None:
        self.ended.set()
        for call in list(self._calls.values()):
            call.fail(Unavailable(why))


async def _until_hello(process: "asyncssh.SSHClientProcess[bytes]") -> None:
    """What a shell's start says before is dropped, as long as it is short."""
    said = b""
    while not said.endswith(HELLO):
        piece = await process.stdout.read(_MAX_BEFORE_HELLO)
        said += piece
        if not piece or len(said) > _MAX_BEFORE_HELLO:
            await process.wait_closed()
            raise ValueError("something else answers")


def _refusal(said: dict[str, Any]) -> FileRefused:
    """The guest's, in our words; what it adds is kept where it has the form that it should have."""
    code, path, revision = said.get("code"), said.get("path"), said.get("revision")
    more: dict[str, object] = {name: said[name] for name in ("size", "received") if is_size(said.get(name))}
    if "revision" in said and (revision is None or is_revision(revision)):
        more["revision"] = revision
    return FileRefused(
        code if isinstance(code, str) and FileRefused.has(code) else "failed",
        path[: paths.MAX_PATH_BYTES] if isinstance(path, str) else "",
        str(said.get("detail", ""))[:400],
        **more,
    )


def is_size(said: object) -> TypeGuard[int]:
    """Whether a guest's word can be how large something is."""
    return isinstance(said, int) and not isinstance(said, bool) and 0 <= said < 2**63


def is_revision(said: object) -> TypeGuard[str]:
    """Whether a guest's word can be a revision: it becomes part of an answer's head."""
    return isinstance(said, str) and _REVISION.fullmatch(said) is not None


def _why(fault: BaseException, process: "asyncssh.SSHClientProcess[bytes] | None") -> Unavailable:
    if isinstance(fault, TimeoutError):
        return Unavailable(f"The machine did not show its files within {_HELLO_S:.0f} s.")
    if process is not None and process.returncode == _NO_SUCH_COMMAND:
        return Unavailable("The machine has no python3, which this needs: apt install python3.")
    return Unavailable(f"The machine does not show its files: {fault}.")


def nonsense() -> Unavailable:
    """What is said of an answer that fits no form."""
    return Unavailable("The machine's answer makes no sense. Is its python3 what Debian ships?")


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except RecursionError as fault:
        raise ValueError("that is no JSON of ours") from fault
    if not isinstance(said, dict):
        raise ValueError("that is no JSON of ours")
    return cast("dict[str, Any]", said)


@lru_cache
def _sent(places: Places) -> bytes:
    """One line: the sources, and what makes modules of them."""
    folder = Path(__file__).parent / "inside" / "files"
    sources = {f"{_PACKAGE}.{each.stem}": each.read_text() for each in sorted(folder.glob("*.py"))}
    sources[_PACKAGE] = sources.pop(f"{_PACKAGE}.__init__")
    whole = f"SOURCES = {sources!r}\n{_LOADER}\nmain({places.root!r}, {places.workshop!r})\n"
    return base64.b85encode(zlib.compress(whole.encode(), 9)) + b"\n"


_LOADER = f"""
import sys
from importlib.machinery import ModuleSpec

class Sent:
    def find_spec(self, name, path=None, target=None):
        is_above = {_PACKAGE!r}.startswith(name)
        return ModuleSpec(name, self, is_package=is_above) if is_above or name in SOURCES else None
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        name = module.__name__
        exec(compile(SOURCES.get(name, ""), name, "exec", dont_inherit=True), module.__dict__)

sys.meta_path.insert(0, Sent())
from {_PACKAGE}.main import main
"""
