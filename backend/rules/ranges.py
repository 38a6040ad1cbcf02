"""Which part of a file a request wants. Pure; RFC 9110, section 14, of which we do single ranges in bytes."""

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Part:
    """`length` bytes from `offset` on; `is_whole` where nothing less was asked for."""

    offset: int
    length: int
    is_whole: bool = False


def part(header: str, size: int) -> Part | None:
    """What a Range header asks for; None if there is nothing of it. What is not understood is not there."""
    found = _ONE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return Part(0, size, is_whole=True)
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        return Part(size - length, length) if length else None
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return Part(0, size, is_whole=True)
    return Part(start, end - start + 1) if start < size else None
