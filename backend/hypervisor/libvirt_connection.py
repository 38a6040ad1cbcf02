"""Connections to libvirt: opened when needed, watched, opened again after a loss."""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

import libvirt

from backend.errors import Unavailable

_OPEN_WAIT_S = 5.0
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
    """A node's connection for calls and events. Its methods block: they belong into the node's threads."""

    def __init__(self, uri: str, on_change: Callable[[], None]) -> None:
        self._uri = uri
        self._on_change = on_change
        self._lock = threading.Lock()
        self._current: libvirt.virConnect | None = None
        self._closed = False

    def get(self) -> libvirt.virConnect:
        """The connection, alive as far as is known.

        Raises:
            Unavailable: another thread has been trying to open it for a while.
            libvirt.libvirtError: it can't be opened.
        """
        if not self._lock.acquire(timeout=_OPEN_WAIT_S):
            raise Unavailable("The node does not answer.")
        try:
            if self._closed:
                raise Unavailable("The connection to the node has been closed.")
            if self._current is not None and not self._current.isAlive():
                close_connection(self._current)
                self._current = None
            if self._current is None:
                self._current = self._open()
            return self._current
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close it for good."""
        with self._lock:
            self._closed = True
            if self._current is not None:
                close_connection(self._current)
                self._current = None

    def _open(self) -> libvirt.virConnect:
        connection = open_connection(self._uri)
        with suppress(libvirt.libvirtError):
            connection.registerCloseCallback(self._closed_by_peer, None)
        connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._lifecycle, None)
        return connection

    def _closed_by_peer(self, connection: libvirt.virConnect, reason: int, opaque: object) -> None:
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
