"""What a guest listens on, and connections to it.

A page that looks is told of changes by a small loop in the guest, which reads two files of its kernel each second and
starts nothing while they say the same. It ends with the page's connection.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import asyncssh

from backend.errors import Unavailable
from backend.guest.channel import FAULTS, Ends, GuestAddress
from backend.guest.shell import guests

_LIST = "ss -H -l -t -n -p"
_LIST_S = 20.0
_MOST_PORTS = 200
_LISTING_BYTES = 64 * 1024
_OPEN_S = 10.0
_END = b".\n"
# `read` waits a second for what never comes, and ends the loop when we are gone. 0A stands for “listens”.
_WATCH = (
    "exec /bin/bash -c '"
    "while :; do now=; more=(); mapfile -t lines < /proc/net/tcp; "
    "[ -e /proc/net/tcp6 ] && mapfile -t more < /proc/net/tcp6; "
    'for line in "${lines[@]}" "${more[@]}"; do '
    '[[ $line == *" 0A "* ]] && { set -- $line; now+="$2 ${10};"; }; done; '
    f'[ "$now" = "$was" ] && [ -n "$told" ] || {{ {_LIST}; echo .; told=1; was=$now; }}; '
    "read -r -t 1; [ $? -gt 128 ] || exit; done'"
)
_ADDRESS = re.compile(r"(.*):(\d{1,5})")
_PROCESS = re.compile(r'\(\("((?:[^"\\]|\\.)*)"')
_REACHABLE = {"*", "0.0.0.0", "127.0.0.1", "[::]", "[::1]", "::", "::1"}  # noqa: S104
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Port:
    """A port that something listens on, and what its program is called, if that can be seen."""

    port: int
    process: str


def parse(listing: bytes) -> list[Port]:
    """The ports in what `ss` printed, each once; what can't be reached on the loopback is left out."""
    found: dict[int, str] = {}
    for line in listing[:_LISTING_BYTES].decode(errors="replace").splitlines():
        words = line.split()
        address = _ADDRESS.fullmatch(words[3]) if len(words) > 4 and words[0] == "LISTEN" else None
        if address is None or address[1] not in _REACHABLE or not 1 <= int(address[2]) <= 65535:
            continue
        process = _PROCESS.search(line)
        name = "".join(filter(str.isprintable, process[1]))[:_LONGEST_NAME] if process else ""
        found[int(address[2])] = found.get(int(address[2])) or name
    return [Port(port, found[port]) for port in sorted(found)[:_MOST_PORTS]]


async def listening(address: GuestAddress) -> list[Port]:
    """What the guest listens on now.

    Raises:
        Unavailable: it can't be reached, or can't say.
    """
    done = await guests().run(address, _LIST, timeout_s=_LIST_S, limit_bytes=_LISTING_BYTES)
    if done.exit_code != 0:
        raise Unavailable("The machine can't say what it listens on: its `ss` (package iproute2) does not work.")
    return parse(done.stdout)


async def watch(address: GuestAddress) -> AsyncGenerator[list[Port]]:
    """What the guest listens on, now and whenever that changes.

    Raises:
        Unavailable: it can't be reached (any more), or talks nonsense.
    """
    link = await guests().link(address)
    process = None
    try:
        async with asyncio.timeout(_LIST_S):
            process = await link.start(_WATCH, stderr=asyncssh.DEVNULL)
        heard = bytearray()
        while data := await process.stdout.read(_LISTING_BYTES):
            heard += data
            if bytes(heard) == _END or heard.endswith(b"\n" + _END):
                block = bytes(heard).removesuffix(_END)
                yield parse(block.rpartition(b"\n" + _END)[2])
                heard.clear()
            elif len(heard) > _LISTING_BYTES:
                raise Unavailable("The machine says more about its ports than anybody could read.")
        raise Unavailable("The machine does not say any more what it listens on.")
    except FAULTS as fault:
        raise Unavailable(f"The connection to the machine was lost: {fault}.") from fault
    finally:
        if process is not None:
            process.close()


async def connect(address: GuestAddress, port: int) -> Ends | None:
    """A connection to what listens on a port of the guest's loopback; None where nothing does.

    Raises:
        Unavailable: the guest can't be reached.
    """
    link = await guests().link(address)
    for host in ("127.0.0.1", "::1"):
        try:
            async with asyncio.timeout(_OPEN_S):
                return await link.dial(host, port)
        except asyncssh.ChannelOpenError as fault:
            if not link.is_up:
                raise Unavailable(f"The connection to the machine was lost: {fault}.") from fault
        except FAULTS as fault:
            raise Unavailable(f"The machine does not answer: {fault}.") from fault
    return None
