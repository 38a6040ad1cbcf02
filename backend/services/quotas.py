"""Quotas and credits of users."""

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select

from backend.db import Tx
from backend.errors import Conflict, Forbidden, NotFound
from backend.models import Container, ContainerType, DesiredState, QuotaType, ResourceQuota, User
from backend.operation import operation, require
from backend.rules.config_keys import DEFAULT_AI_USE_PER_DAY, DEFAULT_CREDITS, DEFAULT_MAX_CONTAINERS
from backend.rules.credits import check_affordable, used_credits
from backend.rules.policy import Action, Actor
from backend.services.config import value_of
from backend.services.views import CreditsView, TypeView


async def make_quota(tx: Tx, user: User) -> ResourceQuota:
    """A new user's quota: the defaults of Config, and every type that is not private."""
    if user.id is None:
        raise RuntimeError("flush the user first: the quota needs its id")
    quota = ResourceQuota(
        user_id=user.id,
        credits=await value_of(tx, DEFAULT_CREDITS),
        ai_use_per_day=await value_of(tx, DEFAULT_AI_USE_PER_DAY),
        max_containers=await value_of(tx, DEFAULT_MAX_CONTAINERS),
    )
    tx.add(quota)
    await tx.flush()
    public = await tx.exec(select(ContainerType.id).where(col(ContainerType.private).is_(False)))
    tx.add_all(QuotaType(quota_id=quota.id or 0, container_type_id=type_id or 0) for type_id in public.all())
    return quota


async def locked_quota(tx: Tx, user_id: int) -> ResourceQuota:
    """The user's quota, locked until the end of the transaction: credits are decided one at a time.

    Raises:
        NotFound: the user has none.
    """
    query = select(ResourceQuota).where(ResourceQuota.user_id == user_id).with_for_update()
    quota = (await tx.exec(query)).first()
    if quota is None:
        raise NotFound("Your quota")
    return quota


async def calculate_used_credits(tx: Tx, user_id: int) -> int:
    """What the user's containers cost that run, or are meant to."""
    query = (
        select(Container.id, ContainerType.credits_cost)
        .join(ContainerType, isouter=True)
        .where(Container.user_id == user_id, *_consumes())
    )
    return used_credits(cost for _, cost in (await tx.exec(query)).all())


def _consumes() -> tuple[ColumnElement[bool], ...]:
    return (
        col(Container.desired_state) == DesiredState.RUNNING,
        col(Container.delete_requested_at).is_(None),
    )


async def check_credits(tx: Tx, quota: ResourceQuota, container_type: ContainerType | None) -> None:
    """Let a start pass. Call with the quota locked.

    Raises:
        Forbidden: the quota is not active.
        QuotaExceeded: not enough credits are left.
    """
    if not quota.active:
        raise Forbidden("Your quota is not active, so nothing can be started. Ask an administrator.")
    used = await calculate_used_credits(tx, quota.user_id)
    check_affordable(container_type.credits_cost if container_type else None, used=used, limit=quota.credits)


async def can_create_container(tx: Tx, quota: ResourceQuota, container_type: ContainerType) -> None:
    """Let a creation pass. Call with the quota locked.

    Raises:
        Conflict: the type is not allowed by the quota, or there are as many containers as it lets keep.
        Forbidden, QuotaExceeded: as check_credits.
    """
    allowed = await tx.get(QuotaType, (quota.id, container_type.id))
    if allowed is None:
        raise Conflict(f"Your quota does not allow the type “{container_type.container_type_name}”.")
    kept = (await tx.exec(select(func.count()).where(Container.user_id == quota.user_id))).one()
    if kept >= quota.max_containers:
        raise Conflict(f"You keep {kept} containers, and your quota allows {quota.max_containers}. Delete one first.")
    await check_credits(tx, quota, container_type)


@operation(Action.QUOTA_READ)
async def my_credits(tx: Tx, actor: Actor) -> CreditsView:
    """The actor's credits: used by what runs, and the limit."""
    require(actor, Action.QUOTA_READ)
    quota = (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == actor.user_id))).first()
    if quota is None or actor.user_id is None:
        return CreditsView(0, 0, active=False)
    return CreditsView(await calculate_used_credits(tx, actor.user_id), quota.credits, quota.active)


@operation(Action.TYPE_LIST)
async def my_types(tx: Tx, actor: Actor) -> list[TypeView]:
    """The types the actor's quota allows, cheapest first."""
    require(actor, Action.TYPE_LIST)
    purse = await my_credits(tx, actor)
    query = (
        select(ContainerType)
        .join(QuotaType)
        .join(ResourceQuota)
        .where(ResourceQuota.user_id == actor.user_id)
        .order_by(col(ContainerType.credits_cost), col(ContainerType.memory_mb))
    )
    return [
        TypeView(
            id=row.id or 0,
            name=row.container_type_name,
            memory_mb=row.memory_mb,
            vcpus=row.vcpus,
            disk_gib=row.disk_gib,
            credits_cost=row.credits_cost,
            affordable=purse.active and row.credits_cost <= purse.left,
        )
        for row in (await tx.exec(query)).all()
    ]
