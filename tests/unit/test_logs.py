"""What a client may do to our log: little."""

import logging

from backend.logs import BoundedFormatter


def _formatted(message: str, *arguments: object) -> str:
    record = logging.LogRecord("x", logging.WARNING, "x.py", 1, message, arguments, None)
    return BoundedFormatter("%(levelname)s %(message)s").format(record)


def test_what_was_sent_is_cut_and_said_to_be() -> None:
    text = _formatted("event data: %s", "a" * 1_000_000)
    assert len(text) < 8100
    assert text.endswith("(992020 characters more)")


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert _formatted("a\x1b]0;title\x07b\x9bc\nnext") == "WARNING a�]0;title�b�c\nnext"
