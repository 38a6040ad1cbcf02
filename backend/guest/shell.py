"""Commands in guests, and the connections they and the terminals share."""

import asyncio
import codecs
import logging
import re
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from weakref import WeakValueDictionary

import asyncssh

from backend.errors import BrokenOff, Unavailable
from backend.guest.channel import FAULTS, WINDOW_BYTES, GuestAddress, Link, connect, drained
from backend.guest.keys import open_private_key
from backend.hypervisor.driver import BULK
from backend.hypervisor.registry import nodes
from backend.meters import EXEC_SECONDS

log = logging.getLogger(__name__)

Hear = Callable[[str], None]
"""Is told what a command prints. It must be quick."""

_BEGIN_S = 20.0
_END_S = 10.0
_SIGNAL_BASE = 128
_GROUPS = "/sys/fs/cgroup/pequeroku.run"
_HELLO_BYTES = 120
_HELLO = re.compile(rb"([1-9]\d{1,9}) (/[\w./-]{1,90})?\n")
_CONTAIN = """\
d={groups}/{slot}
if [ -d /run/pequeroku ]; then
    {{
        while read -r k v; do if [ "$k$v" = populated1 ]; then d=$d.$$; fi; done < $d/cgroup.events
        for k in 1 2 3 4; do echo $$ > $d/cgroup.procs && break; mkdir -p $d; done
        [ $k -lt 4 ] || d=
    }} 2> /dev/null
else
    d=
fi
echo "$$ $d" >&2
unset d k v
"""
"""Puts the shell into a control group, which nothing that it begins leaves by itself, and says which. A group that
was used before, and is empty, is used again: to make one takes longer than all the rest."""


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
        self._name = secrets.token_hex(3)
        self._slots: defaultdict[str, set[int]] = defaultdict(set)
        """Numbers of control groups in use, by domain."""

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
            await self._sweep()
            link = await connect(address, port)
            self._links[key] = address, link
            return link

    async def _sweep(self) -> None:
        """Let go of what is over: of machines that were removed, too."""
        for key, (_, link) in list(self._links.items()):
            if not link.is_up and self._links.pop(key, None) is not None:
                await link.close()

    def is_connected(self, address: GuestAddress) -> bool:
        """Whether its connection for commands stands."""
        known, link = self._links.get((address.domain_name, BULK), (None, None))
        return link is not None and link.is_up and known == address

    def readdress(self, address: GuestAddress) -> None:
        """The guest has other keys now: who is connected stays so."""
        for key, (_, link) in self._links.items():
            if key[0] == address.domain_name:
                self._links[key] = address, link

    async def run(
        self,
        address: GuestAddress,
        command: str,
        *,
        stdin: bytes = b"",
        timeout_s: float = 30.0,
        limit_bytes: int = 256 * 1024,
        hear: Hear | None = None,
    ) -> Completed:
        """Run a shell command in the guest as root. Of each output stream the first `limit_bytes` are kept; `hear` is
        told all of both, as it comes.

        When its time is over, or nobody waits for it any more, it is ended with all that it began.

        Raises:
            Unavailable: the guest can't be reached, or was lost before the command ended.
        """
        begun_at, outcome = time.monotonic(), "lost"
        try:
            done = await self._run(address, command, stdin, timeout_s, limit_bytes, hear)
            outcome = "timeout" if done.timed_out else "done"
            return done
        finally:
            EXEC_SECONDS.labels(outcome).observe(time.monotonic() - begun_at)

    async def _run(
        self,
        address: GuestAddress,
        command: str,
        stdin: bytes,
        timeout_s: float,
        limit_bytes: int,
        hear: Hear | None,
    ) -> Completed:
        with self._slot(address.domain_name) as slot:
            link, process = await self._start(address, _CONTAIN.format(groups=_GROUPS, slot=slot) + command)
            out = _Capture(limit_bytes, hear)
            err = _Capture(limit_bytes + _HELLO_BYTES, _after_hello(hear) if hear is not None else None)
            timed_out = not await _is_over(link, process, stdin, out, err, timeout_s)
        code = _exit_code(process)
        if code is None and not timed_out:
            raise BrokenOff("The connection to the machine was lost before the command ended.")
        errors = _HELLO.sub(b"", bytes(err.kept), 1) if _HELLO.match(err.kept) else bytes(err.kept)
        is_over = out.is_over or err.is_over or len(errors) > limit_bytes
        return Completed(bytes(out.kept), errors[:limit_bytes], code, is_over, timed_out)

    @contextmanager
    def _slot(self, domain_name: str) -> Generator[str]:
        """The name of a control group for one command, which no other of ours has meanwhile."""
        taken = self._slots[domain_name]
        number = next(each for each in count() if each not in taken)
        taken.add(number)
        try:
            yield f"{self._name}-{number}"
        finally:
            taken.discard(number)

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
                    return link, await link.start(command)
            except FAULTS as fault:
                await link.close()
                if last:
                    raise Unavailable(f"The machine does not run commands now: {fault}.") from fault
        raise AssertionError("unreachable")


