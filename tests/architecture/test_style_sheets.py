"""A class is styled in one sheet: two that share its name by chance change each other's look unseen."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

_SHEETS = sorted((Path(__file__).resolve().parents[2] / "assets").glob("*.css"))
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_IN_BRACKETS = re.compile(r"\([^()]*\)")
_BARE = re.compile(r"\.pq-[\w-]+")


def _bare_classes(sheet: str) -> Iterator[str]:
    """Those that a rule is about by themselves. What holds in some windows only may stand apart."""
    depth, since = 0, 0
    plain = _IN_BRACKETS.sub("()", _COMMENT.sub("", sheet))
    for sign in re.finditer(r"[{};]", plain):
        if sign[0] == "{" and depth == 0:
            selectors = (each.strip() for each in plain[since : sign.start()].split(","))
            yield from filter(_BARE.fullmatch, selectors)
        depth += {"{": 1, "}": -1, ";": 0}[sign[0]]
        since = sign.end()


def test_a_class_is_styled_in_one_sheet() -> None:
    sheets = defaultdict[str, set[str]](set)
    for path in _SHEETS:
        for name in _bare_classes(path.read_text()):
            sheets[name].add(path.name)
    assert {name: sorted(found) for name, found in sheets.items() if len(found) > 1} == {}


def test_lists_are_seen_and_windows_are_not() -> None:
    sheet = '@import url("/x.css"); /* .pq-no {} */ .pq-a, .pq-b { x: y } @media (width < 9px) { .pq-c { x: y } }'
    assert list(_bare_classes(f"{sheet} .pq-d a {{ x: y }} .pq-e:is(.pq-f, b) {{}} .pq-g {{}}")) == [
        ".pq-a",
        ".pq-b",
        ".pq-g",
    ]
