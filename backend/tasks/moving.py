"""The steps of a move, done by the node that a container leaves; and what a move leaves behind on a node.

A running machine is migrated as it runs where libvirt can; else it is shut down, its disk copied through libvirt's
streams and compared, and booted on the other node. The row changes hands in one transaction, once the copy is whole.
The old disk is deleted afterwards. A process that dies at any line leaves either no copy that counts, or the whole one.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, delete, select

from backend.db import Tx, reading, transaction
from backend.errors import NodeFault, NotLive, Unavailable
from backend.events.bus import ContainerChanged, WishChanged, announce
from backend.hypervisor.driver import PREFIX, Hypervisor
from backend.hypervisor.registry import nodes
from backend.models import Container, DesiredState, Leftover, MoveWay, Node, Phase, Status
from backend.models.base import now
from backend.models.containers import domain_name
from backend.rules.lifecycle import Power, Seen, Step, backoff, where_it_is
from backend.rules.notices import Notice
from backend.services.inbox import tell
from backend.services.moves import is_draining, plan_moves
from backend.settings import settings
from backend.tasks.copying import TargetFault, bring_base, copy_disk
from backend.tasks.helm import Helm
from backend.tasks.wishes import Wanted

log = logging.getLogger(__name__)

_TRY_AGAIN = timedelta(seconds=15)
_LOOK_AGAIN_S = 2.0
_LIVE_TRIES = 3


async def keep_moving(helm: Helm) -> None:
    """For as long as the node is ours: find places for what is to leave it, and delete what moves left on it."""
    while True:
        await asyncio.sleep(_LOOK_AGAIN_S)
        try:
            async with reading() as tx:
                draining = await is_draining(tx, helm.node_id)
            if draining:
                async with transaction() as tx:
                    await helm.check(tx)
                    await plan_moves(tx, helm.node_id)
            await sweep(helm)
        except Unavailable as fault:
            log.info("moves from node %s wait: %s", helm.node_name, fault)


async def look_there(wanted: Wanted) -> Seen | None:
    """A look at the node a container is moving to, where it may be on either; None when that one is silent."""
    move = wanted.wish.move
    if move is None or not move.is_between:
        return None
    try:
        return await (await _hypervisor_of(move.to_node_id)).observe(wanted.name)
    except (Unavailable, TargetFault):
        return None


async def migrate(helm: Helm, container: Container) -> float | None:
    """Try to move it as it runs. If that can't be it runs on, and its owner is told that it will be stopped.

    One that breaks off is tried again with a new copy: a stop costs people their shells, another try a few seconds.
    """
    for tries_left in reversed(range(_LIVE_TRIES)):
        begun = await _begin(helm, container, MoveWay.LIVE)
        if begun is None:
            return None
        to_node_id, copy = begun
        try:
            target = await _hypervisor_of(to_node_id)
            await bring_base(helm.hypervisor, target, container.disk_name)
            await helm.hypervisor.migrate(container.domain_name, container.disk_name, target, copy)
        except NodeFault as fault:
            log.warning("container %s can't be moved as it runs: %s", container.id, fault)
            if tries_left and not isinstance(fault, NotLive) and await _is_only_here(helm, container, to_node_id):
                await asyncio.sleep(_LOOK_AGAIN_S)
                continue
            await helm.write(container.id, move_reason=str(fault)[:500])
        except TargetFault as fault:
            await _call_off(helm, container, str(fault))  # nothing was migrated yet
        except Unavailable as fault:
            await helm.hypervisor.observe(container.domain_name)  # raises where it is this node that is lost
            log.warning("container %s: the node it moves to was lost: %s", container.id, fault)
            await helm.write(container.id, move_after=now() + _TRY_AGAIN)
        break
    return None  # the next look at both nodes says where it is


async def _is_only_here(helm: Helm, container: Container, to_node_id: int) -> bool:
    """Whether it runs on this node, and the other knows nothing of it."""
    try:
        there = await (await _hypervisor_of(to_node_id)).observe(container.domain_name)
        here = await helm.hypervisor.observe(container.domain_name)
    except (Unavailable, TargetFault):
        return False
    return here.power is Power.ON and not there.defined and there.power is Power.OFF


async def copy_disk_away(helm: Helm, container: Container) -> float | None:
    """Copy the disk of what is off, compare, hand over. When the other node fails, it stays, and is tried later."""
    begun = await _begin(helm, container, MoveWay.STOP)
    if begun is None:
        return None
    to_node_id, copy = begun
    try:
        target = await _hypervisor_of(to_node_id)
        await bring_base(helm.hypervisor, target, container.disk_name)
        await copy_disk(helm.hypervisor, target, container.disk_name, copy)
    except (NodeFault, TargetFault) as fault:
        log.warning("container %s can't be moved: %s", container.id, fault)
        await _call_off(helm, container, str(fault))
        return None
    return await hand_over(helm, container)


async def hand_over(helm: Helm, container: Container) -> None:
    """Make the row the other node's: from now on that one decides, and the disk here is a leftover."""
    async with transaction() as tx:
        row = await helm.locked(tx, container.id)
        if row is None or row.move_to_node_id is None:
            return
        aim = await tx.get_one(Node, row.move_to_node_id)
        if row.move_disk:
            tx.add(Leftover(node_id=helm.node_id, domain=row.domain_name, disk=row.disk_name))
            row.disk = row.move_disk
        is_live = row.move_way is MoveWay.LIVE
        row.node_id = row.move_to_node_id
        _end_of_move(row)
        if not is_live and row.desired_state is DesiredState.RUNNING:
            row.status, row.booted_at, row.stop_asked_at = Status.PROVISIONING, None, None
        how = "It ran on meanwhile." if is_live else "It was stopped for that, and its disk was copied."
        await tell(
            tx, row.user_id, Notice.MOVED, f"“{row.name}” is on node “{aim.name}” now",
            f"Its node “{helm.node_name}” is being emptied. {how}", link=f"/containers/{row.id}", container_id=row.id,
        )  # fmt: skip
        announce(tx, ContainerChanged(row.id, row.user_id))
        announce(tx, WishChanged(row.node_id))


