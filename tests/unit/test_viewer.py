"""What a browser is sent, in which order, and what is held for one that does not keep up."""

import asyncio

from backend.guest.viewer import FRAME_BYTES, IN_FLIGHT_BYTES, Notice, Replay, State, Viewer

_MIB = 1024 * 1024


class _Screen:
    """The other side: what the terminal knows."""

    def __init__(self) -> None:
        self.replay, self.moves = b"screen", 0

    def viewer(self) -> Viewer:
        return Viewer(80, 24, replay=lambda: self.replay, moved=self._move)

    def _move(self) -> None:
        self.moves += 1


async def _waits(viewer: Viewer) -> bool:
    """Whether there is nothing to send now."""
    asking = asyncio.ensure_future(viewer.next())
    done, _ = await asyncio.wait([asking], timeout=0.03)
    asking.cancel()
    return not done


async def test_output_comes_in_order_and_whole() -> None:
    viewer = _Screen().viewer()
    for word in (b"one ", b"two ", b"three"):
        viewer.push(word)
    assert await viewer.next() == b"one two three"
    assert await _waits(viewer)


async def test_a_new_viewer_begins_with_a_replay_after_what_it_is_told() -> None:
    viewer = _Screen().viewer()
    viewer.restart()
    viewer.tell(Notice(State.OPEN))
    assert await viewer.next() == Notice(State.OPEN)
    assert await viewer.next() == Replay(b"screen")


async def test_a_change_of_state_comes_after_the_output_before_it() -> None:
    viewer = _Screen().viewer()
    viewer.push(b"last words")
    viewer.tell(Notice(State.EXITED, code=3))
    assert [await viewer.next(), await viewer.next()] == [b"last words", Notice(State.EXITED, code=3)]


async def test_no_more_is_on_its_way_than_was_acknowledged() -> None:
    viewer = _Screen().viewer()
    for _ in range(32):
        viewer.push(b"x" * (64 * 1024))
    sent = 0
    while sent < IN_FLIGHT_BYTES:
        item = await viewer.next()
        assert isinstance(item, bytes)
        assert len(item) <= FRAME_BYTES + 64 * 1024
        sent += len(item)
    assert await _waits(viewer)
    viewer.ack(sent)
    assert isinstance(await viewer.next(), bytes)


async def test_a_viewer_that_falls_behind_holds_4_mib_and_gets_the_screen_as_it_is_then() -> None:
    screen = _Screen()
    viewer = screen.viewer()
    for _ in range(100):
        viewer.push(b"x" * _MIB)
        assert viewer.behind_bytes <= 4 * _MIB
    screen.replay = b"now"
    assert await viewer.next() == Replay(b"now")
    viewer.push(b"and then")
    assert await viewer.next() == b"and then"


async def test_what_it_is_told_survives_a_resync() -> None:
    viewer = _Screen().viewer()
    viewer.tell(Notice(State.LOST))
    for _ in range(5):
        viewer.push(b"x" * _MIB)
    assert [await viewer.next(), await viewer.next()] == [Notice(State.LOST), Replay(b"screen")]


async def test_single_bytes_do_not_cost_an_object_each() -> None:
    viewer = _Screen().viewer()
    for _ in range(10_000):
        viewer.push(b"x")
    assert len(viewer._items) <= 3
    assert await viewer.next() == b"x" * 10_000


async def test_acks_move_the_terminal_on_and_cannot_buy_credit() -> None:
    screen = _Screen()
    viewer = screen.viewer()
    viewer.push(b"x" * 100)
    await viewer.next()
    for count in (-5, 0, 10**12):
        viewer.ack(count)
    assert (viewer.behind_bytes, screen.moves, viewer.progress) == (0, 4, 4)


async def test_one_that_waits_is_woken_by_output_and_by_news() -> None:
    viewer = _Screen().viewer()
    asking = asyncio.ensure_future(viewer.next())
    await asyncio.sleep(0)
    viewer.push(b"x")
    assert await asyncio.wait_for(asking, 5) == b"x"
    asking = asyncio.ensure_future(viewer.next())
    await asyncio.sleep(0)
    viewer.tell(Notice(State.CLOSED))
    assert await asyncio.wait_for(asking, 5) == Notice(State.CLOSED)


async def test_a_guest_that_comes_and_goes_piles_up_nothing_for_a_browser_that_takes_nothing() -> None:
    viewer = _Screen().viewer()
    viewer.push(b"x" * IN_FLIGHT_BYTES)
    for _ in range(1000):
        viewer.tell(Notice(State.LOST, "the guest's own words\x1b]0;\u202e" * 10_000))
        viewer.tell(Notice(State.OPEN))
        viewer.push(b"y" * 5000)
    viewer.tell(Notice(State.LOST, "the guest's own words\x1b]0;\u202e" * 10_000))
    viewer.restart()
    viewer.tell(Notice(State.EXITED, code=3))
    viewer.tell(Notice(State.CLOSED))
    told = [await viewer.next(), await viewer.next()]
    assert told == [Notice(State.EXITED, code=3), Notice(State.CLOSED)]


async def test_a_guests_words_are_short_and_plain() -> None:
    viewer = _Screen().viewer()
    viewer.tell(Notice(State.LOST, "words\x1b[2J\u202e\x00 " * 10_000))
    told = await viewer.next()
    assert isinstance(told, Notice)
    assert len(told.message) == 300
    assert told.message.isprintable()
