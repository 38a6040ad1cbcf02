"""Connections to libvirt: opened when needed, watched, opened again after a loss."""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

import libvirt

from backend.errors import Unavailable

_KEEPALIVE_S, _KEEPALIVE_MISSED = 2, 2  # a node that hangs is noticed within about 6 s


@lru_cache
def start_event_loop() -> None:
    """Serve libvirt's events in one thread for the whole process. To be called before any connection is opened."""
    libvirt.registerErrorHandler(_say_nothing, None)
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_serve_events, name="libvirt events", daemon=True).start()


def open_connection(uri: str) -> libvirt.virConnect:
    """Open one, with keepalive; blocks for as long as the node does."""
    start_event_loop()
    connection = libvirt.open(uri)
    with suppress(libvirt.libvirtError):  # the test driver has none
        connection.setKeepAlive(_KEEPALIVE_S, _KEEPALIVE_MISSED)
    return connection


def close_connection(connection: libvirt.virConnect) -> None:
    """Close it, whatever state it is in."""
    with suppress(libvirt.libvirtError):
        connection.unregisterCloseCallback()
    with suppress(libvirt.libvirtError):
        connection.close()


class Connection:
    """A node's connections for calls: one for each thread that calls. Its methods block: they belong into threads.

    Two threads in calls on one connection that is lost can leave libvirt 9.0 with a call that never returns, and
    crash the process later. One thread, one connection: a loss is an error of the one call that was under way.
    """

    def __init__(self, uri: str, on_change: Callable[[], None]) -> None:
        self._uri = uri
        self._on_change = on_change
        self._lock = threading.Lock()
        self._of_thread: dict[int, libvirt.virConnect] = {}
        self._watching: libvirt.virConnect | None = None
        self._closed = False
        self._events = -1

    def get(self) -> libvirt.virConnect:
        """The calling thread's connection, alive as far as is known.

        Raises:
            Unavailable: it has been closed for good.
            libvirt.libvirtError: it can't be opened.
        """
        if self._closed:
            raise Unavailable("The connection to the node has been closed.")
        mine = threading.get_ident()
        current = self._of_thread.get(mine)
        if current is not None and not current.isAlive():
            with self._lock:
                del self._of_thread[mine]
                self._watching = None if self._watching is current else self._watching
            close_connection(current)
            current = None
        if current is None:
            current = open_connection(self._uri)
            with self._lock:
                self._of_thread[mine] = current
        self._watch(current)
        return current

    def close(self) -> None:
        """Close for good: each connection ends when the last call on it has returned."""
        with self._lock:
            self._closed = True
            watching, self._watching = self._watching, None
            self._of_thread.clear()
        if watching is not None:
            with suppress(libvirt.libvirtError):
                watching.unregisterCloseCallback()
            with suppress(libvirt.libvirtError):
                watching.domainEventDeregisterAny(self._events)

    def _watch(self, connection: libvirt.virConnect) -> None:
        """Hear the node's events over one of the connections."""
        with self._lock:
            if self._watching is not None:
                return
            self._watching = connection
        with suppress(libvirt.libvirtError):
            connection.registerCloseCallback(self._closed_by_peer, None)
        self._events = connection.domainEventRegisterAny(
            None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._lifecycle, None
        )

    def _closed_by_peer(self, connection: libvirt.virConnect, reason: int, opaque: object) -> None:
        with self._lock:
            self._watching = None  # the next call listens on its own connection
        self._on_change()

    def _lifecycle(
        self, connection: libvirt.virConnect, domain: libvirt.virDomain, event: int, detail: int, opaque: object
    ) -> None:
        self._on_change()


def _serve_events() -> None:
    while True:
        with suppress(libvirt.libvirtError):
            libvirt.virEventRunDefaultImpl()


def _say_nothing(context: object, error: object) -> None:
    """Errors are raised; libvirt need not print them too."""
