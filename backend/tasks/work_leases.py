"""Who does what only one process may do at a time: a row for each such work, as tasks/leases.py has one for each node.

A holder stops by itself before its time is over: what it does outside the database no fence could refuse.
"""

import time
from dataclasses import dataclass

from sqlmodel import select

from backend.db import Tx, insert_if_absent, transaction
from backend.models import WorkLease
from backend.models.base import now
from backend.tasks.leases import TTL, LeaseLost, is_dead

_MARGIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that is ours, until then on this process's monotonic clock."""

    work: str
    holder: str
    fence: int
    until_s: float

    @property
    def left_s(self) -> float:
        """How long to go on: less than the lease lasts, so that who comes next never meets us."""
        return self.until_s - time.monotonic()


async def take(work: str, holder: str) -> Held | None:
    """Take or renew the lease; None while somebody else has it."""
    began_s = time.monotonic()
    async with transaction() as tx:
        lease = await _locked(tx, work)
        if lease is None:
            await insert_if_absent(tx, WorkLease(work=work, expires_at=now() - TTL))
            lease = await _locked(tx, work)
        if lease is None:
            return None
        if lease.holder != holder:
            if lease.expires_at > now() and not is_dead(lease.holder):
                return None
            lease.holder, lease.fence = holder, lease.fence + 1
        lease.expires_at = now() + TTL
        return Held(work, holder, lease.fence, began_s + TTL.total_seconds() - _MARGIN_S)


async def release(work: str, holder: str) -> None:
    """Let go, so that the next process need not wait for the time to run out."""
    async with transaction() as tx:
        lease = await _locked(tx, work)
        if lease is not None and lease.holder == holder:
            lease.expires_at = now() - TTL


async def check(tx: Tx, held: Held) -> None:
    """Make sure, inside the transaction that writes, that the lease is still ours.

    Raises:
        LeaseLost: it is not.
    """
    lease = await _locked(tx, held.work)
    if lease is None or (lease.holder, lease.fence) != (held.holder, held.fence):
        raise LeaseLost(held.work)


async def _locked(tx: Tx, work: str) -> WorkLease | None:
    query = select(WorkLease).where(WorkLease.work == work).with_for_update()
    return (await tx.exec(query.execution_options(populate_existing=True))).first()
