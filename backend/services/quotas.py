"""Quotas and credits of users."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement
from sqlmodel import and_, col, delete, func, select

from backend.db import Tx, insert_if_absent
from backend.errors import Forbidden, Invalid, NotFound, PequerokuError, QuotaFull, TypeNotAllowed
from backend.models import Container, ContainerType, DesiredState, QuotaType, ResourceQuota, User
from backend.operation import note, operation, require
from backend.rules import bounds
from backend.rules.config_keys import DEFAULT_AI_USE_PER_DAY, DEFAULT_CREDITS, DEFAULT_MAX_CONTAINERS
from backend.rules.credits import check_affordable, forecast, used_credits
from backend.rules.notices import Notice
from backend.rules.policy import Action, Actor
from backend.services.config import value_of
from backend.services.inbox import tell
from backend.services.views import CreditsView, QuotaView, TypeView
from backend.services.wishing import wish_off


async def make_quota(tx: Tx, user: User) -> ResourceQuota:
    """A new user's quota: the defaults of Config, and every type that is not private."""
    quota = ResourceQuota(
        user_id=user.id,
        credits=await value_of(tx, DEFAULT_CREDITS),
        ai_use_per_day=await value_of(tx, DEFAULT_AI_USE_PER_DAY),
        max_containers=await value_of(tx, DEFAULT_MAX_CONTAINERS),
    )
    tx.add(quota)
    await tx.flush()
    public = await tx.exec(select(ContainerType.id).where(col(ContainerType.private).is_(False)))
    tx.add_all(QuotaType(quota_id=quota.id, container_type_id=type_id) for type_id in public.all())
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


async def calculate_used_credits(tx: Tx, user_id: int, *, without: int | None = None) -> int:
    """What the user's containers cost that run, or are meant to; `without` leaves one of them out."""
    return used_credits(await _running_costs(tx, user_id, without=without))


async def credits_left(tx: Tx, user_id: int) -> int:
    """What may still be started. Negative where the limit was lowered under what runs: nothing is stopped by that."""
    limit = (await tx.exec(select(ResourceQuota.credits).where(ResourceQuota.user_id == user_id))).first() or 0
    return limit - await calculate_used_credits(tx, user_id)


async def _running_costs(tx: Tx, user_id: int, *, without: int | None = None) -> list[int | None]:
    query = (
        select(Container.id, ContainerType.credits_cost)
        .join(ContainerType, isouter=True)
        .where(Container.user_id == user_id, *_consumes())
    )
    return [cost for container_id, cost in (await tx.exec(query)).all() if container_id != without]


async def purses_of(tx: Tx, user_ids: Iterable[int]) -> dict[int, CreditsView]:
    """The credits of several users at once."""
    ids = set(user_ids)
    if not ids:
        return {}
    used: dict[int, list[int | None]] = {each: [] for each in ids}
    running = select(Container.user_id, ContainerType.credits_cost).join(ContainerType, isouter=True)
    for user_id, cost in (await tx.exec(running.where(col(Container.user_id).in_(ids), *_consumes()))).all():
        used[user_id].append(cost)
    quotas = (await tx.exec(select(ResourceQuota).where(col(ResourceQuota.user_id).in_(ids)))).all()
    return {each.user_id: CreditsView(used_credits(used[each.user_id]), each.credits, each.active) for each in quotas}


def _consumes() -> tuple[ColumnElement[bool], ...]:
    return (
        col(Container.desired_state) == DesiredState.RUNNING,
        col(Container.delete_requested_at).is_(None),
    )


async def check_credits(
    tx: Tx, quota: ResourceQuota, container_type: ContainerType | None, *, without: int | None = None
) -> None:
    """Let a start pass. Call with the quota locked. `without`: a container whose present cost does not count.

    Raises:
        Forbidden: the quota is not active.
        QuotaExceeded: not enough credits are left.
    """
    if not quota.active:
        raise Forbidden("Your quota is not active, so nothing can be started. Ask an administrator.")
    used = await calculate_used_credits(tx, quota.user_id, without=without)
    check_affordable(container_type.credits_cost if container_type else None, used=used, limit=quota.credits)


async def kept_type(tx: Tx, container_type_id: int) -> ContainerType:
    """A type that can't be deleted before this transaction ends.

    Raises:
        Invalid: there is none of that id.
    """
    lock = {"read": True, "key_share": True}
    kind = await tx.get(ContainerType, container_type_id, with_for_update=lock, populate_existing=True)
    if kind is None:
        raise Invalid("Choose one of the types.", field="container_type_id")
    return kind


