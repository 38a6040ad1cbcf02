"""Putting machines to sleep and waking them: what they have in memory is kept on their node meanwhile.

Nothing of it is lost without a word: what can't be kept runs on, and what can't be woken stays asleep until somebody
says that it may be forgotten.
"""

import logging
from datetime import timedelta

from backend.db import transaction
from backend.errors import NodeFault
from backend.events.bus import ContainerChanged, announce
from backend.models import Container, DesiredState, Phase, Status
from backend.models.base import now
from backend.rules.notices import Notice
from backend.services.inbox import tell
from backend.tasks.helm import Helm

log = logging.getLogger(__name__)

_MOVE_AGAIN = timedelta(minutes=5)


async def sleep(helm: Helm, container: Container) -> None:
    """Keep its memory. What can't be kept is not lost: then it runs on, and its owner is told."""
    await helm.write(container.id, phase=Phase.STOPPING)
    try:
        await helm.hypervisor.sleep(container.domain_name)
    except NodeFault as fault:
        log.warning("container %s can't be put to sleep: %s", container.id, fault)
        await _stay_up(helm, container, str(fault))


async def note_asleep(helm: Helm, container: Container) -> None:
    """It is off, and what it had in memory is kept."""
    await helm.note_off(container.id, asleep=True)


async def wake(helm: Helm, container: Container) -> None:
    """Let it go on. What can't be woken still sleeps: its owner may try again, or have it forgotten and booted."""
    await helm.write(
        container.id,
        phase=Phase.BOOTING,
        status=Status.PROVISIONING,
        status_reason="",
        asleep=True,
        booted_at=now(),
        stop_asked_at=None,
        retry_at=None,
    )
    try:
        await helm.hypervisor.wake(container.domain_name)
    except NodeFault as fault:
        log.warning("container %s can't be woken: %s", container.id, fault)
        if container.desired_state is DesiredState.STOPPED:
            await _sleep_on(helm, container, str(fault))
            return
        reason = f"It could not be woken, and sleeps on with all that ran in it. {fault}"
        await helm.fail(container.id, reason, retries=False)
        return
    await helm.write(container.id, phase=Phase.GUEST)


async def forget_memory(helm: Helm, container: Container) -> None:
    """Throw away what was kept: it is too old to go on from, or its owner said so."""
    await helm.hypervisor.forget_memory(container.domain_name)
    await helm.write(container.id, asleep=False, forgets_memory=False)


async def after_waking(helm: Helm, container: Container, boot_id: str) -> None:
    """Tell its owner if it had to boot after all."""
    if container.boot_id and boot_id != container.boot_id:
        text = "What its memory was kept in was not whole, so it booted from its disk. What ran in it has ended."
        await _tell(helm, container, f"“{container.name}” could not go on where it was", text)


async def _stay_up(helm: Helm, container: Container, reason: str) -> None:
    async with transaction() as tx:
        row = await helm.locked(tx, container.id)
        if row is None:
            return
        row.phase = Phase.NONE
        if row.desired_state is DesiredState.STOPPED and row.sleeps:
            row.desired_state, row.sleeps = DesiredState.RUNNING, False
        announce(tx, ContainerChanged(row.id, row.user_id))
    title = f"“{container.name}” could not be put to sleep"
    await _tell(helm, container, title, f"{reason} It runs on, and nothing in it was lost.")


async def _sleep_on(helm: Helm, container: Container, reason: str) -> None:
    """It was woken to be moved only: that is called off for now."""
    async with transaction() as tx:
        row = await helm.locked(tx, container.id)
        if row is None:
            return
        row.status, row.phase, row.booted_at = Status.STOPPED, Phase.NONE, None
        row.move_to_node_id = None
        row.move_reason, row.move_after = f"It sleeps, and can't be woken: {reason}"[:500], now() + _MOVE_AGAIN
        announce(tx, ContainerChanged(row.id, row.user_id))


async def _tell(helm: Helm, container: Container, title: str, text: str) -> None:
    async with transaction() as tx:
        await helm.check(tx)
        link = f"/containers/{container.id}"
        await tell(tx, container.user_id, Notice.FAILED, title, text, link=link, container_id=container.id)
