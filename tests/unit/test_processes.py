"""What processes in guests say when nobody waits for them: kept to a bound, and read by its offsets."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.errors import NotFound
from backend.guest import processes
from backend.guest.channel import GuestAddress
from backend.guest.shell import guests
from tests.guests import local_guest

_MIB = 1024 * 1024


@pytest.fixture
async def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[GuestAddress]:
    monkeypatch.setattr(processes, "_ROOT", str(tmp_path))
    async with local_guest(tmp_path) as (_, address):
        yield address
        await guests().close_all()


@contextmanager
def _begin(root: Path, command: str) -> "Generator[subprocess.Popen[bytes]]":
    """A process as its unit runs it, in a session of its own, to whose end the block waits."""
    folder = root / "p1"
    folder.mkdir()
    (folder / "command").write_text(command)
    (folder / "run").write_text(processes._IN_THE_UNIT)
    (folder / "log").touch()
    with subprocess.Popen(["/bin/bash", folder / "run", folder], start_new_session=True) as process:
        try:
            yield process
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # else its end would be waited for
            raise


async def _until_said(root: Path, last: bytes) -> None:
    """Who keeps the log ends a moment after the process."""
    log = root / "p1" / "log"
    until = time.monotonic() + 20
    while not log.read_bytes().endswith(last):
        assert time.monotonic() < until
        await asyncio.sleep(0.02)


async def test_what_is_said_on_both_streams_is_read_from_any_offset(guest: GuestAddress, tmp_path: Path) -> None:
    with _begin(tmp_path, "echo one; echo two >&2; (sleep 0.2; echo three) & wait; exit 7") as process:
        await _until_said(tmp_path, b"three\n")
        assert process.wait(20) == 7
    for offset, data, begin in (
        (0, b"one\ntwo\nthree\n", 0),
        (4, b"two\nthree\n", 4),
        (-6, b"three\n", 8),
        (99, b"", 14),
    ):
        piece = await processes.read_log(guest, "p1", offset=offset)
        assert (piece.data, piece.offset, piece.next_offset, piece.size) == (data, begin, 14, 14)
    assert (await processes.read_log(guest, "p1", offset=4, limit=3)).next_offset == 7
    with pytest.raises(NotFound):
        await processes.read_log(guest, "p2")


async def test_a_log_has_a_bound_and_what_is_left_keeps_its_offsets(guest: GuestAddress, tmp_path: Path) -> None:
    lines = 4 * _MIB
    with _begin(tmp_path, f"seq -f %07.0f {lines}"):  # 32 MiB, in lines of eight bytes
        await _until_said(tmp_path, b"%07d\n" % lines)
    assert (tmp_path / "p1" / "log").stat().st_blocks * 512 <= processes.KEPT_LOG_BYTES * 1.5
    first = 8 * lines - processes.KEPT_LOG_BYTES
    for asked in (0, first, -8 * lines):
        piece = await processes.read_log(guest, "p1", offset=asked, limit=16)
        assert (piece.offset, piece.size) == (first, 8 * lines)
        assert piece.data == b"%07d\n%07d\n" % (first // 8 + 1, first // 8 + 2)
    assert (await processes.read_log(guest, "p1", offset=-8)).data == b"%07d\n" % lines


async def test_a_log_that_cannot_be_written_holds_up_nobody(tmp_path: Path) -> None:
    with _begin(tmp_path, f"rm -r {tmp_path}/p1; head -c 10000000 /dev/zero; exit 3") as process:
        assert process.wait(20) == 3


async def test_who_keeps_the_log_hears_the_last_words_of_what_is_ended(tmp_path: Path) -> None:
    command = "trap 'echo leaving; exit 5' TERM; echo begun; while :; do sleep 0.05; done"
    with _begin(tmp_path, command) as process:
        await _until_said(tmp_path, b"begun\n")
        os.killpg(process.pid, signal.SIGTERM)  # all of it at once, as systemd does
        await _until_said(tmp_path, b"leaving\n")
        assert process.wait(20) == 5


def test_what_is_run_in_a_guest_is_sound_shell() -> None:
    for script in (processes._IN_THE_UNIT, processes._START + "true", processes._LIST, processes._READ):
        assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0
