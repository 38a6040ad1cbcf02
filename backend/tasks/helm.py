"""The right to drive one node: its lease, its hypervisor, and the only way its containers' rows are written."""

from dataclasses import dataclass
from typing import Any

from sqlmodel import col, delete

from backend.db import Tx, transaction
from backend.events.bus import AccessChanged, ContainerChanged, announce
from backend.hypervisor.driver import Hypervisor
from backend.models import Container, Phase, Status
from backend.models.base import now
from backend.rules.lifecycle import Step, backoff
from backend.rules.policy import SYSTEM
from backend.services import faults
from backend.services.access import seen_by
from backend.tasks import leases


@dataclass(frozen=True, slots=True)
class Helm:
    """Held by the one process that may act on the node now."""

    node_id: int
    holder: str
    fence: int
    hypervisor: Hypervisor
    node_name: str = ""

    async def load(self, container_id: int, step: Step) -> Container | None:
        """The row as it is now, checked against the lease, with the step that is about to be done noted on it.

        None when it is gone, or is another node's by now.
        """
        async with transaction() as tx:
            row = await self.locked(tx, container_id)
            if row is not None:
                row.last_step, row.last_step_at = step, now()
            return row

    async def write(self, container_id: int, *, phase: Phase | None = None, **changes: Any) -> None:
        """Write what was seen or is about to be done, and tell the pages.

        Raises:
            LeaseLost: another process drives the node now; nothing was written.
        """
        async with transaction() as tx:
            row = await self.locked(tx, container_id)
            if row is None:
                return
            if phase is not None and phase is not row.phase:
                row.phase = phase
                if phase in (Phase.DISK, Phase.BOOTING, Phase.GUEST):
                    row.phases = [*row.phases, [phase.value, now().isoformat()]]
            for name, value in changes.items():
                setattr(row, name, value)
            announce(tx, ContainerChanged(container_id, row.user_id))

    async def fail(self, container_id: int, reason: str, *, retries: bool) -> None:
        """Put a fault on the row, and with the first in a row tell its owner. `retries`: we try again, later each time.

        Raises:
            LeaseLost: another process drives the node now; nothing was written.
        """
        async with transaction() as tx:
            row = await self.locked(tx, container_id)
            if row is None:
                return
            if row.failures == 0:
                await faults.report(tx, SYSTEM, container_id, reason)
            row.failures += 1
            row.phase, row.status, row.status_reason = Phase.NONE, Status.ERROR, reason[:500]
            row.retry_at = now() + backoff(row.failures) if retries else None
            announce(tx, ContainerChanged(container_id, row.user_id))

    async def drop(self, container_id: int) -> None:
        """Remove the row: the last step of a deletion."""
        async with transaction() as tx:
            row = await self.locked(tx, container_id)
            if row is not None:
                announce(tx, ContainerChanged(container_id, row.user_id))
                announce(tx, AccessChanged(sorted(await seen_by(tx, [container_id]))))  # afterwards nobody knows
                await tx.exec(delete(Container).where(col(Container.id) == container_id))

    async def locked(self, tx: Tx, container_id: int) -> Container | None:
        """The row, if it is this node's still: who holds the node's lease may write it, or hand it over.

        Raises:
            LeaseLost: another process drives the node now.
        """
        await self.check(tx)
        row = await tx.get(Container, container_id, with_for_update=True)
        return row if row is not None and row.node_id == self.node_id else None

    async def check(self, tx: Tx) -> None:
        """Make sure that the lease is still ours.

        Raises:
            LeaseLost: it is not.
        """
        await leases.check(tx, self.node_id, self.holder, self.fence)
