"""Resource quotas: how much each user may run and keep."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import join
from sqlmodel import col, func, select

from backend.db import Tx
from backend.models import Container, ContainerType, DesiredState, QuotaType, ResourceQuota, User
from backend.rules.forms import Choice, Field, Kind
from backend.rules.policy import Actor
from backend.services import quotas
from backend.services.admin.screen import Act, Column, Screen, Show, numbered, required_number, yes_or_no

_TYPES = select(func.count()).where(QuotaType.quota_id == ResourceQuota.id).scalar_subquery()


def _used() -> ColumnElement[int]:
    """As services/quotas.py counts them: what runs or is meant to, a container without a type as 1."""
    costs = (
        select(func.coalesce(func.sum(func.coalesce(ContainerType.credits_cost, 1)), 0))
        .select_from(Container)
        .join(ContainerType, isouter=True)
        .where(
            Container.user_id == ResourceQuota.user_id,
            col(Container.desired_state) == DesiredState.RUNNING,
            col(Container.delete_requested_at).is_(None),
        )
    )
    return costs.correlate(ResourceQuota).scalar_subquery()


async def _types(tx: Tx) -> Mapping[str, tuple[Choice, ...]]:
    rows = (await tx.exec(select(ContainerType).order_by(col(ContainerType.credits_cost), col(ContainerType.id)))).all()
    return {
        "allowed_type_ids": tuple(
            Choice(str(each.id), each.container_type_name + (" (private)" if each.private else "")) for each in rows
        )
    }


async def _values(tx: Tx, key: str) -> dict[str, Any]:
    quota = await tx.get_one(ResourceQuota, int(key))
    allowed = select(QuotaType.container_type_id).join(ContainerType).where(QuotaType.quota_id == quota.id)
    in_order = allowed.order_by(col(ContainerType.credits_cost), col(ContainerType.id))
    return {
        "credits": quota.credits,
        "ai_use_per_day": quota.ai_use_per_day,
        "max_containers": quota.max_containers,
        "active": quota.active,
        "allowed_type_ids": [str(each) for each in (await tx.exec(in_order)).all()],
    }


async def _save(tx: Tx, actor: Actor, key: str, values: Mapping[str, Any]) -> None:
    given: dict[str, Any] = {**values, "allowed_type_ids": [int(each) for each in values["allowed_type_ids"]]}
    await quotas.update_quota(tx, actor, int(key), **given)


async def _grant(tx: Tx, actor: Actor, keys: Sequence[str], _typed: Mapping[str, Any]) -> str:
    granted = await quotas.grant_public_types(tx, actor, [int(each) for each in keys])
    return f"{SCREEN.counted(len(keys))} looked at: {granted} missing public types were given."


SCREEN = Screen(
    path="vm_manager/resourcequota",
    title="Quotas",
    one="quota",
    icon="gauge",
    help="Credits cap what runs at once. A quota that is not active stops all of its user's containers.",
    source=join(ResourceQuota, User),
    key=col(ResourceQuota.id),
    name=col(User.username),
    target_type="resourcequota",
    columns=(
        Column("username", "User", col(User.username)),
        Column("user_id", of=col(ResourceQuota.user_id), hidden=True),
        Column("credits", "Credits", col(ResourceQuota.credits), Show.NUMBER),
        Column("used", "In use", _used(), Show.NUMBER),
        Column("max_containers", "Containers", col(ResourceQuota.max_containers), Show.NUMBER),
        Column("ai_use_per_day", "AI a day", col(ResourceQuota.ai_use_per_day), Show.NUMBER),
        Column("types", "Types", _TYPES, Show.NUMBER),
        Column("active", "Active", col(ResourceQuota.active), Show.SWITCH),
    ),
    search=(col(User.username), col(User.email)),
    filters=(
        yes_or_no("active", "Active", col(ResourceQuota.active)),
        numbered("user", "User number", col(ResourceQuota.user_id)),
    ),
    ordering="username",
    model=ResourceQuota,
    fields=(
        required_number("credits", "Credits"),
        required_number("ai_use_per_day", "AI requests a day"),
        required_number("max_containers", "Containers kept"),
        Field(
            name="active",
            label="Active",
            kind=Kind.SWITCH,
            help="Switched off, all of the user's containers are stopped, and nothing can be started.",
        ),
        Field(name="allowed_type_ids", label="Allowed types", kind=Kind.MANY),
    ),
    choices=_types,
    values=_values,
    save=_save,
    acts=(
        Act(
            name="grant",
            label="Give public types",
            icon="gift",
            done="given the public types",
            run=_grant,
            question="Every type that is not private is added to what the quota allows. Nothing is taken away.",
            together=True,
        ),
    ),
    links=(
        ("The user", "/admin/auth/user/{user_id}/"),
        ("Containers", "/admin/vm_manager/container/?user={user_id}"),
        ("What they did", "/admin/internal_config/auditlog/?user={user_id}"),
        ("What they asked the assistant", "/admin/internal_config/aiusagelog/?user={user_id}"),
    ),
)
