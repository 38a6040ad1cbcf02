"""SSH into a guest over a virtio-serial port: a hypervisor's ByteStream on one side, asyncssh on the other.

The guest may be hostile, down to its sshd. What it can make one connection hold in our memory:

- before it greets: nothing is kept but the last 255 bytes; after 1 MiB of anything else it is given up;
- unparsed input: a packet (256 KiB at most, else asyncssh drops the connection) and one 32 KiB slice;
- what our own side queues at its request (replies, packets deferred by a key exchange that never ends, requests in
  a row, channels, unread pieces of output): counted after each slice, and the connection is cut at `_MAX_BACKLOG`;
- output to it that it doesn't read: we stop reading from it at 1 MiB, and cut the connection at 16 MiB;
- output to it that asyncssh keeps back during a key exchange: who sends waits from the 33rd packet on (`is_held_up`);
- data on a channel: the channel's window (256 KiB).

Compression is off, so nothing expands. Every forwarding that a server may start is off too.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sized
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import asyncssh

from backend.errors import Unavailable, WrongGuest
from backend.guest.transport import StreamTransport
from backend.hypervisor.driver import INTERACTIVE, Hypervisor

T = TypeVar("T")
Ends = tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]
"""A connection to a program in a guest."""

log = logging.getLogger(__name__)
logging.getLogger("asyncssh").setLevel(logging.ERROR)  # it tells each session; a guest could fill our log

_GREETING_WAITS_S = (2.0, 2.0, 3.0, 5.0, 8.0)
"""How long each attempt waits for the guest's greeting. The first one after a connection that broke off may get
none: the guest's old sshd has to notice first."""
_BETWEEN_S = 0.5
WINDOW_BYTES = 256 * 1024
"""How much of one channel we hold unread."""
_LOGIN_S = 30.0
_KEEPALIVE_S = 15
_KEEPALIVES = 3
_MOST_KEPT_BACK = 32
"""Packets, of 32 KiB at most as a rule: 1 MiB."""
_AGAIN_S = 0.02

# What the guest's processor does fastest under emulation comes first.
_CIPHERS = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"]
_KEX = ["curve25519-sha256", "curve25519-sha256@libssh.org"]

FAULTS = (asyncssh.Error, OSError, TimeoutError, ValueError)
"""What asyncssh raises for a guest that is lost. ValueError: a packet that can't be read, handed on as it is."""


@dataclass(frozen=True, slots=True)
class GuestAddress:
    """All that is needed to get into a guest. The private key is PEM, unsealed; keep it no longer than needed."""

    node: Hypervisor
    domain_name: str
    private_key: str
    host_key: str

    def __repr__(self) -> str:
        return f"GuestAddress({self.domain_name})"


@dataclass(frozen=True, slots=True)
class Link:
    """A logged-in connection to a guest."""

    ssh: asyncssh.SSHClientConnection
    transport: StreamTransport

    @property
    def is_up(self) -> bool:
        return not (self.transport.is_closing() or self.ssh.is_closed())

    async def start(self, command: str, **options: Any) -> asyncssh.SSHClientProcess[bytes]:
        """Begin a command; the options are those of asyncssh's `create_process`.

        Raises:
            FAULTS: it did not begin.
        """
        begun: Any = self.ssh.create_process(command, **options, encoding=None, window=WINDOW_BYTES)
        return await whole(cast(Awaitable[asyncssh.SSHClientProcess[bytes]], begun), lambda process: process.close())

    async def dial(self, host: str, port: int) -> Ends:
        """A connection to what listens there, as seen from the guest.

        Raises:
            asyncssh.ChannelOpenError: nothing does.
            FAULTS: the guest does not answer.
        """
        return await self._dialled(self.ssh.open_connection(host, port, encoding=None, window=WINDOW_BYTES))  # type: ignore[reportUnknownMemberType]

    async def dial_socket(self, path: str) -> Ends:
        """The same for a socket in the guest's file system."""
        return await self._dialled(self.ssh.open_unix_connection(path, encoding=None, window=WINDOW_BYTES))  # type: ignore[reportUnknownMemberType]

    async def _dialled(self, opening: Any) -> Ends:
        return await whole(cast(Awaitable[Ends], opening), lambda ends: ends[1].close())

    async def close(self) -> None:
        """Say goodbye and let go of the port."""
        self.ssh.close()
        self.transport.abort()
        await self.transport.wait_closed()


