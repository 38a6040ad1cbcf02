"""Terminals: shells in guests that go on whether or not somebody looks, and the browsers that look at them.

A terminal is a shell under dtach in the guest (dtach.py), a ring of its latest output (ring.py) and any number of
viewers (viewer.py). It survives its viewers, its SSH connection, and the server: what runs in a guest is listed when
a container's terminals are first asked for.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from weakref import WeakValueDictionary

import asyncssh

from backend.errors import Conflict, Invalid, NotFound, Unavailable
from backend.guest import dtach
from backend.guest.channel import FAULTS, GuestAddress, is_held_up
from backend.guest.ring import Ring
from backend.guest.shell import guests
from backend.guest.viewer import Notice, State, Viewer
from backend.hypervisor.driver import INTERACTIVE

log = logging.getLogger(__name__)

MAX_TERMINALS = 20
MAX_SIZE = 1000
_RING_BYTES = 512 * 1024
_READ_BYTES = 64 * 1024
_PAUSE_BYTES = 1024 * 1024
_STUCK_S = 15.0
_AGAIN_S = (0.5, 0.5, 1.0, 2.0, 5.0)
"""The guest's sshd needs about half a second to see that nobody is there; who comes sooner is not greeted."""
_GIVE_UP_AFTER = 6
"""Failures in a row after which a terminal that nobody looks at is let go. In its guest it may well go on."""
_MAX_UNREAD_BYTES = 4 * 1024 * 1024
_LISTING_BYTES = 4096
_RUN_S = 20.0


