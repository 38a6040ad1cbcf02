"""Commands in guests, and the connections they and the terminals share."""

import asyncio
import logging
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakValueDictionary

import asyncssh

from backend.errors import Unavailable
from backend.guest.channel import FAULTS, GuestAddress, Link, connect
from backend.guest.keys import open_private_key
from backend.hypervisor.driver import BULK
from backend.hypervisor.registry import nodes

log = logging.getLogger(__name__)

WINDOW_BYTES = 256 * 1024
_BEGIN_S = 20.0
_END_S = 10.0
_SIGNAL_BASE = 128
_PID_BYTES = 11
_PID = re.compile(rb"([1-9]\d{1,9})\n")


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that is over. `exit_code` is 128 + n after signal n, and None when we had to let go of it."""

    stdout: bytes
    stderr: bytes
    exit_code: int | None
    truncated: bool = False
    timed_out: bool = False


async def reach(uri: str, domain_name: str, private_key_sealed: str, host_key: str) -> GuestAddress:
    """Put together how to get into a guest from what its row says."""
    node = await nodes().get(uri)
    return GuestAddress(node, domain_name, open_private_key(private_key_sealed), host_key)


class Guests:
    """Connections to guests: for each an interactive and a bulk one, made when first needed and shared from then on."""

    def __init__(self) -> None:
        self._links: dict[tuple[str, str], tuple[GuestAddress, Link]] = {}
        self._making = WeakValueDictionary[tuple[str, str], asyncio.Lock]()

    async def link(self, address: GuestAddress, port: str = BULK) -> Link:
        """The guest's connection over `port`, made if there is none.

        Raises:
            WrongGuest, Unavailable: see `channel.connect`.
        """
        key = (address.domain_name, port)
        lock = self._making.get(key)
        if lock is None:
            self._making[key] = lock = asyncio.Lock()
        async with lock:
            known, link = self._links.get(key, (None, None))
            if link is not None and link.is_up and known == address:
                return link
            if link is not None:
                await link.close()
            link = await connect(address, port)
            self._links[key] = address, link
            return link

    async def run(
        self,
        address: GuestAddress,
        command: str,
        *,
        stdin: bytes = b"",
        timeout_s: float = 30.0,
        limit_bytes: int = 256 * 1024,
    ) -> Completed:
        """Run a shell command in the guest as root. Of each output stream the first `limit_bytes` are kept.

        Raises:
            Unavailable: the guest can't be reached, or was lost before the command ended.
        """
        link, process = await self._start(address, f"echo $$ >&2\n{command}")
        out, err = _Capture(limit_bytes), _Capture(limit_bytes + _PID_BYTES)
        timed_out = False
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.gather(
                    _feed(process.stdin, stdin),
                    out.fill(process.stdout),
                    err.fill(process.stderr),
                    process.wait_closed(),
                )
        except TimeoutError:
            timed_out = True
            await _end(link, bytes(err.kept))
        except FAULTS as fault:
            raise Unavailable(f"The connection to the machine was lost: {fault}.") from fault
        finally:
            process.close()
        code = _exit_code(process)
        if code is None and not timed_out:
            raise Unavailable("The connection to the machine was lost before the command ended.")
        errors = _PID.sub(b"", bytes(err.kept), 1) if _PID.match(err.kept) else bytes(err.kept)
        is_over = out.is_over or err.is_over or len(errors) > limit_bytes
        return Completed(bytes(out.kept), errors[:limit_bytes], code, is_over, timed_out)

    async def drop(self, domain_name: str) -> None:
        """Let go of a guest: its machine stops, or is gone."""
        for key in [key for key in self._links if key[0] == domain_name]:
            _, link = self._links.pop(key)
            await link.close()

    async def close_all(self) -> None:
        """Let go of every guest."""
        for name in {name for name, _ in self._links}:
            await self.drop(name)

    async def _start(self, address: GuestAddress, command: str) -> tuple[Link, asyncssh.SSHClientProcess[bytes]]:
        """Begin the command; once more on a new connection if the old one had gone without our knowing."""
        for last in (False, True):
            link = await self.link(address, BULK)
            try:
                async with asyncio.timeout(_BEGIN_S):
                    return link, await link.ssh.create_process(command, encoding=None, window=WINDOW_BYTES)
            except FAULTS as fault:
                await link.close()
                if last:
                    raise Unavailable(f"The machine does not run commands now: {fault}.") from fault
        raise AssertionError("unreachable")


async def _feed(stream: asyncssh.SSHWriter[bytes], data: bytes) -> None:
    """Give a command its input, and the end of it. One that doesn't want all of it has ended: its exit code tells."""
    with suppress(OSError):
        for start in range(0, len(data), WINDOW_BYTES):
            stream.write(data[start : start + WINDOW_BYTES])
            await stream.drain()
        stream.write_eof()


class _Capture:
    """Keeps the beginning of a stream and reads on to its end, so that the command isn't held up."""

    def __init__(self, limit: int) -> None:
        self.kept = bytearray()
        self.is_over = False
        self._limit = limit

    async def fill(self, stream: asyncssh.SSHReader[bytes]) -> None:
        while data := await stream.read(WINDOW_BYTES):
            room = self._limit - len(self.kept)
            self.kept += data[:room]
            self.is_over = self.is_over or len(data) > room


async def _end(link: Link, errors: bytes) -> None:
    """TERM to all that the command began, a moment to leave in order, KILL.

    By a second command: OpenSSH delivers no signals to root's. The first told its process id, which is its session's.
    """
    found = _PID.match(errors)
    if found is None:
        return
    alike = f"-s {int(found[1])}"
    moment = "for each in 1 2 3 4 5 6 7 8 9 10; do pgrep $alike > /dev/null || exit; sleep 0.1; done"
    command = f"alike='{alike}'; pkill -TERM $alike; {moment}; pkill -KILL $alike"
    try:
        async with asyncio.timeout(_END_S):
            await link.ssh.run(command, stdin=asyncssh.DEVNULL, stdout=asyncssh.DEVNULL, stderr=asyncssh.DEVNULL)
    except FAULTS:
        log.warning("a command that ran out of time could not be ended")


def _exit_code(process: asyncssh.SSHClientProcess[bytes]) -> int | None:
    code = process.returncode
    return _SIGNAL_BASE - code if code is not None and code < 0 else code


@lru_cache
def guests() -> Guests:
    """The process's connections to guests."""
    return Guests()
