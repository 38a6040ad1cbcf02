"""Connections that a client wants made from the guest (`-L`, `-D`, `-W`). Our own process makes none: what is asked for
goes into the guest's channel, and the guest makes it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, Self

import asyncssh
from asyncssh.constants import OPEN_CONNECT_FAILED

from backend.errors import PequerokuError
from backend.guest.channel import GuestAddress
from backend.guest.piping import End, InGuest, InGuestSocket, open_connection, open_socket
from backend.services.ssh_gateway import Way


class Asker(Protocol):
    """Whose connections they are."""

    @property
    def is_gone(self) -> bool: ...
    @property
    def is_full(self) -> bool: ...
    def used(self) -> None: ...
    async def enter_for(self, target: str) -> Way: ...


Connect = Callable[[GuestAddress], Awaitable[None]]


class _Forwarded(End):
    """The client's end of a connection that the guest makes: to `target`, by `connect`."""

    def __init__(self, asker: Asker, target: str, guest: InGuest, connect: Connect, let_go: Callable[[], None]) -> None:
        super().__init__()
        self._asker, self._target, self._guest, self._let_go = asker, target, guest, let_go
        self._connect = connect
        self.is_line_full = lambda: asker.is_full

    async def opened(self) -> Self:
        """This, with its other end in the guest.

        Raises:
            asyncssh.ChannelOpenError: it may not be, or nothing is there; with a sentence.
        """
        await _open(self._asker, self._target, self._guest, self._connect, self._let_go)
        return self

    def connection_made(self, chan: Any) -> None:
        super().connection_made(chan)
        _join(self, self._guest)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over = True
        self._guest.hang_up()
        self._let_go()

    def say(self, data: bytes, datatype: int | None = None) -> None:
        self._asker.used()
        super().say(data, datatype)


class Connection(_Forwarded, asyncssh.SSHTCPSession[bytes]):
    """To a port."""

    def __init__(self, asker: Asker, host: str, port: int, let_go: Callable[[], None]) -> None:
        guest = InGuest()
        super().__init__(
            asker, f"{host}:{port}", guest, lambda address: open_connection(address, guest, host, port), let_go
        )


class Socket(_Forwarded, asyncssh.SSHUNIXSession[bytes]):
    """To a socket of the guest's file system."""

    def __init__(self, asker: Asker, path: str, let_go: Callable[[], None]) -> None:
        guest = InGuestSocket()
        super().__init__(asker, path, guest, lambda address: open_socket(address, guest, path), let_go)


async def _open(asker: Asker, target: str, guest: InGuest, connect: Connect, let_go: Callable[[], None]) -> None:
    try:
        way = await asker.enter_for(target)
        await connect(await way.door.address())
        if asker.is_gone:
            raise asyncssh.ChannelOpenError(OPEN_CONNECT_FAILED, "Nobody waits for it any more.")
    except PequerokuError as refusal:
        let_go()
        raise asyncssh.ChannelOpenError(OPEN_CONNECT_FAILED, refusal.message) from refusal
    except BaseException:
        guest.hang_up()
        let_go()
        raise


def _join(asked: End, guest: InGuest) -> None:
    asked.join(guest)
    guest.join(asked)
    guest.when_over(lambda _outcome: asked.hang_up())