async def _is_over(
    link: Link,
    process: asyncssh.SSHClientProcess[bytes],
    stdin: bytes,
    out: "_Capture",
    err: "_Capture",
    timeout_s: float,
) -> bool:
    """Whether the command ended in time. What did not, or what nobody waits for any more, is ended."""
    try:
        async with asyncio.timeout(timeout_s):
            reading = out.fill(process.stdout), err.fill(process.stderr)
            await asyncio.gather(_feed(process.stdin, stdin), *reading, process.wait_closed())
    except TimeoutError:
        await _end(link, bytes(err.kept))
        return False
    except asyncio.CancelledError:
        await asyncio.shield(_end(link, bytes(err.kept)))
        raise
    except FAULTS as fault:
        raise BrokenOff(f"The connection to the machine was lost: {fault}.") from fault
    finally:
        process.close()
    return True


async def _feed(stream: asyncssh.SSHWriter[bytes], data: bytes) -> None:
    """Give a command its input, and the end of it. One that doesn't want all of it has ended: its exit code tells."""
    with suppress(OSError):
        for start in range(0, len(data), WINDOW_BYTES):
            stream.write(data[start : start + WINDOW_BYTES])
            await drained(stream)
        stream.write_eof()


class _Capture:
    """Keeps the beginning of a stream and reads on to its end, so that the command isn't held up."""

    def __init__(self, limit: int, hear: Hear | None = None) -> None:
        self.kept = bytearray()
        self.is_over = False
        self._limit, self._hear = limit, hear
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    async def fill(self, stream: asyncssh.SSHReader[bytes]) -> None:
        while data := await stream.read(WINDOW_BYTES):
            room = self._limit - len(self.kept)
            self.kept += data[:room]
            self.is_over = self.is_over or len(data) > room
            if self._hear is not None:
                self._hear(self._decoder.decode(data))


def _after_hello(hear: Hear) -> Hear:
    """Leaves out the first line, where it is our own."""
    begun: list[str] | None = []

    def after(text: str) -> None:
        nonlocal begun
        if begun is None:
            hear(text)
            return
        begun.append(text)
        line, end, rest = "".join(begun).partition("\n")
        if end or len(line) > _HELLO_BYTES:
            begun = None
            hear(rest if _HELLO.fullmatch(f"{line}{end}".encode()) else f"{line}{end}{rest}")

    return after


async def _end(link: Link, errors: bytes) -> None:
    """TERM to all that the command began, a moment to leave in order, KILL.

    By a second command: OpenSSH delivers no signals to root's. The first told its control group, which holds whatever
    it began; and its process id, which is its session's, for a guest without such groups.
    """
    found = _HELLO.match(errors)
    if found is None:
        return
    group = (found[2] or b"").decode()
    try:
        async with asyncio.timeout(_END_S):
            command = _END_GROUP.format(group=group) if group else _END_SESSION.format(pid=int(found[1]))
            null = asyncssh.DEVNULL
            async with await link.start(command, stdin=null, stdout=null, stderr=null) as process:
                await process.wait_closed()
    except FAULTS:
        log.warning("a command that ran out of time could not be ended")


_END_GROUP = """\
g={group}
while read -r each; do kill -TERM $each; done < $g/cgroup.procs
for each in 1 2 3 4 5 6 7 8 9 10; do
    read -r _ populated < $g/cgroup.events
    if [ $populated = 0 ]; then exit; fi
    sleep 0.1
done
echo 1 > $g/cgroup.kill
"""
_END_SESSION = """\
pkill -TERM -s {pid}
for each in 1 2 3 4 5 6 7 8 9 10; do pgrep -s {pid} > /dev/null || exit; sleep 0.1; done
pkill -KILL -s {pid}
"""


def _exit_code(process: asyncssh.SSHClientProcess[bytes]) -> int | None:
    code = process.returncode
    return _SIGNAL_BASE - code if code is not None and code < 0 else code


@lru_cache
def guests() -> Guests:
    """The process's connections to guests."""
    return Guests()