async def end_attempt(helm: Helm, container: Container) -> float | None:
    """The attempt to move came to nothing: make sure that it can't succeed any more, and let go of its copy."""
    if container.move_way is MoveWay.LIVE and container.move_disk:
        await helm.hypervisor.stop_migrating(container.domain_name)
        target, there = None, None
        try:
            target = await _hypervisor_of(container.move_to_node_id)
            there = await target.observe(container.domain_name)
        except (Unavailable, TargetFault):
            log.info("container %s: the node it was to move to is silent", container.id)
        here = await helm.hypervisor.observe(container.domain_name, container.disk_name)
        if where_it_is(here, there) is not Step.END_ATTEMPT:
            return _LOOK_AGAIN_S
        if target is not None and there is not None and there.defined:
            with suppress(Unavailable):  # then it is done when that node sweeps
                await target.power_off(container.domain_name)
                await target.undefine(container.domain_name)
    await _settle(helm, container)
    return None


async def await_other_node(helm: Helm, container: Container) -> float:
    """It has left, and where it went does not answer: nothing is touched until that is known."""
    reason = "It was moving to another node, which does not answer now. It is left as it is until that node is back."
    if container.status_reason != reason:
        await helm.write(container.id, status_reason=reason)
    return _LOOK_AGAIN_S


async def accounted_for(node_id: int) -> set[str]:
    """What moves have put on a node, or left there: not orphans, though no row of the node names them."""
    async with reading() as tx:
        left = (await tx.exec(select(Leftover).where(Leftover.node_id == node_id))).all()
        coming = select(Container.uuid, Container.move_disk).where(Container.move_to_node_id == node_id)
        arriving = (await tx.exec(coming)).all()
        copies = select(Container.copy_disk).where(Container.node_id == node_id, Container.copy_disk != "")
        names = set((await tx.exec(copies)).all())
    names |= {name for each in left for name in (each.domain, each.disk)}
    return names | {name for uuid, disk in arriving for name in (domain_name(uuid), disk)}


