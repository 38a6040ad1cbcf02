"""The gateway's listener, and how many may be there at once."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from weakref import WeakValueDictionary

import asyncssh

from backend.api.ssh.visitor import Visitor
from backend.api.ssh.wire import Wire
from backend.errors import Conflict
from backend.rules.policy import Actor
from backend.rules.throttle import source_of
from backend.services import ssh_host_key
from backend.settings import settings

log = logging.getLogger(__name__)

_MOST = 1000
_MOST_STRANGERS, _MOST_STRANGERS_FROM_ONE = 200, 60
"""Connections that have not proved a key yet. People of one office come from one address."""
_MOST_OF_ONE = 100
"""Connections of one person."""
_LOGIN_S = 30
_KEEPALIVE_S, _KEEPALIVES = 30, 4
_CIPHERS = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"]
_KEX = ["curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256"]
_MACS = ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256"]


@asynccontextmanager
async def serving() -> AsyncGenerator[None]:
    """Let people in by SSH while the block runs. Where the port is taken nobody is, and the log says so."""
    ours = settings()
    if not ours.ssh_port:
        yield
        return
    gateway = Gateway()
    try:
        await gateway.listen(ours.ssh_host or ours.host, ours.ssh_port)
    except OSError as fault:
        log.error("there is no SSH gateway: %s. SSH_PORT says where it listens", fault.strerror or fault)
    try:
        yield
    finally:
        await gateway.close()


class Gateway:
    """Lets clients in, and knows who is there."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._visitors = set[Visitor]()
        self._works = set[asyncio.Task[None]]()
        self._strangers = Counter[str]()
        self._people = Counter[int]()
        self._turns = WeakValueDictionary[int, asyncio.Lock]()
        self._next: Visitor | None = None
        self._options = _options(lambda: self._next)

    async def listen(self, host: str, port: int) -> None:
        """Begin.

        Raises:
            OSError: the port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._wire, host, port, backlog=256)

    async def close(self) -> None:
        """End everything, and wait until it has ended."""
        if self._server is not None:
            self._server.close()
        for visitor in list(self._visitors):
            visitor.end("The server is going down.")
        await asyncio.sleep(0)  # they hear of it in the next round
        while self._works:
            await asyncio.wait(self._works)

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something that outlives its visitor, and that `close` waits for."""
        task = asyncio.create_task(work, name="ssh-visitor")
        self._works.add(task)
        task.add_done_callback(self._done)
        return task

    @contextmanager
    def one_more(self, actor: Actor) -> Generator[None]:
        """Count a connection as the actor's.

        Raises:
            Conflict: they have as many as anybody may.
        """
        person = actor.person_id
        if self._people[person] >= _MOST_OF_ONE:
            raise Conflict(f"You have {_MOST_OF_ONE} SSH connections open. Close some first.")
        self._people[person] += 1
        try:
            yield
        finally:
            self._people[person] -= 1
            self._people += Counter()  # forgets who has none

    def turn(self, person_id: int) -> asyncio.Lock:
        """One person writes one thing at a time: who else writes waits for that one, and not for hundreds."""
        return self._turns.setdefault(person_id, asyncio.Lock())

    def _done(self, task: asyncio.Task[None]) -> None:
        self._works.discard(task)
        if not task.cancelled() and (fault := task.exception()):
            log.error("an SSH connection could not be written down", exc_info=fault)

    def _wire(self) -> Wire:
        visitor = Visitor(self)

        def connect() -> asyncssh.SSHServerConnection:
            self._next = visitor  # is asked for as soon as the connection is told that it is made
            return asyncssh.SSHServerConnection(asyncio.get_running_loop(), self._options)

        wire = Wire(connect, lambda wire: self._admits(visitor, wire))
        visitor.wire = wire
        return wire

    def _admits(self, visitor: Visitor, wire: Wire) -> bool:
        source = source_of(wire.ip)
        if (
            len(self._visitors) >= _MOST
            or self._strangers.total() >= _MOST_STRANGERS
            or self._strangers[source] >= _MOST_STRANGERS_FROM_ONE
        ):
            return False
        self._visitors.add(visitor)
        self._strangers[source] += 1

        def is_known() -> None:
            visitor.when_known = lambda: None
            self._strangers[source] -= 1
            self._strangers += Counter()

        def is_gone() -> None:
            visitor.when_known()
            self._visitors.discard(visitor)

        visitor.when_known, wire.when_lost = is_known, is_gone
        return True


def _options(visitor: Callable[[], Visitor | None]) -> asyncssh.SSHServerConnectionOptions:
    return asyncssh.SSHServerConnectionOptions(
        config=None,
        server_factory=visitor,
        server_version="Pequeroku",
        server_host_keys=[ssh_host_key.private_key()],
        public_key_auth=True,
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        gss_host=None,
        agent_forwarding=False,
        x11_forwarding=False,
        line_editor=False,
        encoding=None,
        encryption_algs=_CIPHERS,
        kex_algs=_KEX,
        mac_algs=_MACS,
        compression_algs=["none"],
        login_timeout=_LOGIN_S,
        keepalive_interval=_KEEPALIVE_S,
        keepalive_count_max=_KEEPALIVES,
    )
