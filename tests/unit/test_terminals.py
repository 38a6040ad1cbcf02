"""Shells that outlive what they are looked at through: a real dtach on this machine in place of a guest's."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from backend.guest import dtach
from backend.guest import terminals as module
from backend.guest.channel import Ends, GuestAddress, Link
from backend.guest.shell import guests
from backend.guest.terminals import Terminal, Terminals
from backend.guest.viewer import Notice, Replay, State, Viewer
from backend.hypervisor.driver import INTERACTIVE
from tests.guests import LocalGuest, local_guest
from tests.stores import eventually

Scene = tuple[LocalGuest, GuestAddress, Terminals]


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Scene]:
    monkeypatch.setattr(dtach, "LIST_COMMAND", dtach.LIST_COMMAND.replace(dtach.FOLDER, str(tmp_path / "tty")))
    monkeypatch.setattr(dtach, "FOLDER", str(tmp_path / "tty"))
    monkeypatch.setattr(module, "_AGAIN_S", (0.01,))
    monkeypatch.setenv("HOME", str(tmp_path))  # what a developer's own profile runs may eat the keys
    async with local_guest(tmp_path) as (guest, address):
        shells = Terminals()
        yield guest, address, shells
        guest.is_on = True
        for terminal in await shells.listed(address):
            await shells.close(address, terminal.id)
        await shells.forget(address.domain_name)


async def _next(viewer: Viewer, wanted: State) -> Notice:
    """Take everything, up to this state."""
    async with asyncio.timeout(20):
        while True:
            item = await viewer.next()
            if isinstance(item, Notice):
                if item.state is wanted:
                    return item
            else:
                viewer.ack(len(item.data if isinstance(item, Replay) else item))


async def _opened(shells: Terminals, address: GuestAddress, terminal_id: str) -> tuple[Terminal, Viewer]:
    terminal = await shells.open(address, terminal_id, 80, 24)
    viewer = terminal.attach(80, 24)
    await _next(viewer, State.OPEN)
    return terminal, viewer


async def test_all_shells_are_found_again_by_the_next_server(scene: Scene) -> None:
    _, address, shells = scene
    for number in range(8):
        await shells.open(address, f"s{number}", 80, 24)
    again = Terminals()
    assert [each.id for each in await again.listed(address)] == [f"s{number}" for number in range(8)]
    await again.forget_all()
    assert (again._guests, again._listed, dict(again._locks)) == ({}, set(), {})


async def test_who_waits_for_a_guests_first_words_hears_them_and_not_for_ever(scene: Scene) -> None:
    _, address, shells = scene
    waiting = asyncio.create_task(shells.first_words(address.domain_name, 60))
    await shells.first_words(address.domain_name, 0.01)
    assert not waiting.done()
    await shells.open(address, "s", 80, 24)
    async with asyncio.timeout(20):
        await waiting
        await shells.first_words(address.domain_name, 60)


async def test_what_a_shell_says_at_once_is_heard_by_who_is_late(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    _, address, shells = scene
    dial = Link.dial_socket

    async def dial_late(link: Link, path: str) -> Ends:
        await asyncio.sleep(0.5)
        return await dial(link, path)

    monkeypatch.setattr(Link, "dial_socket", dial_late)
    terminal = await shells.open(address, "t1", 80, 24, program="echo early; exec cat")
    await eventually("its first words", lambda: b"early" in terminal._ring.replay())


async def test_a_connection_that_is_lost_while_a_shell_is_ended_does_not_keep_the_shell(scene: Scene) -> None:
    guest, address, shells = scene
    for moment in range(0, 24, 2):
        await _opened(shells, address, "t1")
        ending = asyncio.create_task(shells.close(address, "t1"))
        for _ in range(moment):
            await asyncio.sleep(0)
        guest.cut(INTERACTIVE)
        await ending
        assert await shells.listed(address) == []


async def test_a_shell_that_ended_while_we_were_away_is_told_of(scene: Scene) -> None:
    guest, address, shells = scene
    terminal, viewer = await _opened(shells, address, "t1")
    await eventually("the prompt", lambda: terminal.has_spoken)  # a shell that nobody ever heard still waits
    guest.is_on = False
    terminal.type(b"sleep 0.3; exit 9\r")
    await asyncio.sleep(0)
    await eventually("the keys to be read", lambda: terminal._writer.channel.get_write_buffer_size() == 0)
    await eventually("the echo", lambda: b"exit 9" in terminal._ring.replay())
    guest.cut(INTERACTIVE)
    await _next(viewer, State.LOST)
    exit_file = Path(dtach.socket_of("t1") + ".exit")
    await eventually("the shell to end", exit_file.exists)
    guest.is_on = True
    assert (await _next(viewer, State.EXITED)).code == 9
    assert await shells.listed(address) == []


async def test_a_terminal_nobody_looks_at_is_let_go_with_its_machine_and_found_again(scene: Scene) -> None:
    guest, address, shells = scene
    await shells.open(address, "t1", 80, 24)
    guest.switch_off()
    await eventually("nothing to be kept", lambda: not shells._guests and not shells._listed)
    guest.is_on = True
    assert [each.id for each in await shells.listed(address)] == ["t1"]


async def test_a_machine_that_goes_while_a_terminal_is_opened_leaves_nothing(scene: Scene) -> None:
    guest, address, shells = scene
    opening = asyncio.create_task(shells.open(address, "t1", 80, 24))
    await eventually("the connection", lambda: guest.opened)
    guest.switch_off()
    await shells.forget(address.domain_name)
    await asyncio.gather(opening, return_exceptions=True)
    assert (shells._guests, shells._listed, dict(shells._locks)) == ({}, set(), {})


async def test_resizing_and_typing_into_a_lost_connection_harms_nobody(scene: Scene) -> None:
    _, address, shells = scene
    terminal, viewer = await _opened(shells, address, "t1")
    link = await guests().link(address, INTERACTIVE)
    link.ssh.abort()
    for _ in range(20):
        terminal.resize(viewer, 100, 30)
        terminal.type(b"x")
        await asyncio.sleep(0)
    await _next(viewer, State.OPEN)


async def test_a_viewer_that_takes_nothing_is_let_go_and_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STUCK_S", 0.2)
    _, address, shells = scene
    terminal, viewer = await _opened(shells, address, "t1")
    terminal.type(b"head -c 9000000 /dev/zero | tr '\\0' x\r")
    async with asyncio.timeout(20):
        while not (isinstance(item := await viewer.next(), Notice) and item.state is State.CLOSED):
            continue  # it never acknowledges anything
    assert "stopped taking output" in item.message
    assert terminal._viewers == []


async def test_a_fault_of_ours_is_told_and_the_terminal_can_be_opened_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, address, shells = scene
    terminal, viewer = await _opened(shells, address, "t1")
    monkeypatch.setattr(terminal._ring, "push", lambda _: 1 / 0)
    terminal.type(b"echo\r")
    await _next(viewer, State.CLOSED)
    assert "ZeroDivisionError" in caplog.text
    assert await shells.open(address, "t1", 80, 24) is not terminal


async def test_a_listing_that_is_too_long_is_cut_off(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    _, address, shells = scene
    monkeypatch.setattr(module, "_RUN_S", 5.0)
    with monkeypatch.context() as hostile:
        hostile.setattr(dtach, "LIST_COMMAND", "yes nonsense/nonsense | head -c 100000")
        assert await shells.listed(address) == []
    await guests().drop(address.domain_name)  # the local server does not survive an answer that nobody takes
