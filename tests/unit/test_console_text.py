"""What guests write to their consoles becomes plain text, however it is cut into pieces and whatever it is."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.rules.console_text import ConsoleText, latest
from backend.rules.names import MAX_NAME, container_name, copy_name

_SHOWN = [
    (b"[    1.0] Kernel panic\r\n", "[    1.0] Kernel panic\n"),
    (b"\x1b[31;1mred\x1b[0m plain", "red plain"),
    (b"\x1b]0;a title\x07text", "text"),
    (b"a\x00b\x08c\x07d\x7f", "abcd"),
    (b"one\rtwo\r\r\nthree", "one\ntwo\nthree"),
    ("Grüße ‮evil".encode(), "Grüße evil"),
    (b"\xff\xfe", "��"),
]


@pytest.mark.parametrize(("written", "shown"), _SHOWN)
def test_it_is_shown_as_text(written: bytes, shown: str) -> None:
    assert ConsoleText().add(written + b".") == shown + "."


@given(st.binary(max_size=400), st.integers(0, 400))
def test_nothing_but_lines_tabs_and_what_can_be_printed_is_left(data: bytes, cut: int) -> None:
    console = ConsoleText()
    text = console.add(data[:cut]) + console.add(data[cut:])
    assert all(each.isprintable() or each in "\n\t" for each in text)
    text.encode()


@given(st.sampled_from(_SHOWN), st.integers(0, 30))
@example((b"one\rtwo\r\r\nthree", "one\ntwo\nthree"), 8)
def test_a_piece_may_end_anywhere(case: tuple[bytes, str], cut: int) -> None:
    console, (written, shown) = ConsoleText(), case
    assert console.add(written[:cut]) + console.add(written[cut:] + b".") == shown + "."


@given(st.text(max_size=300), st.integers(1, 100))
def test_the_end_is_kept_and_no_more(text: str, most: int) -> None:
    kept = latest(text, most)
    assert len(kept) <= most
    assert text.endswith(kept)


def test_the_end_begins_with_a_line() -> None:
    assert latest("one\ntwo\nthree", 8) == "three"


@given(st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True), st.integers(0, 12))
def test_a_copys_name_is_a_new_one_that_fits(name: str, copies: int) -> None:
    taken = {name}
    for _ in range(copies + 1):
        chosen = copy_name(name, taken)
        assert chosen not in taken
        assert container_name(chosen) == chosen
        assert len(chosen) <= MAX_NAME
        taken.add(chosen)
