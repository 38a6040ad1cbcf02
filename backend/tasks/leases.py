"""Who drives a node: one row each, taken by compare-and-set, with a fence that grows at every change of hands."""

from datetime import timedelta

from sqlmodel import select

from backend.db import Tx, transaction
from backend.models import NodeLease
from backend.models.base import now

TTL = timedelta(seconds=15)
RENEW_EVERY_S = 5.0


class LeaseLost(Exception):
    """Another task process drives the node now; whatever we were about to write is not ours to write."""


async def take(node_id: int, holder: str) -> int | None:
    """Take or renew the lease; returns the fence we hold it under, or None while somebody else does."""
    async with transaction() as tx:
        lease = await _locked(tx, node_id)
        if lease is None:
            lease = NodeLease(node_id=node_id, expires_at=now() - TTL)
            tx.add(lease)
        if lease.holder != holder:
            if lease.expires_at > now():
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
