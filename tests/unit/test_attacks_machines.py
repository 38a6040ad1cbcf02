"""What a hostile machine may answer when it is asked for files and processes: a sentence comes of it, and no more."""

import asyncio
import json
import sys
from email.utils import formatdate
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from backend.errors import Unavailable
from backend.guest import files_transfers as transfers
from backend.guest import processes
from backend.guest.files_program import FileProgram
from backend.guest.shell import guests
from backend.rules.file_refusals import FileRefused
from tests.guests import local_guest
from tests.unit.test_file_program import Part, Play, with_program


def _telling(said: dict[str, Any]) -> Play:
    """A guest that tells this of a file."""

    async def play(part: Part) -> None:
        number, _ = await part.asked()
        part.frame(b"e", number, json.dumps(said).encode())
        part.frame(b"j", number, b'{"ok":{}}')
        part.frame(b".", number)

    return play


@pytest.mark.parametrize("modified", [-(10**20), 253_402_300_800_000, 10**400])
async def test_a_time_that_no_date_can_say_is_one_that_it_can(tmp_path: Path, modified: int) -> None:
    async def act(program: FileProgram) -> None:
        seen = await transfers.look(program, "a")
        assert formatdate(seen.modified / 1000, usegmt=True)[-3:] == "GMT"

    await with_program(tmp_path, _telling({"revision": "1.-2", "size": 1, "modified": modified}), act)


@pytest.mark.parametrize(
    "said",
    [
        {"revision": "1\r\nSet-Cookie: sid=evil", "size": 1, "modified": 1},
        {"revision": '1", "2', "size": 1, "modified": 1},
        {"revision": "é✓", "size": 1, "modified": 1},
        {"revision": "1", "size": 10**30, "modified": 1},
        {"revision": "1", "size": 1, "modified": "now"},
    ],
)
async def test_a_machine_puts_nothing_of_its_own_into_an_answers_head(tmp_path: Path, said: dict[str, Any]) -> None:
    async def act(program: FileProgram) -> None:
        with pytest.raises(Unavailable, match="no sense"):
            await transfers.look(program, "a")

    await with_program(tmp_path, _telling(said), act)


async def test_a_machines_refusal_says_no_more_than_a_refusal_may(tmp_path: Path) -> None:
    more = {"self": 1, "message": {"a": 1}, "status": 200, "id": 7, "reason": "x", "size": float("nan"), "path": "b"}
    more |= {"received": "all", "revision": ["x"], "content": {}}

    async def play(part: Part) -> None:
        for code in ("conflict", "unauthorized"):
            number, _ = await part.asked()
            part.frame(b"j", number, json.dumps({"code": code, "detail": "why", **more}).encode())
            part.frame(b".", number)

    async def act(program: FileProgram) -> None:
        for code in ("conflict", "failed"):
            with pytest.raises(FileRefused) as refusal:
                await transfers.look(program, "a")
            assert (refusal.value.code, refusal.value.more) == (code, {})
            assert "/app/a" in refusal.value.message or code == "failed"

    await with_program(tmp_path, play, act)


async def test_what_a_machine_says_on_the_way_is_not_piled_up(tmp_path: Path) -> None:
    async def play(part: Part) -> None:
        number, _ = await part.asked()
        for count in range(100):
            part.frame(b"e", number, json.dumps({f"{count}": "x" * 200_000}).encode())
        for _ in range(40_000):
            part.frame(b"d", number)
        part.frame(b"e", number, b'{"revision":"1","size":1,"modified":1}')
        part.frame(b"j", number, b'{"ok":{}}')
        part.frame(b".", number)

    async def act(program: FileProgram) -> None:
        asked = asyncio.ensure_future(transfers.look(program, "a"))
        await asyncio.sleep(0)
        (call,) = program._calls.values()
        assert (await asked).revision == "1"
        assert call._data.qsize() == 0
        assert sys.getsizeof(call._hear.__closure__[0].cell_contents) < 1000

    await with_program(tmp_path, play, act)


@pytest.mark.parametrize("said", [b"no numbers\n", b"1\n", b"", b"-5 3\n", b"5 9\nxx", b"9" * 5000 + b" 0\n"])
async def test_a_log_that_makes_no_sense_is_told_so(tmp_path: Path, said: bytes) -> None:
    async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(said)
        process.exit(0)

    async with local_guest(tmp_path, handle) as (_, address):
        with pytest.raises(Unavailable, match="no sense"):
            await processes.read_log(address, "web")
        await guests().drop(address.domain_name)


async def test_a_process_of_any_figures_is_listed(tmp_path: Path) -> None:
    fields = [b"web", b"cmd", b"/", b"9999999999", b"9" * 10, b"exited 3", b"ended", b"9" * 5000]

    async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(b"".join(each + b"\0" for each in fields))
        process.exit(0)

    async with local_guest(tmp_path, handle) as (_, address):
        (found,) = await processes.listed(address)
        assert found.log_bytes == 0
        await guests().drop(address.domain_name)
