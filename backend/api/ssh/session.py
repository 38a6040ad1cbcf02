"""One session of a client: a shell, a command, or the SFTP subsystem, with or without a terminal."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from asyncssh import SSHServerSession
from asyncssh.constants import EXTENDED_DATA_STDERR

from backend.api.ssh.starting import Keys, until_running
from backend.errors import Invalid, PequerokuError, Throttled, Unavailable
from backend.guest.channel import FAULTS
from backend.guest.piping import End, InGuest, Outcome, open_session
from backend.rules import ssh as rules
from backend.rules.commands import shown
from backend.rules.policy import Actor
from backend.services.ssh_gateway import Way

log = logging.getLogger(__name__)

_REFUSED, _NOT_NOW = 255, 75
"""Exit codes: as `ssh` itself ends, and EX_TEMPFAIL of sysexits.h for what may work later."""


class Person(Protocol):
    """Whose session it is."""

    actor: Actor
    container_id: int
    notice: str

    @property
    def is_full(self) -> bool: ...
    def used(self) -> None: ...
    async def enter(self, what: str) -> Way: ...
    async def look(self) -> Way: ...
    async def news(self, within_s: float) -> None: ...


class Session(End, SSHServerSession[bytes]):
    """The client's end. It may wait for its machine before it has another."""

    def __init__(self, person: Person, let_go: Callable[[], None]) -> None:
        super().__init__()
        self._person, self._let_go = person, let_go
        self._command, self._is_sftp = "", False
        self._terminal: dict[str, Any] = {}
        self._keys: Keys | None = None
        self._guest = InGuest()
        self._work: asyncio.Task[None] | None = None
        self.is_line_full = lambda: person.is_full

    # What the client says it wants

    def pty_requested(
        self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Mapping[int, int]
    ) -> bool:
        size = rules.cells(term_size[0], term_size[1])
        self._terminal = {"term_type": rules.terminal_type(term_type), "term_size": size, "term_modes": term_modes}
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        self._is_sftp = subsystem == "sftp"
        return self._is_sftp

    def session_started(self) -> None:
        self._work = asyncio.create_task(self._run(), name="ssh-session")

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._terminal:
            self._terminal["term_size"] = rules.cells(width, height)
            if self.other is not None:
                self._guest.resize(self._terminal["term_size"])

    def signal_received(self, signal: str) -> None:
        if self.other is not None:
            self._guest.signal(signal[:32])

    def break_received(self, msec: int) -> bool:
        return False

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._person.used()
        if self._keys is not None:
            self._keys.press(data)
        else:
            super().data_received(data, datatype)

    def eof_received(self) -> bool:
        if self._keys is not None:
            self._keys.press(b"\x04")
        return super().eof_received()

    def say(self, data: bytes, datatype: int | None = None) -> None:
        if not self._terminal:  # what a terminal shows by itself is no use of the machine
            self._person.used()
        super().say(data, datatype)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over = True
        if self._work is not None:
            self._work.cancel()
        self._guest.hang_up()
        self._let_go()

    # What it gets

    async def _run(self) -> None:
        try:
            await self._begin()
        except (Unavailable, Throttled) as refusal:
            self._refuse(refusal.message, _NOT_NOW)
        except PequerokuError as refusal:
            self._refuse(refusal.message, _REFUSED)
        except FAULTS as fault:
            self._refuse(f"The machine does not answer: {fault}.", _NOT_NOW)
        except Exception:
            log.exception("an SSH session broke")
            self._refuse("Something went wrong here. It is written down.", _REFUSED)

    async def _begin(self) -> None:
        way = await self._person.enter(self._what())
        if self._person.notice:
            self._tell(self._person.notice)
            self._person.notice = ""
        if not way.door.is_running:
            way = await self._when_running(way)
        size = self._terminal.get("term_size")
        await open_session(
            await way.door.address(),
            self._guest,
            command=self._command,
            is_sftp=self._is_sftp,
            env={"LANG": "C.UTF-8", **self.channel.settings},
            **self._terminal,
        )
        if self._terminal.get("term_size") != size:
            self._guest.resize(self._terminal["term_size"])
        self.join(self._guest)
        self._guest.join(self)
        self._guest.when_over(self._over)

    def _what(self) -> str:
        """In the audit log's words.

        Raises:
            Invalid: no shell can be given such a command.
        """
        if self._is_sftp:
            return "SFTP"
        if not rules.is_command(self._command):
            raise Invalid("No shell takes that: a command has 128 KiB at most, and no NUL.")
        return shown(self._command) if self._command else "a shell"

    async def _when_running(self, way: Way) -> Way:
        """Raises PequerokuError: it does not run, and will not."""
        keys = Keys(lambda text: self.say(text)) if self._terminal else None
        self._keys = keys
        try:
            return await until_running(self._person, way, keys)
        finally:
            self._keys = None

    def _over(self, outcome: Outcome) -> None:
        if outcome.is_lost:
            self._refuse("The connection to the machine was lost.", _REFUSED)
        elif outcome.signal:
            self.channel.exit_with_signal(outcome.signal)
        elif outcome.code is not None:
            self.channel.exit(outcome.code)
        else:
            self.hang_up()

    def _refuse(self, words: str, code: int) -> None:
        self._tell(words)
        if self.channel is not None:
            self.channel.exit(code)

    def _tell(self, words: str) -> None:
        ends = ("\r\n", None) if self._terminal else ("\n", EXTENDED_DATA_STDERR)
        super().say(f"pequeroku: {words}{ends[0]}".encode(), ends[1])