async def whole(opening: Awaitable[T], close: Callable[[T], None]) -> T:
    """Open a channel. Who stops waiting for it has it closed as soon as it is open.

    asyncssh would forget it: the guest keeps it then, and a program that serves one at a time waits for its end.
    """
    task = asyncio.ensure_future(opening)

    def let_go(opened: "asyncio.Future[T]") -> None:
        if not opened.cancelled() and opened.exception() is None:
            close(opened.result())

    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(let_go)
        raise


async def connect(address: GuestAddress, port: str = INTERACTIVE) -> Link:
    """Log in to the guest as root over one of its ports. Whoever had the port before loses it.

    Raises:
        WrongGuest: the host key is not the pinned one.
        Unavailable: the domain is off, or its sshd did not answer in five attempts (about 20 s).
    """
    failure = "it sent no greeting"
    for attempt, wait_s in enumerate(_GREETING_WAITS_S):
        if attempt:
            await asyncio.sleep(_BETWEEN_S)  # gives the guest's old sshd the time to see that nobody is there
        stream = await address.node.open_channel(address.domain_name, port)
        transport = StreamTransport(stream)
        try:
            return Link(await _log_in(address, transport, wait_s), transport)
        except asyncssh.HostKeyNotVerifiable as fault:
            raise WrongGuest from fault
        except asyncssh.PermissionDenied as fault:
            raise Unavailable("The machine does not take our key. Restart it to put the key back.") from fault
        except FAULTS as fault:
            failure = str(fault) or failure
            log.debug("%s: attempt %s on %s failed: %s", address.domain_name, attempt + 1, port, failure)
    raise Unavailable(f"The machine's terminal service does not answer: {failure}.")


async def _log_in(
    address: GuestAddress, transport: StreamTransport, greeting_wait_s: float
) -> asyncssh.SSHClientConnection:
    try:
        async with asyncio.timeout(greeting_wait_s):
            await transport.greeted()
        return await asyncssh.connect("guest", tunnel=_Tunnel(transport), options=_options(address))
    except BaseException:
        transport.abort()
        raise


def _options(address: GuestAddress) -> asyncssh.SSHClientConnectionOptions:
    host_key, none = asyncssh.import_public_key(address.host_key), list[asyncssh.SSHKey]()
    return asyncssh.SSHClientConnectionOptions(
        config=None,
        username="root",
        known_hosts=([host_key], none, none),
        server_host_key_algs=["ssh-ed25519"],
        client_keys=[asyncssh.import_private_key(address.private_key)],
        preferred_auth="publickey",
        agent_path=None,
        gss_host=None,
        encryption_algs=_CIPHERS,
        kex_algs=_KEX,
        compression_algs=["none"],
        login_timeout=_LOGIN_S,
        keepalive_interval=_KEEPALIVE_S,
        keepalive_count_max=_KEEPALIVES,
    )


class _Tunnel:
    """What asyncssh asks for a connection when it is not to open one itself."""

    def __init__(self, transport: StreamTransport) -> None:
        self.transport = transport

    async def create_connection(self, factory: Any, _host: str, _port: int) -> tuple[Any, Any]:
        connection = factory()
        self.transport.serve(connection, lambda: backlog(connection))
        return self.transport, connection


def is_held_up(connection: Any) -> bool:
    """Whether what is said on it is kept back, and enough of that: a peer may begin a key exchange and never end it.

    Until its end asyncssh sends no data. What it keeps, neither a channel's buffer nor the transport's counts.
    """
    return not connection.is_closed() and len(getattr(connection, "_deferred_packets")) > _MOST_KEPT_BACK  # noqa: B009


async def drained(writer: asyncssh.SSHWriter[bytes]) -> None:
    """Wait until the guest takes more. The writer's own `drain` knows of no key exchange.

    Raises:
        FAULTS: the connection is lost.
    """
    await writer.drain()
    while is_held_up(writer.get_extra_info("connection")):
        await asyncio.sleep(_AGAIN_S)
        await writer.drain()


def backlog(connection: Any) -> int:
    """Things that asyncssh holds for the guest and sets no bound to. It says so nowhere in public: tests watch it."""
    lists = ("_deferred_packets", "_global_request_queue", "_channels")
    held = sum(len(cast(Sized, getattr(connection, name))) for name in lists)
    for channel in getattr(connection, "_channels").values():  # noqa: B009 - private, on purpose
        held += len(getattr(channel, "_recv_buf")) + len(getattr(channel, "_request_queue"))  # noqa: B009
    return held + len(getattr(connection, "_inpbuf")) // 16  # noqa: B009
