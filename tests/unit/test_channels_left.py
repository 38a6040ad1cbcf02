"""Who stops waiting while a channel into a guest is being opened leaves none behind there."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from backend.guest import ports
from backend.guest.channel import GuestAddress
from backend.guest.shell import guests
from tests.guests import local_guest
from tests.stores import eventually


async def _give_up_after(turns: int, asked: Coroutine[Any, Any, object]) -> None:
    task = asyncio.create_task(asked)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _left_at_any_moment(address: GuestAddress, ask: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Give up after one turn of the loop, after two and so on, until nothing of the opening is left to give up."""
    link = await guests().link(address)
    for turns in range(1, 40):
        await _give_up_after(turns, ask())
    await eventually("no channel", lambda: not link.ssh._channels, seconds=8)
    assert link.is_up


async def test_a_connection_that_nobody_waits_for_any_more_is_closed(tmp_path: Path) -> None:
    open_now = set[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        await reader.read()
        open_now.discard(writer)
        writer.close()

    async def look(address: GuestAddress) -> None:
        if ends := await ports.connect(address, port):
            ends[1].close()

    program = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = program.sockets[0].getsockname()[1]
    try:
        async with local_guest(tmp_path) as (_, address):
            await _left_at_any_moment(address, lambda: look(address))
            await eventually("no connection", lambda: not open_now, seconds=8)
            await guests().close_all()
    finally:
        program.close()


async def test_a_command_that_nobody_waits_for_any_more_leaves_no_channel(tmp_path: Path) -> None:
    async with local_guest(tmp_path) as (_, address):
        await _left_at_any_moment(address, lambda: guests().run(address, "sleep 3"))
        await guests().close_all()
