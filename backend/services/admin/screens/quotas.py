"""Resource quotas: how much each user may run and keep."""

from sqlalchemy import ColumnElement
from sqlalchemy.orm import join
from sqlmodel import col, func, select

from backend.models import Container, ContainerType, DesiredState, QuotaType, ResourceQuota, User
from backend.services.admin.screen import Column, Screen, Show, numbered, yes_or_no

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


SCREEN = Screen(
    path="vm_manager/resourcequota",
    title="Quotas",
    one="quota",
    icon="gauge",
    help="Credits cap what runs at once. A quota that is not active stops all of its user's containers.",
    source=join(ResourceQuota, User),
    key=col(ResourceQuota.id),
    name=col(User.username),
    target_type="quota",
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
    links=(
        ("The user", "/admin/auth/user/{user_id}/"),
        ("Containers", "/admin/vm_manager/container/?user={user_id}"),
        ("What they did", "/admin/internal_config/auditlog/?user={user_id}"),
        ("What they asked the assistant", "/admin/internal_config/aiusagelog/?user={user_id}"),
    ),
)
