"""A guest played by this machine, with all that a gateway passes on: terminals, commands, SFTP, connections."""

import asyncio
import fcntl
import os
import pty
import socket
import struct
import termios
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncssh

from backend.guest.channel import GuestAddress
from tests.guests import LocalGuest, run_command


class Opener(asyncssh.SSHServer):
    """Lets our key in, and notes where it is asked to connect to."""

    def __init__(
        self, ours: asyncssh.SSHKey, guest: LocalGuest, asked: list[tuple[str, int]], answers: Any = True
    ) -> None:
        self._ours, self._guest = ours.export_public_key(), guest
        self._asked, self._answers = asked, answers

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._guest.inside.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "root" and key.export_public_key() == self._ours

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        self._asked.append((dest_host, dest_port))
        return self._answers

    def unix_connection_requested(self, dest_path: str) -> bool:
        return True


class Files(asyncssh.SFTPServer):
    """Ends as OpenSSH's server does: with an exit code."""

    def exit(self) -> None:
        self.channel.exit(0)


async def a_shell(process: asyncssh.SSHServerProcess) -> None:
    """What is asked for: in a terminal of its own, where one is wanted."""
    if not process.get_terminal_type():
        await run_command(process)
        return
    ours, theirs = pty.openpty()
    _resize(ours, *process.get_terminal_size()[:2])
    words = ["/bin/bash", "--norc", "-i"] if process.command is None else ["/bin/bash", "-c", process.command]
    said = {"PS1": "guest$ ", "TERM": str(process.get_terminal_type()), "PATH": os.environ["PATH"]}
    env = said | {name: str(value) for name, value in process.env.items()}
    child = await asyncio.create_subprocess_exec(
        *words,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    reading = asyncio.create_task(_show(ours, process))
    typing = asyncio.create_task(_type(ours, process))
    try:
        code = await child.wait()
        await reading
    finally:
        typing.cancel()
        reading.cancel()
        if child.returncode is None:
            child.kill()
            await child.wait()
        await asyncio.gather(typing, reading, return_exceptions=True)
        os.close(ours)
    with suppress(OSError):
        process.exit(code if code >= 0 else 128 - code)


async def _show(fd: int, process: asyncssh.SSHServerProcess) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    os.set_blocking(fd, False)
    loop.add_reader(fd, ready.set)
    try:
        while True:
            await ready.wait()
            ready.clear()
            with suppress(BlockingIOError):
                process.stdout.write(os.read(fd, 65536))
                await process.stdout.drain()
    except OSError:  # EIO: nobody has the other side any more
        return
    finally:
        loop.remove_reader(fd)


async def _type(fd: int, process: asyncssh.SSHServerProcess) -> None:
    while True:
        try:
            data = await process.stdin.read(65536)
        except asyncssh.TerminalSizeChanged as change:
            _resize(fd, change.width, change.height)
            continue
        if not data:
            return
        os.write(fd, data)


def _resize(fd: int, cols: int, rows: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


@asynccontextmanager
async def played_guest(
    folder: Path,
    *,
    handler: Any = a_shell,
    answers: Any = True,
    asked: list[tuple[str, int]] | None = None,
    window: int = 2 * 1024 * 1024,
) -> AsyncGenerator[tuple[LocalGuest, GuestAddress]]:
    """The guest, and the way into it. It takes `window` bytes of a session at once."""
    host_key, ours = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    path = folder / "sshd"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    connected, guest = asked if asked is not None else [], LocalGuest(path)
    server = await asyncssh.listen(
        sock=listener,
        server_factory=lambda: Opener(ours, guest, connected, answers),
        server_host_keys=[host_key],
        process_factory=handler,
        sftp_factory=Files,
        line_editor=False,
        encoding=None,
        config=None,
        window=window,
    )
    public = host_key.export_public_key().decode().strip()
    try:
        yield guest, GuestAddress(guest, "pqk-played", ours.export_private_key().decode(), public)  # type: ignore[arg-type]
    finally:
        guest.go_on()
        guest.switch_off()
        server.close()
        await server.wait_closed()
