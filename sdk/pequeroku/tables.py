"""Tables for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import category, east_asian_width

_GAP = 2
_LEAST = 6
"""Narrower than that a column is not made."""


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, width: int = 0) -> list[str]:
    """A line of names, and one for each row. Where `width` cells are not enough, the widest columns are cut."""
    cells = [[each.upper() for each in columns], *([plain(row[name]) for name in columns] for row in rows)]
    widths = [max(_cells(line[place]) for line in cells) for place in range(len(columns))]
    room = width - _GAP * (len(columns) - 1) if width else sum(widths)
    while sum(widths) > room and max(widths) > _LEAST:
        widths[widths.index(max(widths))] -= 1
    return [
        (" " * _GAP).join(_fitted(cell, wide) for cell, wide in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def plain(value: object) -> str:
    """In one line, with nothing that a terminal would obey: others' words are in it."""
    text = "-" if value in (None, "") else str(value)
    return "".join(" " if category(each) in ("Cc", "Cf", "Zl", "Zp", "Cs") else each for each in text)


def _fitted(text: str, width: int) -> str:
    if _cells(text) > width:
        while _cells(text) > width - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (width - _cells(text))


def _cells(text: str) -> int:
    """How wide a terminal shows it."""
    return sum(2 if east_asian_width(each) in "WF" else 0 if category(each) == "Mn" else 1 for each in text)