async def type_named(tx: Tx, quota: ResourceQuota, name: str) -> int:
    """The id of the type of that name, among those that the quota allows.

    Raises:
        Invalid: no name is given.
        TypeNotAllowed: there is none; one that is hidden is refused as one that is not there.
    """
    if not name:
        raise Invalid("Choose a type: container_type_id, or its name as container_type.", field="container_type")
    query = select(ContainerType.id).join(QuotaType).where(QuotaType.quota_id == quota.id)
    found = (await tx.exec(query.where(ContainerType.container_type_name == name))).first()
    if found is None:
        raise TypeNotAllowed(name)
    return found


async def check_allowed(tx: Tx, quota: ResourceQuota, container_type: ContainerType) -> None:
    """Let a type be chosen.

    Raises:
        TypeNotAllowed: the quota does not allow it.
    """
    if await tx.get(QuotaType, (quota.id, container_type.id)) is None:
        raise TypeNotAllowed("" if container_type.private else container_type.container_type_name)


async def can_create_container(tx: Tx, quota: ResourceQuota, container_type: ContainerType) -> None:
    """Let a creation pass. Call with the quota locked.

    Raises:
        TypeNotAllowed, QuotaFull: the quota does not allow the type, or another container.
        Forbidden, QuotaExceeded: as check_credits.
    """
    await check_allowed(tx, quota, container_type)
    await check_count(tx, quota)
    await check_credits(tx, quota, container_type)


async def check_count(tx: Tx, quota: ResourceQuota) -> None:
    """Let one more be kept. Call with the quota locked.

    Raises:
        QuotaFull: there are as many containers as it lets keep.
    """
    kept = (await tx.exec(select(func.count()).where(Container.user_id == quota.user_id))).one()
    if kept >= quota.max_containers:
        raise QuotaFull(kept=kept, limit=quota.max_containers)


@operation(Action.QUOTA_READ)
async def my_credits(tx: Tx, actor: Actor) -> CreditsView:
    """The actor's credits: used by what runs, and the limit."""
    require(actor, Action.QUOTA_READ)
    quota = (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == actor.user_id))).first()
    if quota is None:
        return CreditsView(0, 0, active=False)
    return CreditsView(await calculate_used_credits(tx, quota.user_id), quota.credits, quota.active)


@operation(Action.TYPE_LIST)
async def my_types(tx: Tx, actor: Actor) -> list[TypeView]:
    """The types the actor's quota allows, cheapest first, with what a start of each would leave."""
    require(actor, Action.TYPE_LIST)
    query = (
        select(ContainerType, ResourceQuota)
        .select_from(ContainerType)
        .join(QuotaType)
        .join(ResourceQuota)
        .where(ResourceQuota.user_id == actor.user_id)
        .order_by(col(ContainerType.credits_cost), col(ContainerType.memory_mb))
    )
    rows = (await tx.exec(query)).all()
    if not rows:
        return []
    quota = rows[0][1]
    costs = {kind.id: kind.credits_cost for kind, _ in rows}
    ahead = forecast(await _running_costs(tx, quota.user_id), limit=quota.credits, starts=costs)
    return [
        TypeView(
            id=kind.id,
            name=kind.container_type_name,
            memory_mb=kind.memory_mb,
            vcpus=kind.vcpus,
            disk_gib=kind.disk_gib,
            credits_cost=kind.credits_cost,
            affordable=quota.active and ahead.allows(kind.id),
            leaves=ahead.after[kind.id],
            limit=ahead.limit,
            idle_stop_min=kind.idle_stop_min,
            lifetime_h=kind.lifetime_h,
        )
        for kind, _ in rows
    ]


def cheapest(kinds: Sequence[TypeView]) -> TypeView:
    """Of `my_types`, the one that somebody gets who names none.

    Raises:
        Invalid: their quota allows none.
    """
    if kinds:
        return kinds[0]
    raise Invalid("Your quota allows no type of container. Ask an administrator.", field="type")


@operation(Action.QUOTA_LOOK)
async def look_up(tx: Tx, actor: Actor, username: str) -> QuotaView:
    """Somebody's quota, and for each type whether it could be created now, or why not.

    Raises:
        NotFound: no such user, or one without a quota.
    """
    require(actor, Action.QUOTA_LOOK)
    query = select(ResourceQuota, User).join(User).where(User.username == username)
    found = (await tx.exec(query)).first()
    if found is None:
        raise NotFound(f"The quota of “{username}”")
    quota, user = found
    return QuotaView(
        id=quota.id,
        user_id=quota.user_id,
        username=user.username,
        credits=quota.credits,
        used=await calculate_used_credits(tx, quota.user_id),
        ai_use_per_day=quota.ai_use_per_day,
        max_containers=quota.max_containers,
        active=quota.active,
        allowed_type_ids=tuple(sorted(await _allowed_ids(tx, quota))),
        types={
            kind.container_type_name: await _why_not(tx, quota, kind)
            for kind in (await tx.exec(select(ContainerType).order_by(col(ContainerType.credits_cost)))).all()
        },
    )


