"""The program's own process: what is piped in, and how it ends when it is made to."""

import sys
from types import FrameType
from typing import NoReturn

from pequeroku.errors import PequerokuError

INTERRUPTED, OUT_OF_TIME = 130, 124
"""As shells have them, and `timeout`."""
_MOST_INPUT = 512 * 1024


def piped_in() -> bytes:
    """All of it; nothing, where somebody sits at a terminal.

    Raises:
        PequerokuError: it is too much.
    """
    if sys.stdin is None or sys.stdin.isatty():
        return b""
    data = sys.stdin.buffer.read(_MOST_INPUT + 1)
    if len(data) > _MOST_INPUT:
        raise PequerokuError("512 KiB can be piped in at most. Copy it there first: pequeroku cp FILE NAME:/app/")
    return data


def leave(number: int, _frame: FrameType | None) -> NoReturn:
    """What goes on in a machine for us is ended on the way out."""
    raise SystemExit(128 + number)


def out_of_time(_number: int, _frame: FrameType | None) -> NoReturn:
    """Its alarm rang."""
    print("pequeroku: its time was over; it was ended.", file=sys.stderr)
    raise SystemExit(OUT_OF_TIME)
