"""The end of a terminal's output, kept so that a browser that comes later sees the screen as it is. Pure.

What falls out of the front is read for what it switched on (DEC private modes: the alternate screen, bracketed
paste, the mouse, …), so that a replay can begin with that.
"""

import re

_SLACK_BYTES = 64 * 1024
_LOOK_FOR_LINE_BYTES = 4096
_MAX_SEQUENCE_BYTES = 400
_MAX_MODES = 64
_MAX_TITLE = 120

_SEQUENCE = re.compile(
    rb"\x1b\[\?(?P<modes>[0-9;]{1,64})(?P<set>[hl])"
    rb"|\x1b\][02];(?P<title>[^\x07\x1b]{0,240})(?:\x07|\x1b\\)"
    rb"|(?P<reset>\x1bc)"
)
_UNFINISHED = re.compile(rb"\x1b(?:\[\??[0-9;]{0,64}|\](?:[0-9]{0,3}(?:;[^\x07\x1b]{0,240}\x1b?)?)?)?\Z")


class Modes:
    """Reads output for the switches in it. Feed it everything, in any pieces."""

    def __init__(self) -> None:
        self.on: dict[int, bool] = {}
        """Modes that were set or reset, in the order of the last change."""
        self.title = ""
        self.unfinished = b""
        """The beginning of a sequence whose end has not come yet."""

    def feed(self, data: bytes) -> None:
        if self.unfinished:
            data, self.unfinished = self.unfinished + data, b""
        elif b"\x1b" not in data:
            return
        end = 0
        for found in _SEQUENCE.finditer(data):
            self._note(found)
            end = found.end()
        tail = max(end, len(data) - _MAX_SEQUENCE_BYTES)
        if unfinished := _UNFINISHED.search(data, tail):
            self.unfinished = data[unfinished.start() :]

    def restore(self) -> bytes:
        """What brings a fresh terminal to these modes."""
        return b"".join(b"\x1b[?%d%c" % (mode, b"h" if is_on else b"l") for mode, is_on in self.on.items())

    def _note(self, found: re.Match[bytes]) -> None:
        if found["reset"] is not None:
            self.on.clear()
        elif found["title"] is not None:
            self.title = "".join(filter(str.isprintable, found["title"].decode(errors="replace")))[:_MAX_TITLE]
        else:
            for mode in found["modes"].split(b";"):
                self._switch(int(mode[:5] or b"0"), found["set"] == b"h")

    def _switch(self, mode: int, is_on: bool) -> None:
        self.on.pop(mode, None)
        if len(self.on) < _MAX_MODES:
            self.on[mode] = is_on


class Ring:
    """The last `capacity` bytes, give or take; never more than `capacity` and 64 KiB."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept = bytearray()
        self._before = Modes()
        self._now = Modes()
        self.is_trimmed = False

    def push(self, data: bytes) -> None:
        self._now.feed(data)
        self._kept += data
        if len(self._kept) > self._capacity + _SLACK_BYTES:
            self._trim()

    def clear(self) -> None:
        """Forget everything, modes too."""
        self._kept.clear()
        self._before, self._now, self.is_trimmed = Modes(), Modes(), False

    def replay(self) -> bytes:
        """What draws the present screen on a fresh terminal."""
        return self._before.restore() + self._before.unfinished + bytes(self._kept)

    @property
    def title(self) -> str:
        """The last window title that was set."""
        return self._now.title

    def _trim(self) -> None:
        """Cut at a line's end if one is near: a replay must not begin inside a character or an escape sequence."""
        cut = len(self._kept) - self._capacity
        line_end = self._kept.find(b"\n", cut, cut + _LOOK_FOR_LINE_BYTES)
        if line_end >= 0:
            cut = line_end + 1
        else:
            while cut < len(self._kept) and self._kept[cut] & 0xC0 == 0x80:
                cut += 1
        self._before.feed(bytes(self._kept[:cut]))
        del self._kept[:cut]
        self.is_trimmed = True
