"""Commands in guests, and the connections they and the terminals share."""

import asyncio
import logging
from dataclasses import dataclass
from functools import lru_cache

import asyncssh

from backend.errors import Unavailable
from backend.guest.channel import GuestAddress, Link, connect
from backend.guest.keys import unseal
from backend.hypervisor.driver import BULK
from backend.hypervisor.registry import nodes

log = logging.getLogger(__name__)

WINDOW_BYTES = 256 * 1024
_GRACE_S = 1.0
_SIGNAL_BASE = 128


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that is over. `exit_code` is 128 + n after signal n, and None when we had to let go of it."""

    stdout: bytes
    stderr: bytes
    exit_code: int | None
    truncated: bool = False
    timed_out: bool = False


async def reach(node_id: int, uri: str, domain_name: str, private_key_sealed: str, host_key: str) -> GuestAddress:
    """Put together how to get into a guest from what its row says."""
    node = await nodes().get(node_id, uri)
    return GuestAddress(node, domain_name, unseal(private_key_sealed), host_key)


class Guests:
    """Connections to guests: for each an interactive and a bulk one, made when first needed and shared from then on."""

    def __init__(self) -> None:
        self._links: dict[tuple[str, str], tuple[GuestAddress, Link]] = {}
        self._making: dict[tuple[str, str], asyncio.Lock] = {}

    async def link(self, address: GuestAddress, port: str = BULK) -> Link:
        """The guest's connection over `port`, made if there is none.

        Raises:
            WrongGuest, Unavailable: see `channel.connect`.
        """
        key = (address.domain_name, port)
        async with self._making.setdefault(key, asyncio.Lock()):
            known, link = self._links.get(key, (None, None))
            if link is not None and link.is_up and known == address:
                return link
            if link is not None:
                await link.close()
            link = await connect(address, port)
            self._links[key] = address, link
            return link

    async def run(
        self, address: GuestAddress, command: str, *, timeout_s: float = 30.0, limit_bytes: int = 256 * 1024
    ) -> Completed:
        """Run a shell command in the guest as root. Of each output stream the first `limit_bytes` are kept.

        Raises:
            Unavailable: the guest can't be reached, or was lost before the command ended.
        """
        process = await self._start(address, command)
        out, err = _Capture(limit_bytes), _Capture(limit_bytes)
        timed_out = False
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.gather(out.fill(process.stdout), err.fill(process.stderr), process.wait_closed())
        except TimeoutError:
            timed_out = True
            await _end(process)
        except asyncssh.Error as fault:
            raise Unavailable(f"The connection to the machine was lost: {fault}.") from fault
        finally:
            process.close()
        code = _exit_code(process)
        if code is None and not timed_out:
            raise Unavailable("The connection to the machine was lost before the command ended.")
        return Completed(bytes(out.kept), bytes(err.kept), code, out.is_over or err.is_over, timed_out)

    async def drop(self, domain_name: str) -> None:
        """Let go of a guest: its machine stops, or is gone."""
        for key in [key for key in self._links if key[0] == domain_name]:
            _, link = self._links.pop(key)
            self._making.pop(key, None)
            await link.close()

    async def close_all(self) -> None:
        """Let go of every guest."""
        for name in {name for name, _ in self._links}:
            await self.drop(name)

    async def _start(self, address: GuestAddress, command: str) -> asyncssh.SSHClientProcess[bytes]:
        """Begin the command; once more on a new connection if the old one had gone without our knowing."""
        for last in (False, True):
            link = await self.link(address, BULK)
            try:
                return await link.ssh.create_process(
                    command, stdin=asyncssh.DEVNULL, encoding=None, window=WINDOW_BYTES
                )
            except (asyncssh.Error, OSError) as fault:
                await link.close()
                if last:
                    raise Unavailable(f"The machine does not run commands now: {fault}.") from fault
        raise AssertionError("unreachable")


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


async def _end(process: asyncssh.SSHClientProcess[bytes]) -> None:
    """TERM, a moment to leave in order, KILL."""
    try:
        process.terminate()
        async with asyncio.timeout(_GRACE_S):
            await process.wait_closed()
    except TimeoutError:
        process.kill()
    except OSError:
        log.debug("a command that ran out of time was gone already")


def _exit_code(process: asyncssh.SSHClientProcess[bytes]) -> int | None:
    code = process.returncode
    return _SIGNAL_BASE - code if code is not None and code < 0 else code


@lru_cache
def guests() -> Guests:
    """The process's connections to guests."""
    return Guests()
