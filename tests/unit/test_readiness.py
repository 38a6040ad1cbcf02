"""What a guest may say on the port that tells us it is up, and what of it is believed."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import GuestSilent, Unavailable
from backend.guest.readiness import Announcement, await_ready
from tests.guests import Peer

_KEY = "ssh-ed25519 " + "A" * 68
_BOOT = "01234567-89ab-cdef-0123-456789abcdef"
_ANSWER = f"ready {_KEY} {_BOOT}\n".encode()
_SAID = Announcement(_KEY, _BOOT)


async def _hear(port: Peer, timeout_s: float = 5) -> Announcement:
    return await await_ready(port, "pqk-one", timeout_s)  # type: ignore[arg-type]


async def test_an_answer_is_heard_after_we_asked() -> None:
    port = Peer(_ANSWER)
    assert await _hear(port) == _SAID
    assert (port.asked, port.closed) == (b"?\n", 1)


async def test_what_was_answered_before_it_slept_does_not_say_that_its_clock_is_set() -> None:
    port = Peer(_ANSWER, _ANSWER)
    with pytest.raises(GuestSilent):
        await await_ready(port, "pqk-one", 0.05, sets_clock=True)  # type: ignore[arg-type]
    assert port.asked.startswith(b"at ")


@given(st.lists(st.integers(0, len(_ANSWER)), max_size=6))
def test_an_answer_may_come_in_any_pieces(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(_ANSWER)]
    pieces = [_ANSWER[start:end] for start, end in pairwise(ends) if start < end]
    with asyncio.Runner() as runner:
        assert runner.run(_hear(Peer(b"boot noise\r\n", *pieces))) == _SAID


_NONSENSE = [
    b"",
    b"\n\n\n",
    b"ready\n",
    _ANSWER.replace(b"ready", b" ready"),
    _ANSWER.replace(b"ed25519", b"rsa"),
    _ANSWER.replace(b"\n", b" and more\n"),
    _ANSWER.replace(b"AAAA", b"AA;A", 1),
    _ANSWER.upper(),
    _ANSWER[:-1],  # a line without its end may go on
    b"\xff\xfe\x00\x1b[2J\n",
    b"x" * 5000 + _ANSWER,
]


@pytest.mark.parametrize("nonsense", _NONSENSE, ids=range(len(_NONSENSE)))
async def test_nothing_but_the_exact_form_counts(nonsense: bytes) -> None:
    with pytest.raises(GuestSilent):
        await _hear(Peer(*filter(None, [nonsense])), timeout_s=0.05)


@pytest.mark.parametrize("nonsense", [each for each in _NONSENSE if each.endswith(b"\n")])
async def test_nonsense_before_an_answer_does_no_harm(nonsense: bytes) -> None:
    assert await _hear(Peer(nonsense, _ANSWER)) == _SAID


@pytest.mark.parametrize("endless", [b"x" * 4096, b"ready \n" * 100, b"\n"], ids=["line", "lines", "newlines"])
async def test_a_guest_that_never_stops_talking_is_given_up_early(endless: bytes) -> None:
    port = Peer(endless=endless)
    with pytest.raises(GuestSilent):
        await _hear(port, timeout_s=60)
    assert port.said_bytes <= 70 * 1024
    assert port.closed


async def test_silence_ends_at_the_deadline_and_leaves_nothing_behind() -> None:
    port, before = Peer(), asyncio.all_tasks()
    with pytest.raises(GuestSilent):
        await _hear(port, timeout_s=0.05)
    assert port.closed
    assert asyncio.all_tasks() == before


async def test_a_channel_that_closes_is_no_silence() -> None:
    with pytest.raises(Unavailable) as fault:
        await _hear(Peer(b"hello\n", closes=True))
    assert not isinstance(fault.value, GuestSilent)
