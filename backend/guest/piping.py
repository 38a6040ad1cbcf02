"""Sessions and connections that somebody else's SSH client has in a guest: bytes go through, no faster than they are
taken.

Either side may be hostile. What is held of one channel is its window (256 KiB) and what asyncssh queues until it says
that it is full (64 KiB); a line that takes nothing more stops all that feeds it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import asyncssh

from backend.errors import Unavailable
from backend.guest.channel import FAULTS, WINDOW_BYTES, GuestAddress, Link, is_held_up, whole
from backend.guest.shell import guests
from backend.hypervisor.driver import BULK, INTERACTIVE

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it: an exit code, a signal's name, neither for what has none; or its connection was lost."""

    code: int | None = None
    signal: str = ""
    is_lost: bool = False


Ended = Callable[[Outcome], None]

_OPEN_S = 20.0
_AGAIN_S = 0.02
_LINE_FULL_BYTES = 512 * 1024
"""Unsent on the way to a guest. Above 1 MiB its connection is not read any more, which must not come of this."""


class End:
    """One end of a pipe: what it hears, the other end says."""

    def __init__(self) -> None:
        self.channel: Any = None
        self.other: End | None = None
        self.is_line_full: Callable[[], bool] = lambda: False
        self.is_over = self._is_full = self._has_ended = False
        self._kept = list[tuple[bytes, int | None]]()

    @property
    def has_room(self) -> bool:
        """Whether more may be said here now."""
        return not self._is_full and not self.is_line_full()

    def connection_made(self, chan: Any) -> None:
        self.channel = chan

    def session_started(self) -> None:
        """Nothing is to be done: it hears and says by itself."""

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self.other is None:
            self._kept.append((data, datatype))
            self.channel.pause_reading()
            return
        self.other.say(data, datatype)
        if not self.other.has_room:
            self.channel.pause_reading()
            if not self.other._is_full:
                self._go_on_later()

    def eof_received(self) -> bool:
        if self.other is None:
            self._has_ended = True
        else:
            self.other.say_no_more()
        return True

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        if self.other is not None:
            self.other.go_on()

    def say(self, data: bytes, datatype: int | None = None) -> None:
        """Say it here; lost, where nobody is any more."""
        with suppress(OSError):
            self.channel.write(data, datatype)

    def say_no_more(self) -> None:
        """That was all."""
        with suppress(OSError):
            self.channel.write_eof()

    def go_on(self) -> None:
        """Hear again, if the other end has room for it."""
        if self.other is None or self.channel is None or self.is_over:
            return
        if self.other.has_room:
            self.channel.resume_reading()
        elif not self.other._is_full:
            self._go_on_later()

    def join(self, other: "End") -> None:
        """From now on the other end says what is heard here; first, what was heard before."""
        self.other = other
        for data, datatype in self._kept:
            other.say(data, datatype)
        self._kept.clear()
        if self._has_ended:
            other.say_no_more()
        self.go_on()

    def hang_up(self) -> None:
        """Nobody is at the other end any more."""
        if self.channel is not None:
            self.channel.close()

    def _go_on_later(self) -> None:
        asyncio.get_running_loop().call_later(_AGAIN_S, self.go_on)


class InGuest(End, asyncssh.SSHClientSession[bytes], asyncssh.SSHTCPSession[bytes]):
    """The guest's end, of whatever kind."""

    def __init__(self) -> None:
        super().__init__()
        self._outcome = Outcome()
        self._ended: Ended | None = None
        self.is_line_lost: Callable[[], bool] = lambda: True
        self.is_held_up: Callable[[], bool] = lambda: False

    def when_over(self, ended: Ended) -> None:
        """Have it told what becomes of this, once; at once, if it is over."""
        self._ended = ended
        if self.is_over:
            ended(self._outcome)

    def resize(self, size: tuple[int, int]) -> None:
        """Make its terminal this big. A guest amid a key exchange that has enough before it is not told."""
        if not self.is_held_up():
            self.channel.change_terminal_size(*size)

    def signal(self, name: str) -> None:
        """Send it a signal, on the same terms."""
        if not self.is_held_up():
            self.channel.send_signal(name)

    def exit_status_received(self, status: int) -> None:
        self._outcome = Outcome(code=status)

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self._outcome = Outcome(signal=signal[:32])

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over = True
        if self._outcome == Outcome():
            self._outcome = Outcome(is_lost=self.is_line_lost())
        if self._ended is not None:
            self._ended(self._outcome)


class InGuestSocket(InGuest, asyncssh.SSHUNIXSession[bytes]):
    """The same for a socket of the guest's file system."""


async def open_session(address: GuestAddress, end: InGuest, *, command: str, is_sftp: bool, **terminal: Any) -> None:
    """Begin a command, the SFTP server or, without either, a login shell; as root, like the terminals.

    Args:
        terminal: `env`, `term_type`, `term_size` and `term_modes`, as asyncssh knows them. Without a type: no PTY.

    Raises:
        Unavailable: the guest can't be reached, or has too many already.
    """
    has_pty = "term_type" in terminal
    options: dict[str, Any] = terminal | {"request_pty": "force" if has_pty else False}
    options |= {"subsystem": "sftp"} if is_sftp else {}

    async def opening(link: Link) -> None:
        await _opened(link, end, cast(Any, link.ssh).create_session, command or None, **options)

    try:
        await _on_link(address, INTERACTIVE if has_pty else BULK, opening)
    except asyncssh.ChannelOpenError as fault:
        raise Unavailable(f"The machine opens no more sessions: {fault.reason}.") from fault


async def open_connection(address: GuestAddress, end: InGuest, host: str, port: int) -> None:
    """Connect to what listens there, as seen from the guest.

    Raises:
        asyncssh.ChannelOpenError: nothing does.
        Unavailable: the guest can't be reached.
    """

    async def opening(link: Link) -> None:
        await _opened(link, end, link.ssh.create_connection, host, port)

    await _on_link(address, BULK, opening)


async def open_socket(address: GuestAddress, end: InGuestSocket, path: str) -> None:
    """The same for a socket in the guest's file system."""

    async def opening(link: Link) -> None:
        await _opened(link, end, link.ssh.create_unix_connection, path)

    await _on_link(address, BULK, opening)


async def _opened(link: Link, end: InGuest, create: Any, *what: Any, **options: Any) -> None:
    end.is_held_up = lambda: is_held_up(link.ssh)
    end.is_line_full = lambda: (
        link.is_up and (link.transport.get_write_buffer_size() > _LINE_FULL_BYTES or is_held_up(link.ssh))
    )
    end.is_line_lost = lambda: not link.is_up
    begun = cast(Awaitable[tuple[Any, Any]], create(lambda: end, *what, encoding=None, window=WINDOW_BYTES, **options))
    await whole(begun, lambda opened: opened[0].close())


async def _on_link(address: GuestAddress, port: str, opening: Callable[[Link], Awaitable[T]]) -> T:
    """Once more on a new connection if the old one had gone without our knowing. One that is up is left to others."""
    for last in (False, True):
        link = await guests().link(address, port)
        try:
            async with asyncio.timeout(_OPEN_S):
                return await opening(link)
        except FAULTS as fault:
            if isinstance(fault, asyncssh.ChannelOpenError) and link.is_up:
                raise
            if last or link.is_up:
                raise Unavailable(f"The machine does not answer: {fault}.") from fault
    raise AssertionError("unreachable")