class Terminal:
    """One shell in one guest."""

    def __init__(
        self, address: GuestAddress, terminal_id: str, *, let_go: Callable[[], None], speaks: Callable[[], None]
    ) -> None:
        self.id = terminal_id
        self.has_spoken = False
        self._address = address
        self._let_go = let_go
        self._speaks = speaks
        self._ring = Ring(_RING_BYTES)
        self._viewers: list[Viewer] = []
        self._writer: asyncssh.SSHWriter[bytes] | None = None
        self._size = (80, 24)
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def readdress(self, address: GuestAddress) -> None:
        """The machine is on another node now, as it runs: the next connection goes there."""
        self._address = address

    @property
    def title(self) -> str:
        """What its program calls itself, or nothing."""
        return self._ring.title

    async def start(self, cols: int, rows: int, *, exists: bool, program: str = "") -> None:
        """Make the shell unless it `exists` in the guest, and begin to read it.

        Raises:
            Unavailable: the guest can't be reached.
        """
        self._size = (cols, rows)
        if not exists:
            given = [program] if program else []
            await _run(self._address, dtach.start_command(self.id, cols, rows, *given))
        self._task = asyncio.create_task(self._keep_reading(), name=f"terminal-{self.id}")
        self._task.add_done_callback(self._stopped)

    def attach(self, cols: int, rows: int) -> Viewer:
        """Begin to look; the newest viewer's size counts."""
        viewer = Viewer(cols, rows, replay=self._ring.replay, moved=self._moved.set)
        viewer.restart()
        if self._writer is not None:
            viewer.tell(Notice(State.OPEN))
        self._viewers.append(viewer)
        self.resize(viewer, cols, rows)
        return viewer

    def detach(self, viewer: Viewer) -> None:
        """Stop looking. The shell goes on."""
        if viewer in self._viewers:
            self._viewers.remove(viewer)
            self._moved.set()

    def resize(self, viewer: Viewer, cols: int, rows: int) -> None:
        """Make the PTY as big as this viewer's window."""
        viewer.size = self._size = (cols, rows)
        self._say(dtach.resize(cols, rows))

    def type(self, data: bytes) -> None:
        """Send keys. What is typed while the guest can't be reached is not kept: nobody would see it.

        Never waits: who types must go on hearing what the browser has drawn, or a program that waits for its output
        to be taken would wait for us, and we for it.

        Raises:
            Conflict: the program does not read, and has as much before it as we keep.
        """
        is_full = self._writer is not None and self._writer.channel.get_write_buffer_size() > _MAX_UNREAD_BYTES
        if is_full or self._is_held_up:
            raise Conflict("The program in the terminal does not take what is typed.")
        self._say(dtach.push(data))

    async def close(self) -> None:
        """End the shell, and what it runs."""
        self._tell(Notice(State.EXITED, "The terminal was closed."))
        await self.forget()
        await _run(self._address, dtach.end_command(self.id))

    async def forget(self) -> None:
        """Stop reading; the shell goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._tell(Notice(State.CLOSED))

    async def _keep_reading(self) -> None:
        failures = 0
        while self._viewers or failures < _GIVE_UP_AFTER:
            try:
                if await self._is_read_to_its_end(redraw=failures > 0 or self._ring.is_trimmed):
                    return
                failures = 0
            except (Unavailable, *FAULTS) as fault:
                self._tell(Notice(State.LOST, str(fault)))
            await asyncio.sleep(_AGAIN_S[min(failures, len(_AGAIN_S) - 1)])
            failures += 1

    def _stopped(self, task: asyncio.Task[None]) -> None:
        """However it came about: nobody reads any more."""
        if not task.cancelled() and (fault := task.exception()):
            log.error("the reading of terminal %s broke; it begins again", self.id, exc_info=fault)
        if not task.cancelled():
            self._let_go()
            self._tell(Notice(State.CLOSED))

    async def _is_read_to_its_end(self, *, redraw: bool) -> bool:
        try:
            await self._read(redraw=redraw)
        except asyncssh.ChannelOpenError as fault:  # perhaps because it ended while we were away
            log.debug("terminal %s: %s", self.id, fault)
            if await self._has_ended():
                return True
            raise
        return await self._has_ended()

    async def _read(self, *, redraw: bool) -> None:
        """One connection's worth of output. Raises if it was the connection that ended, and not the output."""
        link = await guests().link(self._address, INTERACTIVE)
        reader, writer = await link.dial_socket(dtach.socket_of(self.id))
        try:
            writer.write(dtach.attach(*self._size, redraw=redraw))
            self._writer = writer
            self._tell(Notice(State.OPEN))
            while data := await reader.read(_READ_BYTES):
                self._ring.push(data)
                if not self.has_spoken:
                    self.has_spoken = True
                    self._speaks()
                for viewer in self._viewers:
                    viewer.push(data)
                await self._wait_for_viewers()
            if not link.is_up:
                raise Unavailable("The connection to the machine was lost.")
        finally:
            self._writer = None
            writer.close()

    async def _wait_for_viewers(self) -> None:
        """Hold the program up while even the fastest viewer is far behind; one that does not move is let go."""
        while self._viewers and min(viewer.behind_bytes for viewer in self._viewers) > _PAUSE_BYTES:
            before = {viewer: viewer.progress for viewer in self._viewers}
            self._moved.clear()
            try:
                async with asyncio.timeout(_STUCK_S):
                    await self._moved.wait()
            except TimeoutError:
                for viewer in [each for each in self._viewers if before.get(each) == each.progress]:
                    viewer.restart()  # or what it does not take would stand before these words
                    viewer.tell(Notice(State.CLOSED, "The browser stopped taking output."))
                    self._viewers.remove(viewer)

    async def _has_ended(self) -> bool:
        fate = await _run(self._address, dtach.fate_command(self.id))
        if fate.strip() == b"alive":
            return False
        self._let_go()
        self._tell(Notice(State.EXITED, "The shell has ended.", dtach.exit_code_of(fate)))
        return True

    @property
    def _is_held_up(self) -> bool:
        return self._writer is not None and is_held_up(self._writer.get_extra_info("connection"))

    def _say(self, packets: bytes) -> None:
        if self._writer is not None and not self._is_held_up:
            try:
                self._writer.write(packets)
            except (asyncssh.Error, OSError):
                log.debug("terminal %s: something was lost with the connection", self.id)

    def _tell(self, notice: Notice) -> None:
        for viewer in self._viewers:
            viewer.tell(notice)


