"""What guests write to their first serial port, through libvirt's streams.

Heard over the connection that there is to every node, not written to a file there: libvirt can neither bound such a
file on every node nor hand it out. All streams of a node share one connection, on which nothing else is asked. A guest
can write as fast as QEMU emulates a serial port: what it wrote is taken each time somebody reads, and who writes too
much is not heard for a while.
"""

import threading
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager, suppress

import libvirt

from backend.errors import Unavailable
from backend.hypervisor.driver import PREFIX
from backend.hypervisor.libvirt_connection import close_connection, open_connection
from backend.hypervisor.libvirt_errors import is_lost

_CHUNK = 1 << 16
KEPT_BYTES = 1 << 16
_TOO_MUCH_BYTES = 1 << 18
_DEAF_S = 60.0
_SHUT_S = 1.0
_TOO_MUCH = b"\n[It writes too much: its console is not read for a minute.]\n"

Run = Callable[[Callable[[], dict[str, bytes]]], Awaitable[dict[str, bytes]]]


class LibvirtConsoles:
    """Implements Consoles. `run` makes a call in one of the node's threads."""

    def __init__(self, uri: str, run: Run) -> None:
        self._uri, self._run = uri, run
        self._connection: libvirt.virConnect | None = None
        self._streams: dict[tuple[str, int], libvirt.virStream] = {}
        self._not_before: dict[tuple[str, int], float] = {}
        self._busy = threading.Lock()
        """Held by the call under way, also by one that nobody waits for any more: two at once can hang libvirt."""

    async def read(self) -> Mapping[str, bytes]:
        if self._uri.startswith("test:"):  # libvirt's mock has none
            return {}
        return await self._run(self._read)

    async def close(self) -> None:
        def work() -> dict[str, bytes]:
            with self._alone():
                self._let_go()
            return {}

        with suppress(Unavailable):
            await self._run(work)

    # In one of the node's threads, one call after the other.

    def _read(self) -> dict[str, bytes]:
        with self._alone():
            try:
                return self._read_all(self._connected())
            except libvirt.libvirtError:
                self._let_go()
                raise

    @contextmanager
    def _alone(self) -> Generator[None]:
        if not self._busy.acquire(blocking=False):
            raise Unavailable("An earlier look at the consoles has not come back yet.")
        try:
            yield
        finally:
            self._busy.release()

    def _read_all(self, connection: libvirt.virConnect) -> dict[str, bytes]:
        active = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        running = {(each.name(), each.ID()): each for each in active if each.name().startswith(PREFIX)}
        for gone in self._streams.keys() - running.keys():
            _abort(self._streams.pop(gone))
        self._not_before = {each: at for each, at in self._not_before.items() if each in running}
        found: dict[str, bytes] = {}
        for each, domain in running.items():
            if each not in self._streams and time.monotonic() >= self._not_before.get(each, 0.0):
                self._open(connection, each, domain)
            if (stream := self._streams.get(each)) and (data := self._take(each, stream)):
                found[each[0]] = data
        return found

    def _open(self, connection: libvirt.virConnect, key: tuple[str, int], domain: libvirt.virDomain) -> None:
        stream = connection.newStream(libvirt.VIR_STREAM_NONBLOCK)
        try:
            domain.openConsole(None, stream, 0)
        except libvirt.libvirtError as error:
            if is_lost(error):
                raise
            self._not_before[key] = time.monotonic() + _SHUT_S  # it just starts, or an operator looks at it
        else:
            self._streams[key] = stream

    def _take(self, key: tuple[str, int], stream: libvirt.virStream) -> bytes:
        """All that has come, or of too much the end."""
        taken, count = b"", 0
        try:
            while isinstance(data := stream.recv(_CHUNK), bytes) and data:
                taken, count = (taken + data)[-KEPT_BYTES:], count + len(data)
                if count > _TOO_MUCH_BYTES:
                    self._not_before[key] = time.monotonic() + _DEAF_S
                    _abort(self._streams.pop(key))
                    return taken + _TOO_MUCH
        except libvirt.libvirtError as error:
            _abort(self._streams.pop(key))
            if is_lost(error):
                raise
            return taken
        if data == b"":
            _abort(self._streams.pop(key))  # the machine went off
        return taken

    def _connected(self) -> libvirt.virConnect:
        if self._connection is not None and not self._connection.isAlive():
            self._let_go()
        if self._connection is None:
            self._connection = open_connection(self._uri)
        return self._connection

    def _let_go(self) -> None:
        for stream in self._streams.values():
            _abort(stream)
        self._streams.clear()
        if self._connection is not None:
            close_connection(self._connection)
            self._connection = None


def _abort(stream: libvirt.virStream) -> None:
    with suppress(libvirt.libvirtError):
        stream.abort()
