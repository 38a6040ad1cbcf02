"""A guest that does not keep to the form: it is cut off, and neither our memory nor our patience is its to use up."""

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from backend.errors import Unavailable
from backend.guest.files import Files
from backend.guest.files_asked import HANDLERS
from backend.guest.files_program import FileProgram, Places
from backend.guest.inside.files.main import HELLO
from backend.guest.shell import guests
from backend.rules.file_refusals import FileRefused
from tests.guests import local_guest
from tests.stores import eventually

_FRAME = struct.Struct(">cII")
Play = Callable[["Part"], Awaitable[None]]


class Part:
    """The guest's end, as a test plays it."""

    def __init__(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self._process = process

    async def begin(self) -> None:
        await self._process.stdin.readline()
        self.say(b"Welcome to a shell that talks!\n" + HELLO)

    def say(self, data: bytes) -> None:
        self._process.stdout.write(data)

    def frame(self, kind: bytes, number: int, body: bytes = b"") -> None:
        self.say(_FRAME.pack(kind, number, len(body)) + body)

    async def asked(self) -> tuple[int, dict[str, Any]]:
        """The next request."""
        while True:
            kind, number, length = _FRAME.unpack(await self._process.stdin.readexactly(_FRAME.size))
            body = await self._process.stdin.readexactly(length)
            if kind == b"q":
                return number, json.loads(body)

    async def flood(self, data: bytes) -> None:
        while True:
            self.say(data)
            await self._process.stdout.drain()


async def with_program(folder: Path, play: Play, act: Callable[[FileProgram], Awaitable[Any]]) -> None:
    async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
        part = Part(process)
        try:
            await part.begin()
            await play(part)
        except (asyncio.IncompleteReadError, OSError, asyncssh.Error):
            pass

    async with local_guest(folder, handle) as (_, address):
        program = await FileProgram.start(address, Places(), lambda _: None)
        try:
            await act(program)
        finally:
            await program.close()
            await guests().drop(address.domain_name)


_NONSENSE: list[Any] = [
    {}, {"ok": []}, {"ok": {"count": 10**9, "total": 1, "revision": "x", "links": {}}},
    {"ok": {"count": 1, "total": 1, "revision": "x", "links": {}}}, {"code": 7, "path": 5}, {"code": "no such" * 1000},
    {"ok": {"count": 0, "total": -1, "revision": "x"}}, {"ok": {"count": 0, "total": 0, "revision": "x" * 1000}},
    {"code": "failed", "self": 1}, {"code": "conflict", "message": "x", "revision": "x" * 1000, "size": []},
]  # fmt: skip


async def _answer_nonsense(part: Part) -> None:
    for answer in _NONSENSE:
        number, _ = await part.asked()
        part.frame(b"j", number, json.dumps(answer).encode())
        part.frame(b".", number)


async def test_answers_that_fit_no_form_are_refusals_and_nothing_else(tmp_path: Path) -> None:
    async def act(program: FileProgram) -> None:
        for _ in _NONSENSE:
            with pytest.raises((Unavailable, FileRefused)) as refusal:
                await HANDLERS["list"](program, {"path": "/app"}, lambda _: None)
            assert len(refusal.value.message) < 700
            assert len(refusal.value.code) < 100
            assert not getattr(refusal.value, "more", {})
        assert program.is_up

    await with_program(tmp_path, _answer_nonsense, act)


@pytest.mark.parametrize(
    "kind", ["no frame", "a huge frame", "endless data", "an endless answer", "no JSON", "deep JSON"]
)
async def test_who_breaks_the_form_is_cut_off(tmp_path: Path, kind: str) -> None:
    async def play(part: Part) -> None:
        number, _ = await part.asked()
        piece = b"x" * 100_000
        match kind:
            case "no frame":
                part.say(b"bash: fork: Cannot allocate memory\n")
            case "a huge frame":
                part.say(_FRAME.pack(b"d", number, 2**31))
            case "endless data":
                await part.flood(_FRAME.pack(b"d", number, len(piece)) + piece)
            case "an endless answer":
                await part.flood(_FRAME.pack(b"j", number, len(piece)) + piece)
            case "no JSON":
                part.frame(b"j", number, b"{")
                part.frame(b".", number)
            case _:
                part.frame(b"e", number, b"[" * 200_000)

    async def act(program: FileProgram) -> None:
        with pytest.raises(Unavailable):
            await asyncio.wait_for(program.ask("read", path="a", limit=1, limit_bytes=1_000_000), 15)
        await eventually("it to be cut off", lambda: not program.is_up)

    await with_program(tmp_path, play, act)


async def test_silence_has_an_end_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async def play(part: Part) -> None:
        while True:
            await part.asked()

    async def act(program: FileProgram) -> None:
        with pytest.raises(FileRefused) as refusal:
            await program.ask("stat", path="a", timeout_s=0.2)
        assert refusal.value.code == "timeout"
        task = asyncio.ensure_future(program.ask("stat", path="a"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not program._calls
        waiting = [asyncio.ensure_future(program.ask("stat", path="a")) for _ in range(256)]
        await asyncio.sleep(0)
        with pytest.raises(FileRefused, match="too much"):
            await program.ask("stat", path="a")
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    await with_program(tmp_path, play, act)


async def test_events_of_what_nobody_watches_go_nowhere_and_the_rest_is_told_once(tmp_path: Path) -> None:
    async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
        part = Part(process)
        await part.begin()
        number, _ = await part.asked()
        part.frame(b"j", number, b'{"ok":{}}')
        part.frame(b".", number)
        for count in range(20_000):
            part.frame(b"e", 0, json.dumps({"event": "changed", "folder": f"nobody-{count}"}).encode())
            part.frame(b"e", 0, b'{"event":"changed","folder":"src"}')
        part.frame(b"e", 0, b'{"event":"changed","folder":"last"}')

    async with local_guest(tmp_path, handle) as (_, address):
        known = Files(Places())
        async with known.looking(address) as (_, looker):
            await looker.watch(frozenset({"src", "last"}), frozenset())
            await eventually("the last", lambda: ("changed", "last") in looker._news)
            assert [each["folder"] for each in await looker.news()] == ["/app/src", "/app/last"]
        await known.forget_all()
        await guests().drop(address.domain_name)


async def test_a_guest_without_python_is_told_so(tmp_path: Path) -> None:
    async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.exit(127)

    async with local_guest(tmp_path, handle) as (_, address):
        with pytest.raises(Unavailable, match="apt install python3"):
            await FileProgram.start(address, Places(), lambda _: None)
        await guests().drop(address.domain_name)