async def _why_not(tx: Tx, quota: ResourceQuota, kind: ContainerType) -> str:
    try:
        await can_create_container(tx, quota, kind)
    except PequerokuError as refusal:
        return refusal.message
    return ""


@operation(Action.QUOTA_UPDATE)
async def update_quota(
    tx: Tx,
    actor: Actor,
    quota_id: int,
    *,
    credits: int | None = None,  # noqa: A002 - the field's name
    ai_use_per_day: int | None = None,
    max_containers: int | None = None,
    active: bool | None = None,
    allowed_type_ids: Sequence[int] | None = None,
) -> ResourceQuota:
    """Change a quota; None leaves a field as it is. Switched off, it stops all that its user runs, and tells them.

    Fewer credits, or a type taken away, stop nothing that runs: they count at the next start.

    Raises:
        NotFound: no such quota.
        Invalid: a number is out of its bounds, or there is no such type.
    """
    require(actor, Action.QUOTA_UPDATE)
    quota = await tx.get(ResourceQuota, quota_id, with_for_update=True, populate_existing=True)
    if quota is None:
        raise NotFound("That quota")
    asked = {"credits": credits, "ai_use_per_day": ai_use_per_day, "max_containers": max_containers, "active": active}
    changes = {name: value for name, value in asked.items() if value is not None}
    bounds.check_all(bounds.QUOTA, changes)
    is_switched_off = quota.active and active is False
    note("resourcequota", quota_id, changed={name: [getattr(quota, name), to] for name, to in changes.items()})
    for name, value in changes.items():
        setattr(quota, name, value)
    if allowed_type_ids is not None:
        await _allow(tx, quota, set(allowed_type_ids))
    if is_switched_off:
        await _stop_all(tx, quota.user_id)
    return quota


@operation(Action.QUOTA_GRANT)
async def grant_public_types(tx: Tx, actor: Actor, quota_ids: Sequence[int] | None = None) -> int:
    """Let quotas (None: all of them) choose every type that is not private; returns how many grants were missing."""
    require(actor, Action.QUOTA_GRANT)
    has_it = and_(col(QuotaType.quota_id) == ResourceQuota.id, col(QuotaType.container_type_id) == ContainerType.id)
    pairs = select(ResourceQuota.id, ContainerType.id).join(ContainerType, col(ContainerType.private).is_(False))
    pairs = pairs.join(QuotaType, has_it, isouter=True).where(col(QuotaType.quota_id).is_(None))
    if quota_ids is not None:
        pairs = pairs.where(col(ResourceQuota.id).in_(quota_ids))
    missing = (await tx.exec(pairs)).all()
    for quota_id, type_id in missing:
        await insert_if_absent(tx, QuotaType(quota_id=quota_id, container_type_id=type_id))
    note("resourcequota", "", f"{len(missing)} grants of public types")
    return len(missing)


async def _allowed_ids(tx: Tx, quota: ResourceQuota) -> set[int]:
    query = select(QuotaType.container_type_id).where(QuotaType.quota_id == quota.id)
    return set((await tx.exec(query)).all())


async def _allow(tx: Tx, quota: ResourceQuota, wanted: set[int]) -> None:
    before = await _allowed_ids(tx, quota)
    for type_id in sorted(wanted - before):
        await kept_type(tx, type_id)
        tx.add(QuotaType(quota_id=quota.id, container_type_id=type_id))
    gone = col(QuotaType.container_type_id).in_(before - wanted)
    await tx.exec(delete(QuotaType).where(col(QuotaType.quota_id) == quota.id, gone))
    note(allowed_types=[sorted(before), sorted(wanted)])


async def _stop_all(tx: Tx, user_id: int) -> None:
    """The quota is locked: nobody starts anything beside this."""
    running = select(Container).where(Container.user_id == user_id, *_consumes()).order_by(col(Container.id))
    rows = (await tx.exec(running.with_for_update())).all()
    for container in rows:
        wish_off(tx, container)
    if rows:
        what = "“" + "”, “".join(each.name for each in rows) + "”"
        text = f"An administrator made your quota inactive. Stopped, with their disks kept: {what}."
        await tell(tx, user_id, Notice.STOPPED_BY_QUOTA, "Your containers were stopped", text, link="/")
