"""Replacing one passage of a text by another, as a language model asks for it: exactly, or but for blanks. Pure."""

from difflib import unified_diff

from backend.errors import Conflict, Invalid, NotFound

_MOST_DIFF_LINES = 2000


def replaced(text: str, old: str, new: str, *, everywhere: bool = False) -> str:
    """The text with `new` for `old`. If `old` is nowhere exactly, lines that differ only in blanks are taken for it.

    Raises:
        Invalid: `old` is empty, or the same as `new`.
        NotFound: it is nowhere.
        Conflict: it is in several places, and it is not said that all of them are meant.
    """
    if not old:
        raise Invalid("Say what is to be replaced: old is empty.", field="old")
    if old == new:
        raise Invalid("Old and new are the same.", field="new")
    count = text.count(old)
    if count == 1 or (count and everywhere):
        return text.replace(old, new)
    if count:
        raise _ambiguous([text[:start].count("\n") + 1 for start in _starts(text, old)])
    return _replaced_but_for_blanks(text, old, new)


def diff(path: str, before: str, after: str) -> str:
    """Unified, with the path on both sides; of a very long one the beginning."""
    lines = list(unified_diff(before.splitlines(), after.splitlines(), f"a{path}", f"b{path}", lineterm="", n=3))
    if len(lines) > _MOST_DIFF_LINES:
        lines = [*lines[:_MOST_DIFF_LINES], "… (cut)"]
    return "\n".join(lines)


def _starts(text: str, old: str) -> list[int]:
    found, start = list[int](), text.find(old)
    while start >= 0 and len(found) < 10:
        found.append(start)
        start = text.find(old, start + len(old))
    return found


def _replaced_but_for_blanks(text: str, old: str, new: str) -> str:
    """Line by line, with blanks left aside; the new lines are indented as the old ones are."""
    lines, wanted = text.splitlines(keepends=True), [_bare(line) for line in old.strip("\n").splitlines()]
    if not any(wanted):
        raise NotFound("That passage")
    size = len(wanted)
    places = [at for at in range(len(lines) - size + 1) if [_bare(line) for line in lines[at : at + size]] == wanted]
    if not places:
        raise NotFound("That passage")
    if len(places) > 1:
        raise _ambiguous([at + 1 for at in places])
    at = places[0]
    end = "" if at + size == len(lines) and not text.endswith("\n") else "\n"
    body = _indented(new.strip("\n"), old.strip("\n"), lines[at])
    return "".join(lines[:at]) + (body + end if body else "") + "".join(lines[at + size :])


def _indented(new: str, old: str, first: str) -> str:
    """`new`, moved as far to the side as the first line of `old` is from where it stands in the file."""
    given, there = _indent(old.splitlines()[0]), _indent(first)
    if given == there:
        return new
    moved = list[str]()
    for line in new.splitlines():
        if line.startswith(given):
            moved.append(there + line[len(given) :] if line.strip() else line)
        else:
            moved.append(line)
    return "\n".join(moved)


def _bare(line: str) -> str:
    return " ".join(line.split())


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _ambiguous(lines: list[int]) -> Conflict:
    places = ", ".join(map(str, lines[:10]))
    return Conflict(f"That passage is there more than once (lines {places}). Give more of the lines around it.")
