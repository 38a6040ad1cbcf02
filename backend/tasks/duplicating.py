"""Making a container's disk a copy of another one's, on the node that both are on.

While a copy is being made its original keeps still: what is off is not started, and what runs is neither moved nor put
to sleep (rules/lifecycle.py, WAITS_FOR_COPY). Each attempt has a name that was never used before; one that broke off
is a leftover, and whatever it held in the original is let go before anything else is done.
"""

import logging
from typing import NamedTuple
from uuid import UUID

from sqlmodel import col, select

from backend.db import Tx, transaction
from backend.errors import NodeFault
from backend.events.bus import ContainerChanged, WishChanged, announce
from backend.models import Container, DesiredState, Phase, Status
from backend.models.containers import domain_name
from backend.rules.lifecycle import Power, Seen
from backend.services.lending import is_lent
from backend.tasks.helm import Helm, leave_copy

log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 1.0


class _Attempt(NamedTuple):
    original: Container
    copy: str
    runs: bool


class _Hopeless(Exception):
    """There will never be a copy."""


async def copy_disk(helm: Helm, container: Container) -> float | None:
    """Copy the disk, from what runs or from what is off; waits while its original does something else."""
    if container.copy_of is None:
        return None
    if container.copy_disk:
        await helm.hypervisor.end_clone(domain_name(container.copy_of))
    try:
        attempt = await _begin(helm, container.id, container.copy_of)
    except _Hopeless as why:
        await helm.fail(container.id, str(why), retries=False)
        return None
    if attempt is None:
        return _LOOK_AGAIN_S
    original = attempt.original
    try:
        seen = await helm.hypervisor.observe(original.domain_name, original.disk_name)
        if not _is_as_expected(seen, attempt.runs):
            await _give_up(helm, container)
            return _LOOK_AGAIN_S
        if attempt.runs:
            await helm.hypervisor.clone_running(original.domain_name, original.disk_name, attempt.copy)
        else:
            await helm.hypervisor.clone_disk(original.disk_name, attempt.copy)
    except NodeFault:
        await _give_up(helm, container)
        raise
    await _keep(helm, container, attempt)
    return None


async def end_copy(helm: Helm, container: Container) -> None:
    """It is to be deleted: let go of its original, and of what was copied so far."""
    if container.copy_of is not None:
        await helm.hypervisor.end_clone(domain_name(container.copy_of))
    await _give_up(helm, container)


def _is_as_expected(seen: Seen, runs: bool) -> bool:
    return seen.power is Power.ON if runs else seen.power is Power.OFF and seen.disk and not seen.saved


async def _begin(helm: Helm, container_id: int, copy_of: UUID) -> _Attempt | None:
    """Note a new attempt. From then on its original keeps still; None while it can't be copied from yet.

    Raises:
        _Hopeless: there is no original, or nothing on it.
    """
    async with transaction() as tx:
        await helm.check(tx)
        original = await _original(tx, copy_of)  # before its copy, which is younger: as plan_moves takes them
        row = await helm.locked(tx, container_id)
        if row is None or row.delete_requested_at is not None:
            return None
        leave_copy(tx, row)
        if original.node_id != row.node_id:
            row.node_id = original.node_id  # it has moved, and nothing of the copy is here yet
            announce(tx, WishChanged(row.node_id))
            return None
        way = _way(original)
        if way is None or (await tx.exec(select(Container.id).where(Container.uuid == copy_of, is_lent()))).first():
            return None
        row.moves += 1
        row.copy_disk, row.phase, row.status_reason = f"{row.domain_name}.{row.moves}", Phase.COPYING, ""
        row.status, row.retry_at = Status.CREATED, None
        announce(tx, ContainerChanged(row.id, row.user_id))
        return _Attempt(original, row.copy_disk, way)


async def _original(tx: Tx, copy_of: UUID) -> Container:
    query = select(Container).where(col(Container.uuid) == copy_of).with_for_update()
    original = (await tx.exec(query)).first()
    if original is None or original.delete_requested_at is not None:
        raise _Hopeless("What it was to be a copy of is deleted. Delete this too.")
    if not original.has_disk:
        raise _Hopeless("What it was to be a copy of has no disk yet. Delete this, and copy it when it has run.")
    return original


def _way(original: Container) -> bool | None:
    """Whether to copy it as it runs; None where neither that nor as it lies would be right now."""
    if original.asleep or original.copy_of is not None or original.move_disk:
        return None
    if original.desired_state is DesiredState.STOPPED:
        return False if original.status is Status.STOPPED else None
    return True if original.status is Status.RUNNING else None


async def _keep(helm: Helm, container: Container, attempt: _Attempt) -> None:
    """The copy is whole: it is the container's disk from now on, and the original may do what it likes."""
    async with transaction() as tx:
        row = await helm.locked(tx, container.id)
        if row is None or row.copy_disk != attempt.copy:
            return
        row.disk, row.copy_disk, row.copy_of = row.copy_disk, "", None
        row.has_disk, row.disk_made_gib = True, attempt.original.disk_made_gib
        row.phase, row.failures, row.retry_at, row.status_reason = Phase.NONE, 0, None, ""
        row.status = Status.PROVISIONING if row.desired_state is DesiredState.RUNNING else Status.STOPPED
        announce(tx, ContainerChanged(row.id, row.user_id))


async def _give_up(helm: Helm, container: Container) -> None:
    async with transaction() as tx:
        row = await helm.locked(tx, container.id)
        if row is not None:
            leave_copy(tx, row)
