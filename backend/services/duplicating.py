"""Copies of containers: the same disk, and nothing else of the original's identity."""

from backend.db import Tx
from backend.errors import Conflict, Forbidden, NameTaken, NoRoom
from backend.models import Container, ContainerType, DesiredState, Phase, ResourceQuota, Status
from backend.models.base import now
from backend.operation import note, operation
from backend.rules import names
from backend.rules.feed import FeedKind
from backend.rules.placement import Size, why_not
from backend.rules.policy import Action, Actor
from backend.rules.sizes import FullSize, Overrides, size_of
from backend.rules.upkeep import first_expiry
from backend.services import feed
from backend.services.naming import names_of
from backend.services.placement import locked_node_facts
from backend.services.quotas import check_allowed, check_count, check_credits, locked_quota
from backend.services.row_sizes import full_size
from backend.services.showing import changed
from backend.services.sizes import type_of
from backend.services.targets import announce_change, refuse_if_asleep, refuse_if_going, visible
from backend.services.views import ContainerView


@operation(Action.CONTAINER_DUPLICATE)
async def duplicate(tx: Tx, actor: Actor, container_id: int, *, name: str = "", starts: bool = False) -> ContainerView:
    """Ask for a copy of a container's disk, as a container of the actor's own on the same node.

    It has its own keys and host name, no shares and no schedules. What runs is copied as its disk is at one moment.

    Args:
        starts: run it once it is there; else it is stopped.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Invalid: a name that can't be a hostname.
        Conflict: the original is asleep, in error, or has nothing on its disk yet; or the quota does not allow it.
        NameTaken, QuotaExceeded, NoRoom, Forbidden: nothing was made.
    """
    original = await visible(Action.CONTAINER_DUPLICATE, tx, actor, container_id)
    quota = await locked_quota(tx, actor.person_id)
    await tx.refresh(original, with_for_update=True)
    _check_original(original)
    kind = await type_of(tx, original)
    await _check_quota(tx, quota, kind, starts=starts)
    chosen = await _name_for(tx, actor.person_id, name, original.name)
    copy = _copy_of(original, kind, name=chosen, quota=quota, starts=starts)
    await _check_room(tx, copy)
    tx.add(copy)
    await tx.flush()
    announce_change(tx, copy)
    feed.tell_of_container(tx, copy, FeedKind.CONTAINER_CREATED)
    note(message=f"{original.name} → {chosen}", copy=copy.id)
    return await changed(tx, copy, actor)


def _check_original(original: Container) -> None:
    refuse_if_going(original)
    refuse_if_asleep(original)
    if original.status is Status.ERROR:
        raise Conflict("It has a problem. Stop it first, and then copy it.")
    if not original.has_disk:
        raise Conflict("There is nothing on its disk yet. Copy it when it has run.")


async def _check_quota(tx: Tx, quota: ResourceQuota, kind: ContainerType | None, *, starts: bool) -> None:
    if not quota.active:
        raise Forbidden("Your quota is not active, so nothing can be made. Ask an administrator.")
    if kind is not None:
        await check_allowed(tx, quota, kind)
    await check_count(tx, quota)
    if starts:
        await check_credits(tx, quota, kind)


async def _name_for(tx: Tx, user_id: int, asked: str, original: str) -> str:
    taken = await names_of(tx, user_id)
    if not asked.strip():
        return names.copy_name(original, taken)
    chosen = names.container_name(asked)
    if chosen in taken:
        raise NameTaken(chosen)
    return chosen


def _copy_of(
    original: Container, kind: ContainerType | None, *, name: str, quota: ResourceQuota, starts: bool
) -> Container:
    """Overrides are not copied: an administrator gave them to the original. The disk is at least as large."""
    follows = FullSize(kind.memory_mb, kind.vcpus, kind.disk_gib) if kind else None
    size = size_of(full_size(original), follows, Overrides())
    copy = Container(
        name=name,
        user_id=quota.user_id,
        node_id=original.node_id,
        container_type_id=original.container_type_id,
        resource_quota_id=quota.id,
        memory_mb=size.memory_mb,
        vcpus=size.vcpus,
        disk_gib=size.disk_gib,
        desired_state=DesiredState.RUNNING if starts else DesiredState.STOPPED,
        copy_of=original.uuid,
        phase=Phase.COPYING,
        last_active_at=now(),
    )
    copy.expires_at = first_expiry(copy.created_at, kind.lifetime_h if kind else 0)
    return copy


async def _check_room(tx: Tx, copy: Container) -> None:
    """A disk is copied where it is. One that is not to run needs no more than a node that takes anything at all."""
    runs = copy.desired_state is DesiredState.RUNNING
    size = Size(copy.memory_mb, copy.vcpus) if runs else Size(0, 0)
    for node in await locked_node_facts(tx, node_id=copy.node_id):
        if reason := why_not(node, size):
            raise NoRoom(f"the disk is on {node.name}, which {reason}", full=node.is_up)
