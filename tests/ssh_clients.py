"""The SSH gateway with a container whose guest is this machine, and people's own OpenSSH clients against it."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from backend.api.ssh.server import Gateway
from backend.db import transaction
from backend.events.bus import ContainerChanged, announce
from backend.guest.shell import guests
from backend.hypervisor.registry import nodes
from backend.models import Container, Status
from backend.rules.policy import Actor
from backend.sealing import seal
from backend.services import keys, ssh_host_key
from tests.factories import a_container, a_node
from tests.people import a_user
from tests.played_guest import played_guest
from tests.stores import eventually, free_port


@dataclass(frozen=True, slots=True)
class Done:
    """A client that has ended."""

    code: int
    out: bytes
    err: str


@dataclass
class Key:
    """A key pair of a person's, in a file, and what the gateway calls it."""

    path: Path
    id: int
    fingerprint: str


@dataclass
class Scene:
    """Alice's container `box`, with its guest, behind a gateway."""

    alice: Actor
    key: Key
    container: Container
    gateway: Gateway
    port: int
    folder: Path
    node: Any = None
    guest: Any = None
    """Where they are played: a Node's row, and a LocalGuest."""

    def options(self, key: Key | None = None, **more: str) -> list[str]:
        """What any client of OpenSSH is told."""
        said = {
            "UserKnownHostsFile": str(self.folder / "known_hosts"),
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "IdentityFile": str((key or self.key).path),
            "IdentityAgent": "none",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
            "Port": str(self.port),
            "User": self.container.name,
        } | more
        return ["-F", "none", *(word for name, value in said.items() for word in ("-o", f"{name}={value}"))]

    async def ssh(
        self, *command: str, stdin: bytes = b"", flags: tuple[str, ...] = (), key: Key | None = None, **more: str
    ) -> Done:
        """Run `ssh`, to its end."""
        return await run("ssh", *self.options(key, **more), *flags, "127.0.0.1", *command, stdin=stdin)

    async def change(self, **values: object) -> None:
        async with transaction() as tx:
            row = await tx.get_one(Container, self.container.id)
            for name, value in values.items():
                setattr(row, name, value)
            announce(tx, ContainerChanged(row.id, row.user_id))


async def run(program: str, *words: str, stdin: bytes = b"", within_s: float = 30) -> Done:
    """Run a program to its end."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(program, *words, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(within_s):
            out, err = await process.communicate(stdin)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Done(process.returncode or 0, out, err.decode(errors="replace"))


async def a_key(person: Actor, folder: Path, name: str = "key") -> Key:
    """A new key of the person's, which the gateway knows."""
    pair = asyncssh.generate_private_key("ssh-ed25519")
    path = folder / f"{person.username}-{name}"
    path.write_bytes(pair.export_private_key())
    path.chmod(0o600)
    async with transaction() as tx:
        view = await keys.add_ssh_key(tx, person, public_key=pair.export_public_key().decode(), name=name)
    return Key(path, view.id, view.fingerprint)


@asynccontextmanager
async def listening(folder: Path) -> AsyncGenerator[tuple[Gateway, int]]:
    """A gateway, and the port it listens on; it stands in `known_hosts` of the folder."""
    port, gateway = free_port(), Gateway()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {ssh_host_key.private_key().export_public_key().decode()}")
    await gateway.listen("127.0.0.1", port)
    try:
        yield gateway, port
    finally:
        await gateway.close()


@asynccontextmanager
async def a_gateway(folder: Path, **how: object) -> AsyncGenerator[Scene]:
    """All of it; needs `database`."""
    alice = await a_user("alice")
    async with transaction() as tx:
        node = await a_node(tx)
        container = await a_container(tx, alice, node, status=Status.STOPPED, name="box")
    async with played_guest(folder, **how) as (guest, address):
        nodes().put(node.uri, guest)  # type: ignore[arg-type]
        try:
            async with listening(folder) as (gateway, port):
                scene = Scene(alice, await a_key(alice, folder), container, gateway, port, folder, node, guest)
                sealed = seal(address.private_key, purpose="guest-key")
                await scene.change(status=Status.RUNNING, host_key=address.host_key, private_key_sealed=sealed)
                yield scene
        finally:
            await guests().close_all()
            await nodes().close_all()


@asynccontextmanager
async def a_client(scene: Scene, **more: Any) -> AsyncGenerator[asyncssh.SSHClientConnection]:
    """A client that does as it is told, and not as `ssh` would."""
    known = ([ssh_host_key.private_key().convert_to_public()], [], [])
    usual = {"username": "box", "known_hosts": known, "client_keys": [str(scene.key.path)], "agent_path": None}
    async with asyncssh.connect("127.0.0.1", scene.port, config=None, **(usual | more)) as connection:
        yield connection


class Terminal:
    """A client in a terminal of its own: what is typed, and what is seen."""

    def __init__(self, process: Process, fd: int) -> None:
        self.process, self._fd, self.seen = process, fd, b""
        os.set_blocking(fd, False)
        asyncio.get_running_loop().add_reader(fd, self._read)

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    async def shows(self, words: str) -> None:
        await eventually(f"“{words}” in {self.seen!r}", lambda: words.encode() in self.seen)

    def resize(self, cols: int, rows: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    async def ended(self) -> int:
        async with asyncio.timeout(30):
            return await self.process.wait()

    def _read(self) -> None:
        try:
            self.seen += os.read(self._fd, 65536)
        except OSError:
            asyncio.get_running_loop().remove_reader(self._fd)

    async def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        os.close(self._fd)


@asynccontextmanager
async def a_terminal(
    scene: Scene, *command: str, cols: int = 100, rows: int = 30, key: Key | None = None, **more: str
) -> AsyncGenerator[Terminal]:
    """`ssh` as a person has it before them."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
    words = ["ssh", *scene.options(key, **more), "-tt", "127.0.0.1", *command]
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "screen-256color"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    terminal = Terminal(process, ours)
    try:
        yield terminal
    finally:
        await terminal.close()


@asynccontextmanager
async def in_background(scene: Scene, *flags: str, key: Key | None = None) -> AsyncGenerator[Process]:
    """`ssh -N` with these flags, for as long as it is needed."""
    words = ["ssh", *scene.options(key, ExitOnForwardFailure="yes"), "-N", *flags, "127.0.0.1"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.DEVNULL, stderr=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()
