"""How each step of a container's life is done. Every one is safe to repeat, and to be killed in.

What is about to happen is written before it is done where the order matters (`booted_at`, `stop_asked_at`,
`has_disk`): a process that dies in between leaves a row whose next step is the same one again.
"""

import asyncio
from collections.abc import Awaitable, Callable

from backend.db import transaction
from backend.errors import GuestSilent, NodeDiskFull, NodeFault, Unavailable
from backend.guest.channel import GuestAddress
from backend.guest.keys import make_identity, make_key_pair, open_private_key
from backend.guest.readiness import await_ready
from backend.guest.shell import guests
from backend.hypervisor.driver import DomainSpec
from backend.models import Container, DesiredState, Phase, Status
from backend.models.base import now
from backend.rules.lifecycle import Power, Step, is_restart_due
from backend.rules.network import guest_network
from backend.settings import settings
from backend.tasks import checkpointing, duplicating, moving, sleeping
from backend.tasks.helm import Helm

LOOK_AGAIN_S = 1.0
_ASK_AGAIN_S = 5.0
LEAST_WAIT_S = 10.0
"""A guest gets this long even when its time ran out while nobody was there to listen."""


async def apply(helm: Helm, container: Container, step: Step) -> float | None:
    """Do one step. Returns after how many seconds to look again, or None to look at once.

    Raises:
        NodeFault: the node could not; `record_fault` writes it down.
        Unavailable: the node does not answer; nothing is known and nothing is written.
    """
    return await _DO[step](helm, container)


async def record_fault(helm: Helm, container: Container, fault: Exception) -> None:
    """Put a fault on the container, with the time of the next try."""
    await helm.fail(container.id, str(fault), retries=True)


async def _make_disk(helm: Helm, container: Container) -> None:
    await helm.write(container.id, phase=Phase.DISK, status=Status.PROVISIONING, status_reason="")
    await helm.hypervisor.make_disk(container.disk_name, container.disk_gib)


async def _grow_disk(helm: Helm, container: Container) -> None:
    """A fresh disk passes here too: one that stood there already may be of a size that was wished before."""
    await helm.write(container.id, status=Status.PROVISIONING, status_reason="")
    await helm.hypervisor.grow_disk(container.disk_name, container.disk_gib)
    await helm.write(container.id, disk_made_gib=container.disk_gib)


async def _boot(helm: Helm, container: Container) -> None:
    keys = {}
    if not container.private_key_sealed:
        pair = make_key_pair()
        container.public_key = pair.public
        keys = {"public_key": pair.public, "private_key_sealed": pair.private_sealed}
    await helm.write(
        container.id,
        phase=Phase.BOOTING,
        status=Status.PROVISIONING,
        status_reason="",
        has_disk=True,
        booted_at=now(),
        stop_asked_at=None,
        retry_at=None,
        host_key="",
        asleep=False,
        forgets_memory=False,
        **keys,
    )
    ours = settings()
    spec = DomainSpec(
        uuid=container.uuid,
        disk=container.disk,
        hostname=container.name,
        memory_mb=container.memory_mb,
        vcpus=container.vcpus,
        authorized_key=container.public_key,
        network=guest_network(container.id, ours.guest_network, ours.guest_dns.replace(" ", "").split(",")),
    )
    await helm.hypervisor.boot(spec)
    await helm.write(container.id, phase=Phase.GUEST)


async def _await_guest(helm: Helm, container: Container) -> float | None:
    since, wait_s = _patience(container)
    if container.phase is not Phase.GUEST:
        await helm.write(container.id, phase=Phase.GUEST, status=Status.PROVISIONING, status_reason="")
    try:
        guest = await await_ready(helm.hypervisor, container.domain_name, wait_s, sets_clock=container.asleep)
    except GuestSilent:
        await _give_up(helm, container, since + wait_s)
        return None
    except Unavailable:
        return await _channel_lost(helm, container)
    if container.asleep:
        await sleeping.after_waking(helm, container, guest.boot_id)
    await helm.write(
        container.id,
        phase=Phase.NONE,
        status=Status.RUNNING,
        status_reason="",
        host_key=guest.host_key,
        boot_id=guest.boot_id,
        asleep=False,
        forgets_memory=False,
        failures=0,
        retry_at=None,
    )
    return None


def _patience(container: Container) -> tuple[float, float]:
    """How many seconds ago it was booted, and how many it is still given to answer."""
    since = (now() - container.booted_at).total_seconds() if container.booted_at else 0.0
    return since, max(LEAST_WAIT_S, settings().boot_timeout_s - since)


async def _rekey(helm: Helm, container: Container) -> float | None:
    """It was kept warm, and becomes its owner's. It may be told so twice: who dies in between tells it again.

    The host key is not the one that we sent, but the one that it says it has now: a second telling makes another.
    """
    identity = make_identity(container.name, container.public_key)
    since, wait_s = _patience(container)
    try:
        guest = await await_ready(helm.hypervisor, container.domain_name, wait_s, becomes=identity)
    except GuestSilent:
        await _give_up(helm, container, since + wait_s)
        return None
    except Unavailable:
        return await _channel_lost(helm, container)
    key = open_private_key(container.private_key_sealed)
    guests().readdress(GuestAddress(helm.hypervisor, container.domain_name, key, guest.host_key))
    await helm.write(
        container.id,
        phase=Phase.NONE,
        status=Status.RUNNING,
        status_reason="",
        host_key=guest.host_key,
        boot_id=guest.boot_id,
        rekeys=False,
        failures=0,
        retry_at=None,
    )
    return None


