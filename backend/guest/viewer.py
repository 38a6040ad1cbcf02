"""One browser's view of a terminal: what it has still to be sent, and how far behind it is."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

IN_FLIGHT_BYTES = 512 * 1024
"""What may be on its way without having been acknowledged."""
FRAME_BYTES = 128 * 1024
_RESYNC_BYTES = 4 * 1024 * 1024
_MERGE_BYTES = 4096
_BATCH_S = 0.004


_MAX_MESSAGE = 300


class State(StrEnum):
    """What a terminal is to those who look at it."""

    WAITING = "waiting"  # the machine is not running yet
    OPEN = "open"
    LOST = "lost"  # no connection to the guest now; we try again
    EXITED = "exited"
    CLOSED = "closed"  # this view of it has ended


@dataclass(frozen=True, slots=True)
class Notice:
    """The state changed."""

    state: State
    message: str = ""
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """Start from an empty screen with this. Nothing in it may be answered: it was, when it was new."""

    data: bytes


Item = bytes | Notice | Replay


def _passes(item: bytes | Notice) -> bool:
    return isinstance(item, Notice) and item.state not in (State.EXITED, State.CLOSED)


class Viewer:
    """Give it output with `push`, take frames with `next`, say with `ack` what has been drawn.

    Of output it holds 4 MiB at most: a viewer that is further behind skips what it missed and gets a replay.
    """

    def __init__(self, cols: int, rows: int, *, replay: Callable[[], bytes], moved: Callable[[], None]) -> None:
        self.size = (cols, rows)
        self.progress = 0
        """Grows whenever the viewer takes or acknowledges something."""
        self._make_replay = replay
        self._moved = moved
        self._items: deque[bytes | Notice] = deque()
        self._pending_bytes = self._in_flight = 0
        self._needs_replay = False
        self._wake = asyncio.Event()
        self._flushed_at = 0.0

    @property
    def behind_bytes(self) -> int:
        """What it has not drawn yet."""
        return self._pending_bytes + self._in_flight

    def push(self, data: bytes) -> None:
        """Add output."""
        if self._needs_replay:
            return  # the replay will have it
        if self._items and isinstance(last := self._items[-1], bytes) and len(last) + len(data) <= _MERGE_BYTES:
            self._items[-1] = last + data  # a guest that sends bytes one by one must not cost us an object for each
        else:
            self._items.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes > _RESYNC_BYTES:
            self.restart()
        self._wake.set()

    def restart(self) -> None:
        """Forget what is pending and begin again from a replay."""
        told = [item for item in self._items if isinstance(item, Notice)]
        self._items = deque[bytes | Notice](item for item in told if not _passes(item) or item is told[-1])
        self._pending_bytes, self._needs_replay = 0, True
        self._wake.set()

    def tell(self, notice: Notice) -> None:
        """Add a change of state, after the output so far.

        Its message may be a guest's words, and a guest may come and go for as long as a browser takes nothing: of
        passing states in a row the last one counts.
        """
        message = "".join(filter(str.isprintable, notice.message))[:_MAX_MESSAGE]
        if self._items and _passes(self._items[-1]):
            self._items.pop()
        self._items.append(replace(notice, message=message))
        self._wake.set()

    def ack(self, count: int) -> None:
        """The browser has drawn `count` bytes more."""
        self._in_flight = max(0, self._in_flight - max(0, count))
        self.progress += 1
        self._wake.set()
        self._moved()

    async def next(self) -> Item:
        """The next thing to send: a change, a replay, or output. At once when idle, in batches in a flood."""
        while not self._may_send():
            self._wake.clear()
            await self._wake.wait()
        if self._items and isinstance(first := self._items[0], Notice):
            self._items.popleft()
            return first
        if self._needs_replay:
            return self._take_replay()
        loop = asyncio.get_running_loop()
        wait_s = self._flushed_at + _BATCH_S - loop.time()
        if wait_s > 0 and self._pending_bytes < FRAME_BYTES:
            await asyncio.sleep(wait_s)
        self._flushed_at = loop.time()
        return self._take()

    def _may_send(self) -> bool:
        has_room = self._in_flight < IN_FLIGHT_BYTES
        if self._items and isinstance(self._items[0], Notice):
            return True
        return has_room and (self._needs_replay or bool(self._items))

    def _take(self) -> Item:
        if self._needs_replay:  # it fell behind while we waited
            return self._take_replay()
        pieces, size = list[bytes](), 0
        while self._items and isinstance(piece := self._items[0], bytes) and size < FRAME_BYTES:
            pieces.append(piece)
            size += len(piece)
            self._items.popleft()
        self._pending_bytes -= size
        self._sent(size)
        return b"".join(pieces)

    def _take_replay(self) -> Item:
        self._needs_replay = False
        replay = Replay(self._make_replay())
        self._sent(len(replay.data))
        return replay

    def _sent(self, size: int) -> None:
        self._in_flight += size
        self.progress += 1
        self._moved()
