"""One client's TCP connection to the gateway, between asyncio and asyncssh: bounds what a client makes us hold.

asyncssh keeps what comes while it looks something up, and what is to go to a client that does not read; it asks for
no bound to either.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import asyncssh

from backend.guest.channel import backlog

_MAX_BACKLOG = 60_000
"""As `backlog` counts: about 1 MiB that is not read yet."""
_FULL_BYTES, _EMPTY_BYTES = 512 * 1024, 128 * 1024
_MOST_UNSENT_BYTES = 16 * 1024 * 1024


class Wire(asyncio.Protocol):
    """Hands on to an SSH connection what comes, and says when the client takes no more."""

    def __init__(self, connect: Callable[[], asyncssh.SSHServerConnection], admit: Callable[["Wire"], bool]) -> None:
        self._connect, self._admit = connect, admit
        self._ssh: asyncssh.SSHServerConnection | None = None
        self._transport: asyncio.Transport | None = None
        self.is_full = False
        self.ip = ""
        self.when_lost: Callable[[], None] = lambda: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.ip = str(peer[0])[:64] if peer else ""
        if not self._admit(self):
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(_FULL_BYTES, _EMPTY_BYTES)
        self._ssh = self._connect()
        self._ssh.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._ssh is None or self._transport is None:
            return
        self._ssh.data_received(data)
        if backlog(self._ssh) > _MAX_BACKLOG or self._transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            self._ssh.abort()
            self._transport.abort()

    def eof_received(self) -> None:
        if self._ssh is not None:
            self._ssh.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ssh is not None:
            self._ssh.connection_lost(exc)
        self.when_lost()

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