async def _give_up(helm: Helm, container: Container, after_s: float) -> None:
    """The machine stays as it is: it may still come up, or hold what nobody wants to lose. A retry cuts its power."""
    reason = f"The guest did not answer within {after_s:.0f} s of booting. Retry boots it again."
    await helm.fail(container.id, reason, retries=False)


async def _channel_lost(helm: Helm, container: Container) -> float:
    """The wait broke off: either the machine went off, which is a fault, or the connection did."""
    seen = await helm.hypervisor.observe(container.domain_name)
    if seen.power is Power.OFF:
        raise NodeFault("The machine went off while it was booting.")
    return LOOK_AGAIN_S


async def _ask_off(helm: Helm, container: Container) -> float:
    await helm.write(container.id, phase=Phase.STOPPING, stop_asked_at=now())
    await helm.hypervisor.ask_off(container.domain_name)
    return LOOK_AGAIN_S


async def _await_off(helm: Helm, container: Container) -> float:
    """Ask again now and then: the first request may have been lost on its way, or have come too early in a boot."""
    asked_at = container.stop_asked_at or now()
    if (now() - asked_at).total_seconds() % _ASK_AGAIN_S < LOOK_AGAIN_S:
        await helm.hypervisor.ask_off(container.domain_name)
    return LOOK_AGAIN_S


async def _power_off(helm: Helm, container: Container) -> None:
    await helm.hypervisor.power_off(container.domain_name)


async def _undefine(helm: Helm, container: Container) -> None:
    await helm.hypervisor.undefine(container.domain_name)


async def _delete_disk(helm: Helm, container: Container) -> None:
    await helm.hypervisor.delete_disk(container.disk_name)


async def _drop_row(helm: Helm, container: Container) -> None:
    await helm.drop(container.id)


async def _resume(helm: Helm, container: Container) -> None:
    """A machine is paused when its node's disk is full: try to go on, and say so if it can't."""
    await helm.hypervisor.resume(container.domain_name)
    await asyncio.sleep(LOOK_AGAIN_S)
    if (await helm.hypervisor.observe(container.domain_name)).power is Power.PAUSED:
        raise NodeDiskFull(helm.node_name)
    await helm.write(container.id, status=Status.PROVISIONING, booted_at=now())


async def _note_stopped(helm: Helm, container: Container) -> None:
    await helm.note_off(container.id, sleeps=False, asleep=False)


async def _note_shut_down_inside(helm: Helm, container: Container) -> None:
    """It becomes the wish that it be off, unless a restart was wished for while we looked."""
    async with transaction() as tx:
        row = await helm.locked(tx, container.id)
        if row is None or is_restart_due(row.restart_requested_at, row.booted_at):
            return
        row.desired_state = DesiredState.STOPPED
    await _note_stopped(helm, container)


async def _report_lost_disk(helm: Helm, container: Container) -> None:
    reason = "Its disk is not on the node any more. Nothing was put in its place; ask an administrator."
    await helm.fail(container.id, reason, retries=False)


_DO: dict[Step, Callable[[Helm, Container], Awaitable[float | None]]] = {
    Step.MAKE_DISK: _make_disk,
    Step.GROW_DISK: _grow_disk,
    Step.BOOT: _boot,
    Step.AWAIT_GUEST: _await_guest,
    Step.REKEY: _rekey,
    Step.REPORT_LOST_DISK: _report_lost_disk,
    Step.ASK_OFF: _ask_off,
    Step.AWAIT_OFF: _await_off,
    Step.POWER_OFF: _power_off,
    Step.UNDEFINE: _undefine,
    Step.DELETE_DISK: _delete_disk,
    Step.DROP_ROW: _drop_row,
    Step.RESUME: _resume,
    Step.NOTE_STOPPED: _note_stopped,
    Step.NOTE_SHUT_DOWN_INSIDE: _note_shut_down_inside,
    Step.MIGRATE: moving.migrate,
    Step.COPY_DISK_AWAY: moving.copy_disk_away,
    Step.HAND_OVER: moving.hand_over,
    Step.END_ATTEMPT: moving.end_attempt,
    Step.AWAIT_OTHER_NODE: moving.await_other_node,
    Step.SLEEP: sleeping.sleep,
    Step.NOTE_ASLEEP: sleeping.note_asleep,
    Step.WAKE: sleeping.wake,
    Step.FORGET_MEMORY: sleeping.forget_memory,
    Step.COPY_DISK: duplicating.copy_disk,
    Step.END_COPY: duplicating.end_copy,
    Step.CHECKPOINT: checkpointing.checkpoint,
    Step.RESTORE: checkpointing.restore,
}
