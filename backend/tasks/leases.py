"""Who drives a node: one row each, taken by compare-and-set, with a fence that grows at every change of hands."""

import hashlib
import os
import secrets
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from sqlmodel import select

from backend.db import Tx, insert_if_absent, transaction
from backend.models import NodeLease
from backend.models.base import now

TTL = timedelta(seconds=15)
RENEW_EVERY_S = 5.0


@lru_cache
def _here() -> str:
    """This boot of this machine, and the set of process ids that we can see."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    return hashlib.sha256(f"{boot}{os.readlink('/proc/self/ns/pid')}".encode()).hexdigest()[:16]


def new_holder() -> str:
    """A name for this process: where it runs, its process id, and a number nobody else has."""
    return f"{_here()}-{os.getpid()}-{secrets.token_hex(4)}"


def is_dead(holder: str) -> bool:
    """Whether the holder was a process of this machine that is no more: then nobody has to wait for its time."""
    place, _, rest = holder.partition("-")
    pid = rest.partition("-")[0]
    return place == _here() and pid.isdigit() and not Path(f"/proc/{pid}").exists()


class LeaseLost(Exception):
    """Another task process drives the node now; whatever we were about to write is not ours to write."""


async def take(node_id: int, holder: str) -> int | None:
    """Take or renew the lease; returns the fence we hold it under, or None while somebody else does."""
    async with transaction() as tx:
        lease = await _locked(tx, node_id)
        if lease is None:
            await insert_if_absent(tx, NodeLease(node_id=node_id, expires_at=now() - TTL))
            lease = await _locked(tx, node_id)
        if lease is None:
            return None  # the node has been deleted meanwhile
        if lease.holder != holder:
            if lease.expires_at > now() and not is_dead(lease.holder):
                return None
            lease.holder, lease.fence = holder, lease.fence + 1
        lease.expires_at = now() + TTL
        return lease.fence


async def release(node_id: int, holder: str) -> None:
    """Let go, so that the next process need not wait for the time to run out."""
    async with transaction() as tx:
        lease = await _locked(tx, node_id)
        if lease is not None and lease.holder == holder:
            lease.expires_at = now() - TTL


async def check(tx: Tx, node_id: int, holder: str, fence: int) -> None:
    """Make sure, inside the transaction that writes, that the lease is still ours.

    Raises:
        LeaseLost: it is not.
    """
    lease = await _locked(tx, node_id)
    if lease is None or lease.holder != holder or lease.fence != fence:
        raise LeaseLost(f"node {node_id}")


async def _locked(tx: Tx, node_id: int) -> NodeLease | None:
    return (await tx.exec(select(NodeLease).where(NodeLease.node_id == node_id).with_for_update())).first()
