"""Finding a path by some of its letters, as a command palette does. Pure."""

import heapq
from collections.abc import Iterable


def score(query: str, path: str) -> int | None:
    """How well a path fits; higher is better, None where its letters are not all there in this order.

    What is in the name counts before what is in its folders, a run of letters before scattered ones, the beginning of
    a word before its middle, and a short path before a long one. Case is left aside.
    """
    text, wanted = path.casefold(), "".join(query.casefold().split())
    name_at = text.rfind("/") + 1
    if (found := text.find(wanted, name_at)) >= 0:
        return 4000 + 500 * _starts_a_word(text, found) + 500 * (found == name_at) - len(text)
    if (in_name := _spread(wanted, text, name_at)) is not None:
        return 3000 - 10 * in_name - len(text)
    if (found := text.find(wanted)) >= 0:
        return 2000 + 500 * _starts_a_word(text, found) - len(text)
    spread = _spread(wanted, text, 0)
    return None if spread is None else 1000 - spread - len(text)


def ranked(query: str, paths: Iterable[str], limit: int) -> list[str]:
    """The best of them, best first; of equals the first by name."""
    if not query.strip():
        return heapq.nsmallest(limit, paths)
    found = ((value, path) for path in paths if (value := score(query, path)) is not None)
    return [path for _, path in heapq.nsmallest(limit, ((-value, path) for value, path in found))]


def _spread(wanted: str, text: str, start: int) -> int | None:
    """How many other letters stand in between."""
    at = first = text.find(wanted[:1], start)
    if at < 0:
        return None
    for letter in wanted[1:]:
        at = text.find(letter, at + 1)
        if at < 0:
            return None
    return at - first + 1 - len(wanted)


def _starts_a_word(text: str, at: int) -> bool:
    return at == 0 or not text[at - 1].isalnum()