async def sweep(helm: Helm) -> None:
    """Delete what moves left on this node: domain, then disk.

    The domain is left alone where the container is here, or on its way here; and it is sent here only when nothing of
    it is left (plan_moves), so that what was true when we looked still is when we act.
    """
    async with reading() as tx:
        left = (await tx.exec(select(Leftover).where(Leftover.node_id == helm.node_id))).all()
    for each in left:
        async with transaction() as tx:
            await helm.check(tx)
            owner = await _owner_of(tx, each.domain)
        if owner is not None and owner.node_id == helm.node_id and owner.disk_name == each.disk:
            log.error("the disk %s is in use, and noted as left over: it is kept", each.disk)
            continue
        try:
            if owner is None or helm.node_id not in (owner.node_id, owner.move_to_node_id):
                await helm.hypervisor.power_off(each.domain)
                await helm.hypervisor.undefine(each.domain)
            await helm.hypervisor.delete_disk(each.disk)
        except NodeFault as fault:
            log.warning("what a move left on node %s can't be deleted: %s", helm.node_name, fault)
            continue
        async with transaction() as tx:
            await helm.check(tx)
            await tx.exec(delete(Leftover).where(col(Leftover.id) == each.id))


async def _begin(helm: Helm, container: Container, way: MoveWay) -> tuple[int, str] | None:
    """Note a new copy with a name that was never used. One that was not finished is a leftover now.

    Returns the node it goes to, which stays the same from now on, and the copy's name.
    """
    async with transaction() as tx:
        row = await helm.locked(tx, container.id)
        if row is None or row.move_to_node_id is None or row.delete_requested_at is not None:
            return None
        _leave_copy(tx, row)
        row.moves += 1
        row.move_disk, row.move_way, row.move_reason = f"{row.domain_name}.{row.moves}", way, ""
        row.phase = Phase.MOVING
        if way is MoveWay.STOP and row.desired_state is DesiredState.RUNNING:
            row.status = Status.PROVISIONING  # off because of us: whatever comes of it, it is to be booted
        announce(tx, ContainerChanged(row.id, row.user_id))
        return row.move_to_node_id, row.move_disk


async def _settle(helm: Helm, container: Container) -> None:
    """After a live attempt: the way with a stop if it was refused; if it broke off, it is planned anew."""
    async with transaction() as tx:
        row = await helm.locked(tx, container.id)
        if row is None:
            return
        _leave_copy(tx, row)
        row.move_disk, row.phase, row.status_reason = "", Phase.NONE, ""
        if row.move_reason and row.delete_requested_at is None:
            row.move_way = MoveWay.STOP
            await _say_beforehand(tx, row)
        else:
            after = row.move_after
            _end_of_move(row)
            row.move_after = after
        announce(tx, ContainerChanged(row.id, row.user_id))


async def _say_beforehand(tx: Tx, row: Container) -> None:
    wait_s = settings().move_warning_s
    row.move_after = now() + timedelta(seconds=wait_s)
    text = "Its node is being emptied, and it can't be moved as it runs. It starts again by itself. Save your work."
    title = f"“{row.name}” will be stopped in {wait_s} s and started on another node"
    await tell(tx, row.user_id, Notice.MOVED, title, text, link=f"/containers/{row.id}", container_id=row.id)


async def _call_off(helm: Helm, container: Container, reason: str) -> None:
    """It stays here for now, and is started again if it ran; another node is looked for after a while."""
    async with transaction() as tx:
        row = await helm.locked(tx, container.id)
        if row is None:
            return
        _leave_copy(tx, row)
        _end_of_move(row)
        row.move_reason, row.move_after = reason[:500], now() + max(timedelta(seconds=30), backoff(row.moves))
        announce(tx, ContainerChanged(row.id, row.user_id))


def _leave_copy(tx: Tx, row: Container) -> None:
    if row.move_disk and row.move_to_node_id is not None:
        tx.add(Leftover(node_id=row.move_to_node_id, domain=row.domain_name, disk=row.move_disk))


def _end_of_move(row: Container) -> None:
    row.move_to_node_id, row.move_way, row.move_disk = None, MoveWay.OPEN, ""
    row.move_reason, row.move_after, row.phase = "", None, Phase.NONE


async def _owner_of(tx: Tx, domain: str) -> Container | None:
    uuid = UUID(domain.removeprefix(PREFIX))
    return (await tx.exec(select(Container).where(Container.uuid == uuid))).first()


async def _hypervisor_of(node_id: int | None) -> Hypervisor:
    async with reading() as tx:
        node = await tx.get(Node, node_id) if node_id is not None else None
    if node is None:
        raise TargetFault("The node it was to move to is gone.")
    if not node.healthy:
        raise TargetFault(f"Node “{node.name}” does not answer.")
    return await nodes().get(node.uri, node.name)
