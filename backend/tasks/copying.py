"""Disks from node to node, through us: read from one, written to the other, read back and compared."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from backend.errors import Unavailable
from backend.hypervisor.driver import Hypervisor

T = TypeVar("T")

_bringing = WeakValueDictionary[tuple[int, str], asyncio.Lock]()
"""A base image is brought to a node by one move at a time."""


class TargetFault(Exception):
    """The node that a container was to move to could not, or does not answer."""


class _SourceLost(Exception):
    """Where a disk was read from failed in the middle of it."""

    def __init__(self, fault: Unavailable) -> None:
        super().__init__(fault)
        self.fault = fault


async def bring_base(source: Hypervisor, target: Hypervisor, disk: str) -> None:
    """See that the image a disk stands on is on the other node too: it may be an older one than that node knows.

    Raises:
        as copy_disk.
    """
    base = (await source.disk_facts(disk)).base
    key = (id(target), base)
    lock = _bringing.get(key)
    if lock is None:
        _bringing[key] = lock = asyncio.Lock()
    async with lock:
        if base and not await _there(target.has_base(base)):
            await _stream(source, target, base, base, lambda content: target.write_base(base, content))
            await _there(target.keep_base(base))


async def copy_disk(source: Hypervisor, target: Hypervisor, disk: str, copy: str) -> None:
    """Make `copy` on the target what `disk` is on the source.

    Raises:
        Unavailable: the source was lost, or (NodeFault) could not.
        TargetFault: the target was, or what it kept is something else.
    """
    facts = await source.disk_facts(disk)
    await _stream(source, target, disk, copy, lambda content: target.write_disk(copy, facts, content))


async def _stream(
    source: Hypervisor,
    target: Hypervisor,
    name: str,
    copy: str,
    write: Callable[[AsyncIterator[bytes]], Awaitable[None]],
) -> None:
    sent, kept = hashlib.sha256(), hashlib.sha256()
    try:
        async with aclosing(_hashed(source.read_disk(name), sent)) as content:
            await _there(write(content))
    except _SourceLost as lost:
        raise lost.fault from lost
    try:
        async with aclosing(_hashed(target.read_disk(copy), kept)) as content:
            async for _ in content:
                pass
    except _SourceLost as lost:
        raise TargetFault(str(lost.fault)) from lost
    if sent.digest() != kept.digest():
        raise TargetFault("What the other node kept of the disk is not what was sent.")


async def _hashed(content: AsyncGenerator[bytes], digest: Any) -> AsyncGenerator[bytes]:
    """Hand pieces on and hash them; tells a loss of where they come from apart from one of where they go."""
    try:
        async with aclosing(content):
            async for piece in content:
                digest.update(piece)
                yield piece
    except Unavailable as fault:
        raise _SourceLost(fault) from fault


async def _there(call: Awaitable[T]) -> T:
    """Await the other node: that it is silent says nothing of this one."""
    try:
        return await call
    except Unavailable as fault:
        raise TargetFault(str(fault)) from fault
