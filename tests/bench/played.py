"""A server whose containers run on a node in memory, with an SSH server elsewhere in the place of every guest.

`app` is what is served; it finds that SSH server by GUESTS_SOCKET and its host key by GUESTS_KEY.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh

from backend.hypervisor.driver import BULK, INTERACTIVE, ByteStream, DomainSpec
from backend.hypervisor.memory import MemoryNode
from backend.hypervisor.registry import nodes
from tests.guests import Wire

PROMPT = b"root@played:~# "
_URI = "memory://local"


class PlayedNode(MemoryNode):
    """Opens a connection of its own to the SSH server for each port, and says what host key it has."""

    async def boot(self, spec: DomainSpec) -> None:
        await super().boot(spec)
        self.machines[spec.name].host_key = os.environ["GUESTS_KEY"]

    async def open_channel(self, name: str, channel: str) -> ByteStream:
        if channel in (INTERACTIVE, BULK):
            return Wire(*await asyncio.open_unix_connection(os.environ["GUESTS_SOCKET"]))
        return await super().open_channel(name, channel)


def app() -> Any:
    """The whole product, over that node."""
    nodes().put(_URI, PlayedNode())
    from pequeroku_ui.pequeroku_ui import app as product

    return product()


class _Server(asyncssh.SSHServer):
    """Lets everybody in; a terminal's socket is a shell that has printed its prompt, and waits."""

    def begin_auth(self, username: str) -> bool:
        return False

    def unix_connection_requested(self, dest_path: str) -> Any:
        async def shell(reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]) -> None:
            writer.write(PROMPT)
            while await reader.read(1024):
                pass

        return shell


async def _command(process: asyncssh.SSHServerProcess[bytes]) -> None:
    process.stdout.write(b"alive\n" if "alive" in (process.command or "") else b"")
    process.exit(0)


@asynccontextmanager
async def playing(folder: Path) -> AsyncGenerator[dict[str, str]]:
    """Play all guests; gives the settings with which a server finds them."""
    key, path = asyncssh.generate_private_key("ssh-ed25519"), folder / "guests"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    server = await asyncssh.listen(
        sock=listener,
        server_factory=_Server,
        server_host_keys=[key],
        process_factory=_command,
        encoding=None,
        config=None,
    )
    try:
        yield {"GUESTS_SOCKET": str(path), "GUESTS_KEY": key.export_public_key().decode().split()[1]}
    finally:
        server.close()
        await server.wait_closed()
