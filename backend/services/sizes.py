"""The size of a container: it follows its type, unless an administrator overrode it."""

from backend.db import Tx
from backend.errors import Forbidden, Invalid, NoRoom
from backend.models import Container, ContainerType, DesiredState, ResourceQuota
from backend.models.base import now
from backend.operation import note, operation
from backend.rules import bounds
from backend.rules.config_keys import EXPIRY_WARNING_H
from backend.rules.placement import NodeFacts, Size, why_not
from backend.rules.policy import Action, Actor, Scope
from backend.rules.sizes import FullSize
from backend.rules.upkeep import changed_lifetime, warning_lead
from backend.services.config import value_of
from backend.services.placement import locked_node_facts
from backend.services.quotas import check_allowed, check_credits, kept_type, locked_quota
from backend.services.row_sizes import full_size, overrides_of, wanted_size, write_size
from backend.services.showing import changed
from backend.services.targets import refuse_if_asleep, refuse_if_going, visible
from backend.services.views import ContainerView


@operation(Action.CONTAINER_RESIZE)
async def resize(
    tx: Tx,
    actor: Actor,
    container_id: int,
    *,
    container_type_id: int | None = None,
    memory_mb: int | None = None,
    vcpus: int | None = None,
    disk_gib: int | None = None,
) -> ContainerView:
    """Give a container another type, or (administrators) numbers of its own. What runs is restarted to take them.

    Args:
        memory_mb, vcpus, disk_gib: override what the type says; 0 follows the type again, None leaves it.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Forbidden: overrides are for administrators; or the quota is not active.
        Invalid: a number is out of bounds, or would make the disk smaller.
        Conflict, QuotaExceeded, NoRoom: the quota does not allow it, or it does not fit.
    """
    container = await visible(Action.CONTAINER_RESIZE, tx, actor, container_id)
    overrides = _asked(actor, memory_mb=memory_mb, vcpus=vcpus, disk_gib=disk_gib)
    quota = await locked_quota(tx, container.user_id)
    await tx.refresh(container, with_for_update=True)
    refuse_if_going(container)
    refuse_if_asleep(container)
    before = full_size(container)
    if container_type_id is not None and container_type_id != container.container_type_id:
        await _change_type(tx, container, quota, container_type_id)
    _override(container, overrides)
    kind = await type_of(tx, container)
    runs = container.desired_state is DesiredState.RUNNING
    if runs:
        await check_credits(tx, quota, kind, without=container.id)
    await take_size(tx, container, kind, runs=runs)
    if runs and full_size(container) != before:
        container.restart_requested_at, container.stop_asked_at = now(), None
    note(message=f"{_words(before)} → {_words(full_size(container))}", overridden=list(overrides_of(container).names))
    return await changed(tx, container, actor)


async def take_size(tx: Tx, container: Container, kind: ContainerType | None, *, runs: bool) -> None:
    """Write the size that the container has from its next boot on. One that is to run has to fit its node.

    One that is asleep goes on as large as it was.

    Raises:
        NoRoom: its node can't carry it; the row is as it was.
    """
    wanted = full_size(container) if container.asleep else wanted_size(container, kind)
    if runs:
        there = container.move_to_node_id or container.node_id
        _check_room(wanted, await locked_node_facts(tx, node_id=there, without=container.id))
    write_size(container, wanted)


def _check_room(wanted: FullSize, facts: list[NodeFacts]) -> None:
    """Let a container with a disk go on: it has to fit the node where that is.

    Raises:
        NoRoom: it does not.
    """
    for node in facts:
        reason = why_not(node, Size(wanted.memory_mb, wanted.vcpus))
        if reason:
            raise NoRoom(f"its disk is on {node.name}, which {reason}", full=node.is_up)


async def type_of(tx: Tx, container: Container) -> ContainerType | None:
    """Its type as it is now; None where it has none."""
    if container.container_type_id is None:
        return None
    return await tx.get(ContainerType, container.container_type_id, populate_existing=True)


async def _change_type(tx: Tx, container: Container, quota: ResourceQuota, container_type_id: int) -> None:
    """A new type brings its own lifetime. It counts from where the present term began, and ends nothing at once."""
    chosen = await kept_type(tx, container_type_id)
    await check_allowed(tx, quota, chosen)
    before = await type_of(tx, container)
    container.container_type_id = chosen.id
    if chosen.lifetime_h != (before.lifetime_h if before else 0):
        await renew_expiry(tx, container, before_h=before.lifetime_h if before else 0, after_h=chosen.lifetime_h)


async def renew_expiry(tx: Tx, container: Container, *, before_h: int, after_h: int) -> None:
    """Its type's lifetime becomes `after_h` hours."""
    container.expires_at = changed_lifetime(
        container.expires_at,
        created_at=container.created_at,
        before_h=before_h,
        after_h=after_h,
        lead=warning_lead(after_h, await value_of(tx, EXPIRY_WARNING_H)),
        at=now(),
    )
    container.expiry_warned_at = None


def _asked(actor: Actor, **overrides: int | None) -> dict[str, int]:
    asked = {name: value for name, value in overrides.items() if value is not None}
    if asked and not (actor.is_superuser and actor.scope is Scope.ADMIN):
        raise Forbidden("Only an administrator overrides what a type says. Choose another type instead.")
    return asked


def _override(container: Container, overrides: dict[str, int]) -> None:
    for name, value in overrides.items():
        if value == 0:
            setattr(container, f"{name}_override", None)
            continue
        bounds.TYPE[name].check(value, name)
        if name == "disk_gib" and value < container.disk_gib:
            raise Invalid(
                f"A disk never shrinks, and this one has {container.disk_gib} GiB. Give that or more.", field=name
            )
        setattr(container, f"{name}_override", value)


def _words(size: FullSize) -> str:
    return f"{size.vcpus} vCPUs, {size.memory_mb} MiB, {size.disk_gib} GiB"
