"""Commands and terminals in a real guest. One machine serves many steps: each cleans up after itself."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from backend.db import reading
from backend.errors import Conflict, NotFound
from backend.guest.channel import GuestAddress
from backend.guest.shell import guests
from backend.guest.terminals import MAX_TERMINALS, Terminal, Terminals
from backend.guest.viewer import Notice, Replay, State, Viewer
from backend.hypervisor.driver import INTERACTIVE
from backend.hypervisor.registry import nodes
from backend.services import terminals as service
from tests.integration.world import TaskProcess, World
from tests.stores import eventually

pytestmark = [pytest.mark.vm]
_MIB = 1024 * 1024
Part = Callable[[GuestAddress, Terminals], Awaitable[None]]


class Browser:
    """A viewer that draws at once; `screen` is what it has been sent."""

    def __init__(self, terminal: Terminal, cols: int = 80, rows: int = 24) -> None:
        self.terminal = terminal
        self.viewer = terminal.attach(cols, rows)
        self.screen = ""
        self.notices: list[Notice] = []
        self.replays = 0
        self._task = asyncio.create_task(self._draw(self.viewer))

    async def _draw(self, viewer: Viewer) -> None:
        while True:
            item = await viewer.next()
            if isinstance(item, Notice):
                self.notices.append(item)
                continue
            if isinstance(item, Replay):
                self.screen, self.replays, item = "", self.replays + 1, item.data
            self.screen = (self.screen + item.decode(errors="replace"))[-200_000:]
            viewer.ack(len(item))

    async def sees(self, text: str, *, seconds: float = 20) -> None:
        await eventually(
            f"“{text}” on the screen: {self.screen[-300:]!r} {self.notices[-5:]}",
            lambda: text in self.screen,
            seconds=seconds,
        )

    async def told(self, state: State) -> Notice:
        def latest() -> Notice | None:
            return next((each for each in self.notices if each.state is state), None)

        return await eventually(f"the notice {state}", latest)

    def type(self, line: str) -> None:
        self.terminal.type(f"{line}\r".encode())

    async def leave(self) -> None:
        self.terminal.detach(self.viewer)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@asynccontextmanager
async def _looking(terminal: Terminal, cols: int = 80, rows: int = 24) -> AsyncGenerator[Browser]:
    browser = Browser(terminal, cols, rows)
    try:
        await browser.told(State.OPEN)
        yield browser
    finally:
        await browser.leave()


async def _text(address: GuestAddress, command: str) -> str:
    return (await guests().run(address, command)).stdout.decode().strip()


async def _address(world: World, container_id: int) -> GuestAddress:
    async with reading() as tx:
        return await (await service.look(tx, world.actor, container_id)).address()


async def test_commands_typing_and_viewers(world: World, tasks: TaskProcess) -> None:
    await _go_through(world, _commands, _typing, _viewers)


async def test_losses_ends_many_and_floods(world: World, tasks: TaskProcess) -> None:
    await _go_through(world, _losses, _ends, _many, _floods)


async def _go_through(world: World, *parts: Part) -> None:
    await world.until_healthy()
    container_id = await world.create()
    await world.until(container_id, "running", seconds=180)
    address = await _address(world, container_id)
    shells = Terminals()
    try:
        for part in parts:
            await part(address, shells)
    finally:
        await shells.forget_all()
        await guests().close_all()
        await nodes().close_all()


async def _commands(address: GuestAddress, _shells: Terminals) -> None:
    done = await guests().run(address, "echo out; echo err >&2; exit 3")
    assert (done.stdout, done.stderr, done.exit_code) == (b"out\n", b"err\n", 3)
    much = await guests().run(address, "head -c 3000000 /dev/zero", limit_bytes=1000)
    assert (much.stdout, much.exit_code, much.truncated) == (bytes(1000), 0, True)
    late = await guests().run(address, "sleep 4321 & sleep 4321", timeout_s=1)
    assert late.timed_out
    stubborn = await guests().run(address, "trap '' TERM; sleep 4322 & while :; do sleep 0.1; done", timeout_s=1)
    assert stubborn.timed_out
    await eventually("the commands to be gone", lambda: _is_gone(address, "sleep 432[12]"))


async def _is_gone(address: GuestAddress, pattern: str) -> bool:
    return await _text(address, f"pgrep -f '{pattern}' | wc -l") == "0"


async def _typing(address: GuestAddress, shells: Terminals) -> None:
    terminal = await shells.open(address, "t1", 80, 24)
    assert await shells.open(address, "t1", 90, 30) is terminal
    async with _looking(terminal) as browser:
        browser.type("echo $((6*7))-typed")
        await browser.sees("42-typed")
        terminal.resize(browser.viewer, 123, 45)
        browser.type("stty size")
        await browser.sees("45 123")
        browser.type("printf '%s|' größer ✓ 😀; echo")
        await browser.sees("größer|✓|😀|")
        browser.type("cat > /tmp/pasted")
        lines = "".join(f"line {number} of what was pasted\r" for number in range(4000))
        terminal.type(lines.encode() + b"\x04")
        browser.type("md5sum < /tmp/pasted; echo was-pasted")
        await browser.sees("\nwas-pasted", seconds=60)
        expected = lines.replace("\r", "\n")
    assert await _text(address, "wc -c < /tmp/pasted") == str(len(expected))


async def _viewers(address: GuestAddress, shells: Terminals) -> None:
    terminal = await shells.open(address, "t1", 80, 24)
    async with _looking(terminal) as first:
        first.type("clear; echo already-$((1+1))-here")
        await first.sees("already-2-here")
        async with _looking(terminal, 100, 40) as second:
            await second.sees("already-2-here")
            assert second.replays == 1
            second.type("stty size; echo for-$((2+1))-both")
            await first.sees("for-3-both")
            await second.sees("40 100")


async def _losses(address: GuestAddress, shells: Terminals) -> None:
    terminal = await shells.open(address, "t1", 80, 24)
    async with _looking(terminal) as browser:
        browser.type("x=kept; i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo tick-$i; sleep 0.1; done")
        await browser.sees("tick-5")
        (await guests().link(address, INTERACTIVE)).ssh.abort()
        await browser.told(State.LOST)
        await browser.sees("tick-60", seconds=60)
        browser.type("echo $x-alive")
        await browser.sees("kept-alive")
        await shells.forget_all()  # as a server that stops
        again = Terminals()
        assert [each.id for each in await again.listed(address)] == ["t1"]
        async with _looking(await again.open(address, "t1", 80, 24)) as later:
            later.type("echo $x-through-it-all")
            await later.sees("kept-through-it-all")
        await again.forget_all()


async def _ends(address: GuestAddress, shells: Terminals) -> None:
    async with _looking(await shells.open(address, "t2", 80, 24)) as browser:
        browser.type("exit 7")
        assert (await browser.told(State.EXITED)).code == 7
    assert "t2" not in [each.id for each in await shells.listed(address)]
    terminal = await shells.open(address, "t2", 80, 24)
    async with _looking(terminal) as browser:
        browser.type("sleep 4323")
        await eventually("the program to run", lambda: _runs(address, "sleep 4323"))
        await shells.close(address, "t2")
        await browser.told(State.EXITED)
    await eventually("the program to end", lambda: _is_gone(address, "sleep 432[3]"))
    with pytest.raises(NotFound):
        await shells.close(address, "t2")


async def _runs(address: GuestAddress, command: str) -> bool:
    return await _text(address, f"pgrep -xf '{command}' | wc -l") == "1"


async def _many(address: GuestAddress, shells: Terminals) -> None:
    first = len(await shells.listed(address))
    for number in range(first, MAX_TERMINALS):
        await shells.open(address, f"m{number}", 80, 24)
    with pytest.raises(Conflict, match="20 terminals"):
        await shells.open(address, "onemore", 80, 24)
    again = Terminals()
    assert len(await again.listed(address)) == MAX_TERMINALS
    await again.forget_all()
    for number in range(first, MAX_TERMINALS):
        await shells.close(address, f"m{number}")
    assert len(await shells.listed(address)) == first


async def _floods(address: GuestAddress, shells: Terminals) -> None:
    terminal = await shells.open(address, "t1", 80, 24)
    asleep = terminal.attach(80, 24)  # takes nothing, acknowledges nothing
    async with _looking(terminal) as browser:
        browser.type("clear; head -c 12000000 /dev/zero | tr '\\0' x; echo; echo flood-$((40+2))")
        await browser.sees("flood-42", seconds=90)
        assert asleep.behind_bytes <= 4 * _MIB
    terminal.detach(asleep)
    await shells.close(address, "t1")
