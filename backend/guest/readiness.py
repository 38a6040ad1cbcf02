"""Hears from a guest that it is up, over the hypervisor's own channel: the one thing about it that we take on trust.

The guest answers each line we send with `ready <host key> <boot id>`, and the lines `at <time>` and `become <time> …`
with that time after it.
It may be hostile: a line is at most 4 KiB, everything together at most 64 KiB, and only the exact form counts.
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from backend.errors import GuestSilent, Unavailable
from backend.guest.keys import Identity
from backend.hypervisor.driver import READY, ByteStream, Hypervisor

_ASK_AGAIN_S = 2.0
_MAX_LINE_BYTES = 4096
_MAX_NOISE_BYTES = 64 * 1024
_ANSWER = re.compile(
    rb"ready (ssh-ed25519 [A-Za-z0-9+/]{68}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?: ([0-9.]{1,20}))?\r?"
)


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a guest says of itself: its SSH host key (`ssh-ed25519 AAAA…`) and the kernel's id of this boot."""

    host_key: str
    boot_id: str


async def await_ready(
    node: Hypervisor, name: str, timeout_s: float, *, sets_clock: bool = False, becomes: Identity | None = None
) -> Announcement:
    """Wait until the guest of domain `name` says that it is ready.

    Args:
        sets_clock: tell it what time it is, for it has slept; only an answer to that counts. What it had answered to
            whoever asked before it slept is still on its way.
        becomes: have it become this one; only an answer to that counts. Told twice is told once.

    Raises:
        GuestSilent: it did not within `timeout_s`, or says nothing but nonsense.
        Unavailable: the domain is off, the channel went away, or the node does not answer.
    """
    try:
        async with asyncio.timeout(timeout_s):
            stream = await node.open_channel(name, READY)
            try:
                return await _converse(stream, _order(sets_clock, becomes))
            finally:
                stream.close()
    except TimeoutError as late:
        raise GuestSilent(timeout_s) from late
    except _Nonsense as noise:
        raise GuestSilent(timeout_s) from noise


class _Nonsense(Exception):
    """The guest said more than an answer can be long."""


def _order(sets_clock: bool, becomes: Identity | None) -> Callable[[str], str] | None:
    """What to tell the guest at a time, where it is told anything."""
    if becomes is not None:
        pem = becomes.host_key_private.replace("\n", "|").replace(" ", "_")
        keys = _bare(becomes.authorized_key), pem, _bare(becomes.host_key)
        words = " ".join((becomes.hostname, *keys, becomes.machine_id, becomes.seed))
        return lambda at: f"become {at} {words}"
    return (lambda at: f"at {at}") if sets_clock else None


def _bare(public_key: str) -> str:
    return public_key.split()[1]


async def _converse(stream: ByteStream, order: Callable[[str], str] | None) -> Announcement:
    told = set[bytes]() if order is not None else None
    asking = asyncio.create_task(_ask(stream, order, told), name="ask-ready")
    try:
        return await _listen(stream, told)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def _ask(stream: ByteStream, order: Callable[[str], str] | None, told: set[bytes] | None) -> None:
    """Ask until cancelled: what was asked before the guest listened may be lost in a reboot. `told` gets the times."""
    while True:
        question = "?"
        if order is not None and told is not None:
            at = f"{time.time():.3f}"
            told.add(at.encode())
            question = order(at)
        await stream.write(f"{question}\n".encode())
        await asyncio.sleep(_ASK_AGAIN_S)


async def _listen(stream: ByteStream, told: set[bytes] | None) -> Announcement:
    pending, noise = b"", 0
    while data := await stream.read():
        noise += len(data)
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            found = _ANSWER.fullmatch(line)
            if found and (told is None or found[3] in told):
                return Announcement(found[1].decode(), found[2].decode())
        if noise > _MAX_NOISE_BYTES:
            raise _Nonsense
        pending = pending[:_MAX_LINE_BYTES]
    raise Unavailable("The channel to the guest was closed.")
