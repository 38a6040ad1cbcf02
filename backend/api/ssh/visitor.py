"""One client's connection: who it is, which container it is about, and for how long it may stay."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import Any, Protocol, cast

import asyncssh
from asyncssh.constants import (
    DISC_BY_APPLICATION,
    DISC_NO_MORE_AUTH_METHODS_AVAILABLE,
    DISC_TOO_MANY_CONNECTIONS,
    OPEN_CONNECT_FAILED,
    OPEN_RESOURCE_SHORTAGE,
)

from backend.api.limits import count_by_ssh
from backend.api.ssh.channel import Channel
from backend.api.ssh.forwarding import Connection, Socket
from backend.api.ssh.session import Session
from backend.api.ssh.wire import Wire
from backend.db import reading, transaction
from backend.errors import Conflict, PequerokuError, Throttled, Unauthenticated
from backend.events.bus import Event, bus, concerns
from backend.guest.channel import WINDOW_BYTES, is_held_up
from backend.models.base import now
from backend.rules import ssh as rules
from backend.rules.policy import Actor, Via
from backend.services import activity
from backend.services import ssh_gateway as service
from backend.services.ssh_gateway import Way

log = logging.getLogger(__name__)

_MOST_KEYS = 15
"""An agent offers all that it has."""
_MOST_SESSIONS, _MOST_CONNECTIONS = 20, 200
_RECHECK_S = 60.0
_GLANCE_S = 15.0
IDLE_S = 12 * 3600.0
_WORDS_S = 3.0
"""A refusal is told by the first session that is asked for; who asks for none is told it with the end."""
_NO_LISTENERS = "Connections from the machine to yours (-R) are not made here: use -L or -D, or a preview."


class House(Protocol):
    """Knows who is there, and waits at its end for what they leave to be done."""

    def one_more(self, actor: Actor) -> AbstractContextManager[None]: ...
    def turn(self, person_id: int) -> asyncio.Lock: ...
    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...


class Visitor(asyncssh.SSHServer):
    """Proves a key, and then has sessions and connections in one container."""

    def __init__(self, house: House) -> None:
        self.wire: Wire
        self.when_known = lambda: None
        self._house = house
        self._ssh: asyncssh.SSHServerConnection | None = None
        self._login = self._fingerprint = ""
        self._offered = self._holder_id = 0
        self._counts = {"sessions": 0, "connections": 0}
        self._staying: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()
        self._refusal: PequerokuError | None = None
        self._news = asyncio.Event()
        self._in_doubt = self._is_leaving = False
        self._looked_at = self._used_at = time.monotonic()
        self._noted = set[str]()
        self.actor = Actor(None, via=Via.SSH)
        self.container_id = 0
        self.notice = ""
        """What the next session is to tell first."""

    # Who it is

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._ssh = conn

    async def begin_auth(self, username: str) -> bool:
        self._login = username
        said = str(self._ssh.get_extra_info("client_version", "")) if self._ssh is not None else ""
        self.actor = Actor(None, via=Via.SSH, ip=self.wire.ip, user_agent=said[:200])
        try:
            await service.refuse_guessers(self.actor)
        except Throttled as refusal:
            raise asyncssh.DisconnectError(DISC_TOO_MANY_CONNECTIONS, refusal.message) from refusal
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self._offered += 1
        if self._offered > 2 * _MOST_KEYS:  # each is offered, and then proved
            words = "You offer too many keys. Say which one to use: ssh -i FILE -o IdentitiesOnly=yes"
            raise asyncssh.DisconnectError(DISC_NO_MORE_AUTH_METHODS_AVAILABLE, words)
        fingerprint = key.get_fingerprint()
        self._fingerprint = ""
        holder = await service.holder_of(fingerprint, self.actor)
        if holder is None:
            return False
        self._fingerprint, self._holder_id = fingerprint, holder.person_id
        return True

    def auth_completed(self) -> None:
        """The key that was looked up last is the one that was proved."""
        self.when_known()
        self._staying = self._house.begin(self._stay())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._staying is not None:
            if not self._is_leaving:  # what it writes down at the end is not broken off
                self._staying.cancel()
        elif self._offered:
            self._house.begin(self._note_failure())
        self._ssh = None

    def end(self, words: str) -> None:
        """Put the client out."""
        if self._ssh is not None:
            self._ssh.disconnect(DISC_BY_APPLICATION, words)

    # For how long

    async def _stay(self) -> None:
        unsubscribe, began = bus().subscribe(self._hear), time.monotonic()
        try:
            with ExitStack() as stack:
                await self._arrive(stack)
                while True:
                    await self._keep()
        except PequerokuError as refusal:
            self._refusal = refusal
            self._arrived.set()
            await asyncio.sleep(0 if self.container_id else _WORDS_S)
            self._is_leaving = True
            if self._ssh is not None:
                self._ssh.disconnect(DISC_BY_APPLICATION, refusal.message)
        except Exception:
            log.exception("an SSH connection broke")
            if self._ssh is not None:
                self._ssh.abort()
        finally:
            self._is_leaving = True
            unsubscribe()
            if self.container_id:
                async with transaction() as tx:
                    await service.leave(tx, self.actor, self.container_id, time.monotonic() - began)

    async def _arrive(self, stack: ExitStack) -> None:
        """Find out who it is, and which container it is about.

        Raises:
            PequerokuError: they may not come in, or not there.
        """
        count_by_ssh(self._holder_id)
        async with self._house.turn(self._holder_id), transaction() as tx:
            self.actor = await service.sign_in(tx, self.actor, self._fingerprint)
        async with reading() as tx:
            container_id = await service.container_named(tx, self.actor, self._login)
            await service.look(tx, self.actor, container_id)
        stack.enter_context(self._house.one_more(self.actor))
        self.container_id = container_id
        self._arrived.set()

    async def _keep(self) -> None:
        """Wait a moment, or for news; then see whether it may stay.

        Raises:
            PequerokuError: it may not.
        """
        due = self._looked_at + _RECHECK_S
        await self.news(_GLANCE_S)
        at = time.monotonic()
        if self._used_at > at - _GLANCE_S - 1:
            await activity.note_use_now(self.container_id)
        if self._in_doubt or at >= due:
            self._in_doubt, self._looked_at = False, at
            await self.look()
        if at - self._used_at > IDLE_S:
            raise Conflict(f"Nothing was said for {IDLE_S / 3600:.0f} hours.")

    async def look(self) -> Way:
        """See whether the person may still be here, and what the container is up to.

        Raises:
            Unauthenticated: the key is nobody's any more, or somebody's who may not come in.
            NotFound, Forbidden: the container is gone, or not theirs any more.
        """
        actor = await service.holder_of(self.actor.ssh_key, self.actor)
        if actor is None:
            raise Unauthenticated("Your key does not let you in any more.")
        self.actor = actor
        async with reading() as tx:
            return await service.look(tx, actor, self.container_id)

    async def news(self, within_s: float) -> None:
        """Wait until it may be worth looking again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._news.wait()

    def used(self) -> None:
        """Something is done here: the machine is not idle."""
        self._used_at = time.monotonic()

    def _hear(self, event: Event) -> None:
        if concerns(event, self.actor, self.container_id):
            self._in_doubt = True
            news, self._news = self._news, asyncio.Event()
            news.set()

    async def _note_failure(self) -> None:
        with suppress(PequerokuError):
            async with transaction() as tx:
                await service.sign_in(tx, self.actor, self._fingerprint and "offered, and not proved")

    # What it asks for

    def session_requested(self) -> Any:
        connection = self._connection("sessions", _MOST_SESSIONS)
        return Channel(connection, asyncio.get_running_loop()), Session(self, self._count("sessions"))

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        connection = self._connection("connections", _MOST_CONNECTIONS)
        if not rules.is_place(dest_host, dest_port):
            raise asyncssh.ChannelOpenError(OPEN_CONNECT_FAILED, "That is no place to connect to.")
        asked = Connection(self, dest_host, dest_port, self._count("connections"))
        return cast(Any, connection).create_tcp_channel(window=WINDOW_BYTES), asked.opened()

    def unix_connection_requested(self, dest_path: str) -> Any:
        connection = self._connection("connections", _MOST_CONNECTIONS)
        if not rules.is_socket(dest_path):
            raise asyncssh.ChannelOpenError(OPEN_CONNECT_FAILED, "That is no socket's path.")
        asked = Socket(self, dest_path, self._count("connections"))
        return cast(Any, connection).create_unix_channel(window=WINDOW_BYTES), asked.opened()

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        return self._refuse_listener()

    def unix_server_requested(self, listen_path: str) -> bool:
        return self._refuse_listener()

    def _refuse_listener(self) -> bool:
        self.notice = _NO_LISTENERS
        if self._ssh is not None:
            self._ssh.send_debug(_NO_LISTENERS, always_display=True)
        return False

    def _connection(self, kind: str, most: int) -> asyncssh.SSHServerConnection:
        """The connection, if it may have one more of these.

        Raises:
            asyncssh.ChannelOpenError: it may not.
        """
        if self._ssh is None or self._counts[kind] >= most:
            words = f"A connection has {most} {kind} at most."
            raise asyncssh.ChannelOpenError(OPEN_RESOURCE_SHORTAGE, words)
        return self._ssh

    def _count(self, kind: str) -> Callable[[], None]:
        """Count one more; returns what lets go of it, once."""
        self._counts[kind] += 1
        held = [kind]

        def let_go() -> None:
            if held:
                self._counts[held.pop()] -= 1

        return let_go

    @property
    def is_gone(self) -> bool:
        """Nobody is there any more."""
        return self._ssh is None

    @property
    def is_full(self) -> bool:
        """The client takes nothing more for now. Who is gone takes all: nobody is to wait for them."""
        return self._ssh is not None and (self.wire.is_full or is_held_up(self._ssh))

    async def enter(self, what: str) -> Way:
        """Be let at a session; `what` it is stands in the audit log.

        Raises:
            PequerokuError: it may not be.
        """
        await self._be_there()
        count_by_ssh(self.actor.person_id)
        async with self._house.turn(self.actor.person_id), transaction() as tx:
            way = await service.begin_session(tx, self.actor, self.container_id, what)
            await activity.note_use(tx, [self.container_id], now())
        return way

    async def enter_for(self, target: str) -> Way:
        """Be let at what the guest reaches. A page asks for hundreds: each is written down once, the first hundred.

        Raises:
            PequerokuError: it may not be.
        """
        await self._be_there()
        if target in self._noted or len(self._noted) > rules.MOST_PLACES:
            async with reading() as tx:
                return await service.look(tx, self.actor, self.container_id)
        count_by_ssh(self.actor.person_id)
        self._noted.add(target)
        said = target if len(self._noted) <= rules.MOST_PLACES else f"{target}, and others that are not written down"
        async with self._house.turn(self.actor.person_id), transaction() as tx:
            way = await service.begin_forward(tx, self.actor, self.container_id, said)
            await activity.note_use(tx, [self.container_id], now())
        return way

    async def _be_there(self) -> None:
        await self._arrived.wait()
        if self._refusal is not None:
            raise self._refusal
