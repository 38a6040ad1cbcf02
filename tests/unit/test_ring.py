"""The end of a terminal's output, and what a replay of it must begin with."""

from hypothesis import given
from hypothesis import strategies as st

from backend.guest.ring import Modes, Ring

_CAPACITY = 1000
_SLACK = 64 * 1024
_SWITCHES = [b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?2004h", b"\x1b[?25l", b"\x1b[?1000;1006h", b"\x1b[?1000l"]
_WORDS = [
    b"hello",
    "größer ✓".encode(),
    b"\r\n",
    b"\x1b[1;31m",
    b"\x1b]0;a title\x07",
    b"\x1b]2;another\x1b\\",
    b"\x1b",
]

output = st.lists(st.one_of(st.sampled_from(_SWITCHES + _WORDS), st.binary(max_size=20)), max_size=40).map(b"".join)


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted(cut % (len(data) + 1) for cut in cuts)
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


def _modes_of(*pieces: bytes) -> Modes:
    modes = Modes()
    for piece in pieces:
        modes.feed(piece)
    return modes


@given(output, st.lists(st.integers(min_value=0), max_size=8))
def test_pieces_make_no_difference_to_the_modes(data: bytes, cuts: list[int]) -> None:
    whole, parts = _modes_of(data), _modes_of(*_pieces(data, cuts))
    assert (parts.on, parts.title) == (whole.on, whole.title)


@given(st.lists(st.sampled_from(_SWITCHES), max_size=12).map(b"".join))
def test_restoring_brings_a_fresh_terminal_to_the_same_modes(data: bytes) -> None:
    modes = _modes_of(data)
    assert _modes_of(modes.restore()).on == modes.on


@given(st.lists(st.integers(min_value=0, max_value=200_000), max_size=8), st.sampled_from([b"x", b"\n", b"\x80"]))
def test_a_ring_never_exceeds_its_bound(sizes: list[int], filling: bytes) -> None:
    ring = Ring(_CAPACITY)
    for size in sizes:
        ring.push(filling * size)
        assert len(ring.replay()) <= _CAPACITY + _SLACK


@given(st.lists(st.sampled_from(_SWITCHES), min_size=1, max_size=6).map(b"".join), st.integers(0, 60))
def test_a_replay_begins_with_the_modes_that_were_on_wherever_it_was_cut(switches: bytes, shift: int) -> None:
    ring, data = Ring(_CAPACITY), b"x" * 100 + switches + b"y" * (_CAPACITY - shift) + b"z" * 10
    ring.push(data)
    ring.push(b"-" * _SLACK)
    assert ring.is_trimmed
    assert _modes_of(ring.replay()).on == _modes_of(data).on


@given(st.integers(min_value=1, max_value=7))
def test_a_cut_inside_a_sequence_does_not_show_the_rest_of_it(before: int) -> None:
    ring, switch = Ring(_CAPACITY), b"\x1b[?1049h"
    lead = b"x" * _SLACK
    ring.push(lead + switch + b"y" * (_CAPACITY - len(switch) + before))  # the cut falls after `before` bytes of it
    ring.push(b"z")
    assert ring.is_trimmed
    assert ring.replay().startswith(switch)


def test_a_cut_is_made_at_a_line_and_never_inside_a_character() -> None:
    ring = Ring(_CAPACITY)
    ring.push(("✓" * (_SLACK // 3 + _CAPACITY)).encode())
    assert ring.is_trimmed
    assert set(ring.replay().decode()) == {"✓"}
    for number in range(20_000):
        ring.push(f"line {number}\r\n".encode())
    assert ring.replay().startswith(b"line ")


def test_what_was_not_cut_is_replayed_as_it_was() -> None:
    ring = Ring(_CAPACITY)
    ring.push(b"\x1b[?1049hvim")
    assert ring.replay() == b"\x1b[?1049hvim"
    assert not ring.is_trimmed
    ring.clear()
    assert ring.replay() == b""


def test_the_last_title_counts_and_is_harmless() -> None:
    ring = Ring(_CAPACITY)
    ring.push(b"\x1b]0;first\x07\x1b]2;a\x01\xffb" + b"c" * 230)
    ring.push(b"\x07")
    assert ring.title.startswith("a\ufffdbccc")
    assert len(ring.title) == 120


def test_a_hostile_guest_cannot_grow_the_modes() -> None:
    modes = Modes()
    for number in range(10_000):
        modes.feed(b"\x1b[?%dh" % number)
    assert len(modes.on) <= 64
    for _ in range(100):
        modes.feed(b"\x1b]0;" + b"t" * 10_000)
    assert modes.title == ""


def test_a_full_reset_ends_every_mode() -> None:
    assert _modes_of(b"\x1b[?1049h\x1b[?25l\x1bc").on == {}
