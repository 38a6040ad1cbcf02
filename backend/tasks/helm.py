"""The right to drive one node: its lease, its hypervisor, and the only way its containers' rows are written."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, delete, select

from backend.db import Tx, transaction
from backend.events.bus import AccessChanged, ContainerChanged, announce
from backend.hypervisor.driver import Hypervisor
from backend.meters import START_SECONDS
from backend.models import Container, Leftover, Phase, Status
from backend.models.base import now
from backend.rules.feed import FeedKind
from backend.rules.lifecycle import WAITS_FOR_COPY, Step, backoff
from backend.rules.policy import SYSTEM
from backend.rules.timeline import READY, begun, stretches
from backend.services import faults, feed, history
from backend.services.access import seen_by
from backend.services.lending import is_lent
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

        None when it is gone, or is another node's by now, or when a copy of its disk was begun after we looked.
        """
        async with transaction() as tx:
            row = await self.locked(tx, container_id)
            if row is not None and step in WAITS_FOR_COPY and await _is_lent(tx, container_id):
                return None
            if row is not None:
                row.last_step, row.last_step_at = step, now()
                await history.note_step(tx, row, step)
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
                    row.phases = begun(row.phases, phase.value, now())
            has_come_up = changes.get("status") is Status.RUNNING and row.status is not Status.RUNNING
            if changes.get("status") is Status.RUNNING:
                row.phases = begun(row.phases, READY, now())
                tx.after_commit.append(lambda: _count_start(row))
            for name, value in changes.items():
                setattr(row, name, value)
            if has_come_up:  # last: PostgreSQL locks what a row refers to when it is written twice, and we would wait
                await history.note_running(tx, row)  # for who locks its quota and then its node
            announce(tx, ContainerChanged(container_id, row.user_id))

    async def note_off(self, container_id: int, **changes: Any) -> None:
        """Write that it is off, as it is to be, and that whatever went wrong before is over. Raises as `write`."""
        await self.write(
            container_id,
            phase=Phase.NONE,
            status=Status.STOPPED,
            status_reason="",
            stop_asked_at=None,
            failures=0,
            retry_at=None,
            **changes,
        )

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
                await history.note_failed(tx, row, reason)
            row.failures += 1
            row.phase, row.status, row.status_reason = Phase.NONE, Status.ERROR, reason[:500]
            row.retry_at = now() + backoff(row.failures) if retries else None
            announce(tx, ContainerChanged(container_id, row.user_id))

    async def drop(self, container_id: int) -> None:
        """Remove the row: the last step of a deletion."""
        async with transaction() as tx:
            row = await self.locked(tx, container_id)
            if row is not None:
                leave_copy(tx, row)
                feed.tell_of_container(tx, row, FeedKind.CONTAINER_DELETED)
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


async def _count_start(row: Container) -> None:
    """For Prometheus: from the wish to now, where a person's wish began it and nothing failed on the way."""
    phases = [(phase, datetime.fromisoformat(at)) for phase, at in row.phases]
    if phases and phases[0][0] == Phase.PLACING and (told := stretches(phases)):
        START_SECONDS.observe(sum(each.took_s for each in told))


def leave_copy(tx: Tx, row: Container) -> None:
    """A copy that was begun to be its disk is not to be: it is deleted when the node is swept."""
    if row.copy_disk:
        tx.add(Leftover(node_id=row.node_id, domain=row.domain_name, disk=row.copy_disk))
        row.copy_disk = ""


async def _is_lent(tx: Tx, container_id: int) -> bool:
    return bool((await tx.exec(select(Container.id).where(Container.id == container_id, is_lent()))).first())
