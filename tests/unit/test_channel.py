"""Logging in to a guest that may be anything: bounded in time and memory, with an error that says what is wrong."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.errors import Unavailable, WrongGuest
from backend.guest import channel
from backend.guest.channel import GuestAddress, connect
from tests.guests import Peer, local_guest
from tests.stores import eventually

_PAIR = asyncssh.generate_private_key("ssh-ed25519")
_GREETING = b"SSH-2.0-OpenSSH_9.2\r\n"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_GREETING_WAITS_S", (0.05, 0.05))
    monkeypatch.setattr(channel, "_BETWEEN_S", 0.0)
    monkeypatch.setattr(channel, "_LOGIN_S", 0.3)


async def _log_in(peer: Peer) -> str:
    """How it failed; by then nothing of the attempt may be left."""
    before = asyncio.all_tasks()
    public = _PAIR.export_public_key().decode().strip()
    address = GuestAddress(peer, "pqk-one", _PAIR.export_private_key().decode(), public)  # type: ignore[arg-type]
    with pytest.raises(Unavailable) as fault:
        async with asyncio.timeout(20):
            await connect(address)
    await eventually("the attempt to leave nothing behind", lambda: asyncio.all_tasks() <= before)
    assert peer.opened == peer.closed
    return fault.value.message


async def test_a_guest_without_a_greeting_is_tried_again_and_given_up() -> None:
    peer = Peer()
    assert "sent no greeting" in await _log_in(peer)
    assert peer.opened == 2


async def test_a_guest_that_says_everything_but_a_greeting_is_cut_off() -> None:
    peer = Peer(endless=b"\x00" * 65536)
    assert "something else than SSH" in await _log_in(peer)
    assert peer.said_bytes <= 2 * (1024 * 1024 + 2 * 65536)


async def test_a_guest_that_closes_at_once() -> None:
    assert "closed" in await _log_in(Peer(closes=True))
    assert "machine's terminal service does not answer" in await _log_in(Peer(_GREETING, closes=True))


async def test_a_greeting_and_then_nothing() -> None:
    assert "does not answer" in await _log_in(Peer(_GREETING))


@pytest.mark.parametrize(
    "endless", [b"\xff" * 65536, b"\x00" * 65536, b"\x00\x00\x00\x0c\x0a\x02" + bytes(10), b"SSH-2.0-again\r\n"]
)
async def test_a_greeting_and_then_garbage(endless: bytes) -> None:
    peer = Peer(_GREETING, endless=endless)
    assert "does not answer" in await _log_in(peer)


async def test_a_greeting_that_never_ends() -> None:
    assert "does not answer" in await _log_in(Peer(b"SSH-2.0-", endless=b"x" * 4096))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5))
def test_any_garbage_ends_in_a_clear_error(pieces: list[bytes]) -> None:
    with asyncio.Runner() as runner:
        assert runner.run(_log_in(Peer(_GREETING, *pieces, closes=True)))


async def test_a_real_server_is_logged_in_to_behind_what_an_earlier_connection_left(tmp_path: Path) -> None:
    async with local_guest(tmp_path) as (guest, address):
        link = await connect(address)
        assert (await link.ssh.run("echo $((6*7))")).stdout == "42\n"
        assert link.is_up
        await link.close()
        assert not link.is_up
        assert guest.opened == 1


async def test_another_host_key_is_never_talked_to(tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    async with local_guest(tmp_path) as (guest, address):
        with pytest.raises(WrongGuest, match="host key"):
            await connect(replace(address, host_key=other))
        assert guest.opened == 1


async def test_a_guest_that_does_not_take_our_key_is_not_tried_again(tmp_path: Path) -> None:
    mine = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    async with local_guest(tmp_path) as (guest, address):
        with pytest.raises(Unavailable, match="does not take our key"):
            await connect(replace(address, private_key=mine))
        assert guest.opened == 1


async def test_the_private_key_is_in_no_log_line(tmp_path: Path) -> None:
    async with local_guest(tmp_path) as (_, address):
        assert "PRIVATE" in address.private_key
        assert repr(address) == str(address) == "GuestAddress(pqk-local)"


async def test_random_noise_after_a_login_cuts_the_connection(tmp_path: Path) -> None:
    async with local_guest(tmp_path) as (_, address):
        link = await connect(address)
        link.transport._protocol.data_received(os.urandom(300_000))
        await eventually("the connection to be given up", lambda: not link.is_up)
        await link.close()
