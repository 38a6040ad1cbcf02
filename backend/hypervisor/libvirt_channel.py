"""A guest's virtio-serial port through a libvirt stream, as bytes for asyncio.

Each has a libvirt connection to itself: a guest that does not read its port makes libvirtd stop reading from the
connection, and nobody else is to wait for that.
"""

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import libvirt

from backend.errors import Unavailable
from backend.hypervisor.libvirt_connection import close_connection, open_connection

_UNREAD_MAX = 8 << 20
"""Who leaves more than this unread loses the channel. Nothing gentler holds: libvirt's client takes whatever a guest
sends off its socket and keeps it in memory, at 100 MB/s, even while nobody asks for it. SSH, which all real use
speaks, stays below by its own windows."""
_CHUNK = 1 << 18  # more than libvirt carries in one message
_TURNS = 16  # chunks taken per event, so that one flooding guest leaves the event thread to others
_POLITE_S = 2.0
_POLITE_STEP_S = 0.05
_GIVE_UP_S = 4.0
_STILL_TAKEN = (libvirt.VIR_ERR_OPERATION_FAILED, libvirt.VIR_ERR_INTERNAL_ERROR)
"""Somebody has the port; or (“stream is not open”) libvirt is just letting go of its last user's stream."""
_GONE = libvirt.VIR_STREAM_EVENT_ERROR | libvirt.VIR_STREAM_EVENT_HANGUP


class LibvirtChannel:
    """Implements ByteStream.

    libvirt's event thread receives, the channel's own thread sends (it may block while the guest does not read),
    and the event loop's thread does everything else.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._chunks: deque[bytes] = deque()
        self._readable = asyncio.Event()
        self._gone = False
        self._closed = False
        self._lock = threading.Lock()
        self._unread = 0
        self._outgoing: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]] | None] = queue.SimpleQueue()

    def open(self, uri: str, domain: str, port: str) -> None:
        """Connect. Blocks; to be called once, in a thread."""
        self._connection = open_connection(uri)
        try:
            self._stream = _take_port(self._connection, domain, port)
            self._stream.eventAddCallback(libvirt.VIR_STREAM_EVENT_READABLE | _GONE, self._on_event, None)
        except libvirt.libvirtError:
            close_connection(self._connection)
            raise
        threading.Thread(target=self._send_all, name=f"channel {port}", daemon=True).start()

    async def read(self) -> bytes:
        """The next bytes, or b"" when the other side is gone."""
        while not self._chunks:
            if self._gone or self._closed:
                return b""
            self._readable.clear()
            await self._readable.wait()
        data = self._chunks.popleft()
        with self._lock:
            self._unread -= len(data)
        return data

    async def write(self, data: bytes) -> None:
        """Send; returns when libvirt has taken it."""
        if self._gone or self._closed:
            raise Unavailable("The channel into the guest is closed.")
        taken: asyncio.Future[None] = self._loop.create_future()
        self._outgoing.put((data, taken))
        await taken

    def close(self) -> None:
        """Let go of the port; of one that is just being opened, once it is. Safe to repeat."""
        self._closed = True
        self._readable.set()
        self._outgoing.put(None)

    # In libvirt's event thread.

    def _on_event(self, stream: libvirt.virStream, events: int, opaque: object) -> None:
        try:
            ended = bool(events & libvirt.VIR_STREAM_EVENT_READABLE) and self._receive(stream)
        except libvirt.libvirtError:
            ended = True
        if ended or events & _GONE:
            with suppress(libvirt.libvirtError):
                self._stream.eventUpdateCallback(0)
            self._in_loop(self._end)

    def _receive(self, stream: libvirt.virStream) -> bool:
        """Take what is there; True at the end of the stream."""
        for _ in range(_TURNS):
            data = stream.recv(_CHUNK)
            if isinstance(data, int):
                return data != -2  # -2: nothing more for now
            if not data:
                return True
            with self._lock:
                self._unread += len(data)
            if self._unread > _UNREAD_MAX:
                return True
            self._in_loop(self._take, data)
        return False

    def _in_loop(self, call: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(call, *arguments)

    # In the event loop.

    def _take(self, data: bytes) -> None:
        self._chunks.append(data)
        self._readable.set()

    def _end(self) -> None:
        self._gone = True
        self._readable.set()
        self._outgoing.put(None)

    # In the channel's own thread.

    def _send_all(self) -> None:
        while job := self._outgoing.get():
            data, taken = job
            try:
                self._send(data)
            except libvirt.libvirtError as error:
                self._in_loop(_fail, taken, error.get_error_message() or "lost")
                self._in_loop(self._end)
            else:
                self._in_loop(_succeed, taken)
        with suppress(libvirt.libvirtError):
            self._stream.eventRemoveCallback()
        with suppress(libvirt.libvirtError):
            self._stream.abort()
        close_connection(self._connection)
        while not self._outgoing.empty():  # what was asked for while we closed
            if job := self._outgoing.get():
                self._in_loop(_fail, job[1], "lost")

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view and not self._closed:
            sent = self._stream.send(bytes(view[:_CHUNK]))
            if sent < 0:
                time.sleep(0.001)
            else:
                view = view[sent:]


def _take_port(connection: libvirt.virConnect, name: str, port: str) -> libvirt.virStream:
    """Open the port once its last user has let go; from one that does not, take it.

    Not at once by force: libvirt 9.0 can lock itself up for good when the stream it throws out is just ending.
    """
    domain = connection.lookupByName(name)
    began = time.monotonic()
    while True:
        stream = connection.newStream(libvirt.VIR_STREAM_NONBLOCK)
        waited_s = time.monotonic() - began
        try:
            domain.openChannel(port, stream, libvirt.VIR_DOMAIN_CHANNEL_FORCE if waited_s >= _POLITE_S else 0)
        except libvirt.libvirtError as error:
            if waited_s >= _GIVE_UP_S or error.get_error_code() not in _STILL_TAKEN:
                raise
            time.sleep(_POLITE_STEP_S)
        else:
            return stream


def _succeed(taken: asyncio.Future[None]) -> None:
    if not taken.done():
        taken.set_result(None)


def _fail(taken: asyncio.Future[None], words: str) -> None:
    if not taken.done():
        taken.set_exception(Unavailable(f"The channel into the guest is closed: {words}."))