class Terminals:
    """All terminals of this process, by guest."""

    def __init__(self) -> None:
        self._guests: dict[str, dict[str, Terminal]] = {}
        self._listed: set[str] = set()
        """Guests of which we know all terminals."""
        self._locks = WeakValueDictionary[str, asyncio.Lock]()
        self._awaited = WeakValueDictionary[str, asyncio.Event]()
        """Set with a guest's first words, where somebody waits for them."""

    async def first_words(self, domain_name: str, within_s: float) -> None:
        """Wait until a terminal of the guest has said something, `within_s` at most."""
        if any(each.has_spoken for each in self._guests.get(domain_name, {}).values()):
            return
        spoken = self._awaited.get(domain_name)
        if spoken is None:
            self._awaited[domain_name] = spoken = asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await spoken.wait()

    async def listed(self, address: GuestAddress) -> list[Terminal]:
        """The guest's terminals, oldest name first; those of an earlier server are found again.

        Raises:
            Unavailable: the guest can't be reached.
        """
        async with self._lock(address.domain_name):
            return sorted((await self._known(address)).values(), key=lambda each: (len(each.id), each.id))

    async def open(
        self, address: GuestAddress, terminal_id: str, cols: int, rows: int, *, program: str = ""
    ) -> Terminal:
        """The terminal with this id, made if there is none; with a `program` (dtach.py), of that and not of a shell.

        Raises:
            Invalid: that can't be an id.
            Conflict: the guest has as many as it may have.
            Unavailable: the guest can't be reached.
        """
        if not dtach.is_id(terminal_id):
            raise Invalid("A terminal's id is 1 to 16 small letters and digits.")
        async with self._lock(address.domain_name):
            known = await self._known(address)
            if terminal_id not in known:
                if len(known) >= MAX_TERMINALS:
                    raise Conflict(f"A container has {MAX_TERMINALS} terminals at most. Close one first.")
                await self._start(address, terminal_id, cols, rows, exists=False, program=program)
                self._listed.add(address.domain_name)
            return self._guests[address.domain_name][terminal_id]

    async def close(self, address: GuestAddress, terminal_id: str) -> None:
        """End a terminal.

        Raises:
            NotFound: there is none with this id.
        """
        async with self._lock(address.domain_name):
            terminal = (await self._known(address)).get(terminal_id)
            if terminal is None:
                raise NotFound("That terminal")
            self._drop(address.domain_name, terminal)
            await terminal.close()

    def readdress(self, address: GuestAddress) -> None:
        """The machine has moved as it ran: its shells go on, and are found where it is now."""
        for terminal in self._guests.get(address.domain_name, {}).values():
            terminal.readdress(address)

    async def forget(self, domain_name: str) -> None:
        """The machine is off: its shells are gone, and so are our connections."""
        await guests().drop(domain_name)  # who is just opening something there fails now, and leaves the lock
        async with self._lock(domain_name):
            for terminal in list(self._guests.get(domain_name, {}).values()):
                self._drop(domain_name, terminal)
                await terminal.forget()
            await guests().drop(domain_name)

    async def forget_all(self) -> None:
        """Stop reading everything; the shells go on."""
        for name in list(self._guests):
            await self.forget(name)

    def _lock(self, domain_name: str) -> asyncio.Lock:
        lock = self._locks.get(domain_name)
        if lock is None:
            self._locks[domain_name] = lock = asyncio.Lock()
        return lock

    async def _known(self, address: GuestAddress) -> dict[str, Terminal]:
        name = address.domain_name
        self.readdress(address)
        if name not in self._listed:
            found = dtach.listed(await _run(address, dtach.LIST_COMMAND))[:MAX_TERMINALS]
            for terminal_id in found:
                if terminal_id not in self._guests.get(name, {}):
                    await self._start(address, terminal_id, 80, 24, exists=True)
            if found:
                self._listed.add(name)
        return self._guests.get(name, {})

    async def _start(
        self, address: GuestAddress, terminal_id: str, cols: int, rows: int, *, exists: bool, program: str = ""
    ) -> None:
        name = address.domain_name
        terminal = Terminal(
            address, terminal_id, let_go=lambda: self._drop(name, terminal), speaks=lambda: self._speaks(name)
        )
        await terminal.start(cols, rows, exists=exists, program=program)
        self._guests.setdefault(name, {})[terminal_id] = terminal

    def _speaks(self, domain_name: str) -> None:
        if spoken := self._awaited.get(domain_name):
            spoken.set()

    def _drop(self, domain_name: str, terminal: Terminal) -> None:
        """It has ended, or goes on in the guest without us: the next who asks finds out."""
        known = self._guests.get(domain_name, {})
        if known.get(terminal.id) is terminal:
            del known[terminal.id]
        self._listed.discard(domain_name)
        if not known:
            self._guests.pop(domain_name, None)


async def _run(address: GuestAddress, command: str) -> bytes:
    """A short command on the interactive connection, so that a first terminal needs only one; bounded output.

    All of ours may be repeated: when the connection is lost under one, it is said again on the next connection.
    """
    try:
        return await _run_once(address, command)
    except _Lost:
        return await _run_once(address, command)


class _Lost(Unavailable):
    """The connection ended under a command."""


async def _run_once(address: GuestAddress, command: str) -> bytes:
    link = await guests().link(address, INTERACTIVE)
    process, output = None, b""
    try:
        async with asyncio.timeout(_RUN_S):
            process = await link.start(command, stdin=asyncssh.DEVNULL, stderr=asyncssh.DEVNULL)
            while len(output) < _LISTING_BYTES and (piece := await process.stdout.read(_LISTING_BYTES)):
                output += piece
            if len(output) < _LISTING_BYTES:
                await process.wait_closed()
    except TimeoutError as fault:
        raise Unavailable(f"The machine did not answer within {_RUN_S:.0f} s.") from fault
    except FAULTS as fault:
        raise _Lost(f"The machine does not answer: {fault}.") from fault
    finally:
        if process is not None:
            process.close()
    return output[:_LISTING_BYTES]


@lru_cache
def terminals() -> Terminals:
    """The process's terminals."""
    return Terminals()
