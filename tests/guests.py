"""Guests without machines: a real SSH server, shell and dtach on this machine behind a ByteStream, or a mere script."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncssh

from backend.errors import Unavailable
from backend.guest.channel import GuestAddress


class Wire:
    """A ByteStream over a local socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.is_closed = False

    async def read(self) -> bytes:
        with suppress(ConnectionError):
            return await self._reader.read(64 * 1024)
        return b""

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError as fault:
            raise Unavailable("The other side is gone.") from fault

    def close(self) -> None:
        self.is_closed = True
        self._writer.close()


class Peer:
    """A guest of our making, and its node: it says its pieces, then `endless` for ever, or closes, or is silent."""

    def __init__(self, *pieces: bytes, endless: bytes = b"", closes: bool = False) -> None:
        self._script, self._endless, self._closes = pieces, endless, closes
        self._pieces: list[bytes] = []
        self.said_bytes = self.opened = self.closed = 0
        self.asked = b""

    async def open_channel(self, _name: str, _port: str) -> "Peer":
        self.opened, self._pieces = self.opened + 1, list(self._script)
        return self

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        if not self._pieces and not self._endless and not self._closes:
            await asyncio.get_running_loop().create_future()
        data = self._pieces.pop(0) if self._pieces else self._endless
        self.said_bytes += len(data)
        return data

    async def write(self, data: bytes) -> None:
        self.asked += data
        await asyncio.sleep(0)

    def close(self) -> None:
        self.closed += 1


class LocalGuest:
    """Stands for a node with one guest. A port serves one at a time: who opens it again cuts the other off."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.wires: dict[str, Wire] = {}
        self.inside = list[asyncssh.SSHServerConnection]()
        """Its sshd's side of each connection that there was."""
        self.opened = 0
        self.is_on = True

    async def open_channel(self, _name: str, port: str) -> Wire:
        if not self.is_on:
            raise Unavailable("The machine is not running.")
        self.cut(port)
        self.opened += 1
        self.wires[port] = Wire(*await asyncio.open_unix_connection(self._socket))
        return self.wires[port]

    async def close(self) -> None:
        self.switch_off()

    def cut(self, port: str) -> None:
        if wire := self.wires.pop(port, None):
            wire.close()

    def fall_silent(self) -> None:
        """Its sshd begins a key exchange, and reads no more."""
        for each in self.inside:
            if each._transport is not None:
                each._send_kexinit()
                each._kexinit_sent = True
                each._transport.pause_reading()

    def go_on(self) -> None:
        """It reads again, and so ends the key exchange."""
        for each in self.inside:
            if each._transport is not None:
                each._transport.resume_reading()

    def switch_off(self) -> None:
        self.is_on = False
        for port in list(self.wires):
            self.cut(port)


class _Server(asyncssh.SSHServer):
    def __init__(self, ours: asyncssh.SSHKey, guest: LocalGuest) -> None:
        self._ours = ours.export_public_key()
        self._guest = guest

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._guest.inside.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key.export_public_key() == self._ours

    def unix_connection_requested(self, dest_path: str) -> bool:
        return True

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return True


async def _feed(process: asyncssh.SSHServerProcess, child: asyncio.subprocess.Process) -> None:
    assert child.stdin is not None
    with suppress(ConnectionError):
        while data := await process.stdin.read(64 * 1024):
            child.stdin.write(data)
            await child.stdin.drain()
    child.stdin.close()


async def _tell(source: asyncio.StreamReader | None, target: asyncssh.SSHWriter[bytes]) -> None:
    """By hand: asyncssh's own redirection breaks when the other side reads slowly."""
    while source is not None and (data := await source.read(64 * 1024)):
        target.write(data)
        await target.drain()


async def run_command(process: asyncssh.SSHServerProcess) -> None:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_shell(
        process.command or "", stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    feeding = asyncio.create_task(_feed(process, child))
    telling = [
        asyncio.create_task(_tell(child.stdout, process.stdout)),
        asyncio.create_task(_tell(child.stderr, process.stderr)),
    ]
    try:
        code = await child.wait()
    except asyncio.CancelledError:  # the test is over, and so is the guest
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
        raise
    feeding.cancel()
    await asyncio.gather(feeding, *telling, return_exceptions=True)
    with suppress(OSError):  # who asked may have closed it
        await process.stdout.drain()
        process.exit(code)


@asynccontextmanager
async def local_guest(folder: Path, handler=run_command) -> AsyncGenerator[tuple[LocalGuest, GuestAddress]]:
    """A guest, and the way into it."""
    host_key, ours = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    path = folder / "sshd"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    guest = LocalGuest(path)
    server = await asyncssh.listen(
        sock=listener,
        server_factory=lambda: _Server(ours, guest),
        server_host_keys=[host_key],
        process_factory=handler,
        encoding=None,
        config=None,
    )
    public = host_key.export_public_key().decode().strip()
    try:
        yield guest, GuestAddress(guest, "pqk-local", ours.export_private_key().decode(), public)  # type: ignore[arg-type]
    finally:
        guest.go_on()
        guest.switch_off()
        server.close()
        await server.wait_closed()
