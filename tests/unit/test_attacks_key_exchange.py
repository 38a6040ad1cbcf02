"""A side that begins a key exchange and never ends it: what waits for its end stays small, and none of it is lost."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from backend import settings
from backend.errors import Conflict
from backend.guest.channel import connect, drained
from backend.guest.shell import guests
from backend.guest.terminals import Terminal
from backend.guest.viewer import Viewer
from tests.conftest import in_use
from tests.guests import LocalGuest, local_guest
from tests.previews import a_port, a_preview
from tests.ssh_clients import Scene, a_client, a_gateway
from tests.stores import eventually

_MIB = 1024 * 1024
_MUCH = 2**31 - 1
"""A window without end."""
_MOST_KEPT = _MIB * 3 // 2
"""32 packets of 32 KiB, and of each that writes what it had in hand. A channel alone would take 2 MiB or more."""


def _kept_bytes(connection: Any) -> int:
    """What asyncssh holds back on a connection."""
    return sum(len(each) for _, said in connection._deferred_packets for each in said)


async def _stands_still(count: Callable[[], int]) -> None:
    before = -1

    def is_still() -> bool:
        nonlocal before
        is_same, before = before == count(), count()
        return is_same and before > 0

    await eventually("it to stand still", is_still, pause_s=0.5)


def _link() -> Any:
    """The one connection into a guest that there is."""
    ((_, link),) = guests()._links.values()
    return link


async def _falls_silent(guest: LocalGuest, link: Any) -> None:
    """The guest begins a key exchange, and does not go on with it."""
    guest.fall_silent()
    await eventually("the key exchange", lambda: not link.ssh._kex_complete)


@pytest.fixture
async def said(database: str, tmp_path: Path) -> AsyncGenerator[tuple[Scene, list[int]]]:
    """A guest whose every program talks for ever, and how much it has said."""
    said = [0]

    async def flood(process: asyncssh.SSHServerProcess) -> None:
        with suppress(OSError, asyncssh.Error):
            while said[0] < 2**30:
                process.stdout.write(bytes(65536))
                said[0] += 65536
                await process.stdout.drain()

    async with a_gateway(tmp_path, handler=flood) as scene:
        yield scene, said


async def test_a_client_that_never_ends_a_key_exchange_is_sent_no_more(said: tuple[Scene, list[int]]) -> None:
    scene, count = said
    async with a_client(scene) as client:
        for _ in range(3):
            await client.create_session(asyncssh.SSHClientSession, "yes", encoding=None, window=_MUCH)
        await eventually("the flood", lambda: count[0] > _MIB)
        client._send_kexinit()
        client._kexinit_sent = True
        client._transport.pause_reading()  # type: ignore[union-attr]
        (visitor,) = scene.gateway._visitors
        await _stands_still(lambda: count[0])
        assert 0 < _kept_bytes(visitor._ssh) < _MOST_KEPT
        client._transport.resume_reading()  # type: ignore[union-attr]
        before = count[0]
        await eventually("the flood again", lambda: count[0] > before + 8 * _MIB)


async def test_who_goes_amid_a_key_exchange_leaves_nothing_that_waits(said: tuple[Scene, list[int]]) -> None:
    scene, count = said
    async with a_client(scene) as client:
        await client.create_session(asyncssh.SSHClientSession, "yes", encoding=None, window=_MUCH)
        await eventually("the flood", lambda: count[0] > _MIB)
        client._send_kexinit()
        client._kexinit_sent = True
        client._transport.pause_reading()  # type: ignore[union-attr]
        await _stands_still(lambda: count[0])
        client.abort()
    loop: Any = asyncio.get_running_loop()
    await eventually("no visitor", lambda: not scene.gateway._visitors)
    await eventually("nothing to wait", lambda: not any("go_on" in str(each) for each in loop._scheduled))


async def test_a_client_that_exchanges_keys_often_gets_and_gives_all(database: str, tmp_path: Path) -> None:
    async with a_gateway(tmp_path) as scene, a_client(scene, rekey_bytes="1M") as client:
        done = await client.run("head -c 20000000 /dev/zero", encoding=None)
        assert (done.exit_status, len(done.stdout or b"")) == (0, 20_000_000)
        data = bytes(range(256)) * 20_000
        done = await client.run("sha256sum", input=data, encoding=None)
        assert bytes(done.stdout or b"").split()[0].decode() == hashlib.sha256(data).hexdigest()


async def test_what_a_client_sends_to_a_guest_that_never_ends_a_key_exchange_waits(
    database: str, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 80_000
    async with a_gateway(tmp_path, window=_MUCH) as scene, a_client(scene) as client:
        process = await client.create_process("echo begun; sha256sum", encoding=None)
        await process.stdout.readline()
        await _falls_silent(scene.guest, _link())
        process.stdin.write(data)
        process.stdin.write_eof()
        link = _link()
        await _stands_still(lambda: _kept_bytes(link.ssh))
        assert _kept_bytes(link.ssh) < _MOST_KEPT
        for number in range(2000):
            process.send_signal("URG")
            process.change_terminal_size(100 + number % 2, 30)
        with pytest.raises((asyncssh.ChannelListenError, OSError)):  # its answer comes after all that was asked before
            await client.forward_remote_port("", 0, "127.0.0.1", 1)
        assert len(link.ssh._deferred_packets) < 200
        scene.guest.go_on()
        assert (await process.stdout.read()).split()[0].decode() == hashlib.sha256(data).hexdigest()


async def test_what_we_write_to_such_a_guest_waits_and_then_arrives(tmp_path: Path) -> None:
    came = 0

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        while data := await reader.read(65536):
            came += len(data)
        writer.close()

    program = await asyncio.start_server(take, "127.0.0.1", 0)
    async with local_guest(tmp_path) as (guest, address):
        link = await connect(address)
        _, writer = await link.dial("127.0.0.1", program.sockets[0].getsockname()[1])
        sent = 0

        async def send() -> None:
            nonlocal sent
            while sent < 20 * _MIB:
                writer.write(bytes(32768))
                sent += 32768
                await drained(writer)

        await _falls_silent(guest, link)
        sending = asyncio.create_task(send())
        await _stands_still(lambda: sent)
        assert _kept_bytes(link.ssh) < _MOST_KEPT
        guest.go_on()
        await sending
        await eventually("all of it", lambda: came == 20 * _MIB)
        await _falls_silent(guest, link)
        sent = 0
        sending = asyncio.create_task(send())
        await _stands_still(lambda: sent)
        link.transport.abort()  # who waits hears that it is lost
        with suppress(asyncssh.Error, OSError):
            await asyncio.wait_for(sending, 10)
        await link.close()
        guest.go_on()
    program.close()


async def test_a_preview_of_such_a_guest_takes_no_more_of_a_body(
    fresh_sqlite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREVIEW_PORT", a_port())
    told = asyncio.Event()
    came = 0

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        await reader.readuntil(b"\r\n\r\n")
        told.set()
        while came < 20 * _MIB:
            came += len(await reader.read(65536))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with in_use(fresh_sqlite), a_preview(tmp_path) as scene:
        cookie = await scene.enter()
        await scene.run(take)
        cookie = await scene.enter()
        reader, writer = await asyncio.open_connection("127.0.0.1", settings.settings().preview_port)
        head = f"POST / HTTP/1.1\r\nHost: {scene.host}\r\nCookie: pqk_preview={cookie}\r\nOrigin: {scene.origin}\r\n"
        writer.write(f"{head}Content-Length: {20 * _MIB}\r\n\r\n".encode())
        await asyncio.wait_for(told.wait(), 10)
        await _falls_silent(scene.guest, _link())
        writer.write(bytes(20 * _MIB))
        try:
            await _stands_still(lambda: _kept_bytes(_link().ssh))
            assert _kept_bytes(_link().ssh) < _MOST_KEPT
        finally:
            scene.guest.go_on()
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


def _outcome(terminal: Terminal) -> str:
    try:
        terminal.type(b"x")
    except Conflict as refusal:
        return refusal.message
    return ""


async def test_keys_and_sizes_of_a_terminal_in_such_a_guest_are_not_kept(tmp_path: Path) -> None:
    async with local_guest(tmp_path) as (guest, address):
        link = await connect(address)
        process = await link.start("cat")
        terminal = Terminal(address, "abc", let_go=lambda: None, speaks=lambda: None)
        terminal._writer = process.stdin
        await _falls_silent(guest, link)
        typed = [_outcome(terminal) for _ in range(1000)]
        assert "does not take" in typed[-1]
        viewer = Viewer(80, 24, replay=lambda: b"", moved=lambda: None)
        for cols in range(80, 1000):
            terminal.resize(viewer, cols, 24)
        assert len(link.ssh._deferred_packets) < 100
        guest.go_on()
        process.close()
        await link.close()
