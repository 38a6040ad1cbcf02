"""A person's use of the platform, from the tables it has anyway."""

from datetime import UTC, datetime, time

from sqlmodel import col, func, or_, select

from backend.db import Tx, reading
from backend.models import (
    AIUsageLog,
    AuditLog,
    CommandFailure,
    Container,
    ContainerType,
    DesiredState,
    FileTemplate,
    Node,
    ResourceQuota,
    Status,
    User,
)
from backend.rules.policy import Action
from backend.rules.signals.platform import Box, Facts, Failure, derive
from backend.rules.signals.readings import Reading
from backend.rules.upkeep import idle_since
from backend.services.command_failures import KEPT
from backend.services.quotas import credits_left
from backend.tips.signals.base import Signal

_MOST_FAILURES = 500


class PlatformSignal(Signal[Facts]):
    """Idle machines, failing commands, limits that are near."""

    def __init__(self) -> None:
        super().__init__("platform")

    async def fetch(self, user_id: int, at: datetime) -> Facts:
        async with reading(snapshot=True) as tx:
            user = await tx.get(User, user_id)
            return Facts(
                boxes=await _boxes(tx, user_id),
                failures=await _failures(tx, user_id, at),
                credits_left=await credits_left(tx, user_id),
                ai_uses_left=await _ai_uses_left(tx, user_id, at),
                untried=await _untried(tx, user_id),
                down_nodes=await _down_nodes(tx) if user is not None and user.is_superuser else None,
            )

    def derive(self, raw: Facts, at: datetime) -> list[Reading]:
        return derive(raw, at)


async def _boxes(tx: Tx, user_id: int) -> list[Box]:
    """Of a node that does not answer nobody can say whether a machine is used: none of those counts as running."""
    query = (
        select(Container, col(ContainerType.credits_cost), col(Node.healthy))
        .join(ContainerType, isouter=True)
        .join(Node, col(Node.id) == Container.node_id)
        .where(Container.user_id == user_id, col(Container.delete_requested_at).is_(None))
    )
    return [
        Box(
            id=row.id,
            name=row.name,
            credits=cost or 0,
            unused_since=idle_since(row.last_active_at, row.booted_at, row.created_at),
            expires_at=row.expires_at,
            is_running=healthy and row.desired_state is DesiredState.RUNNING and row.status is Status.RUNNING,
        )
        for row, cost, healthy in (await tx.exec(query)).all()
    ]


async def _failures(tx: Tx, user_id: int, at: datetime) -> list[Failure]:
    query = (
        select(CommandFailure, Container.name)
        .join(Container, col(Container.id) == CommandFailure.container_id)
        .where(CommandFailure.user_id == user_id, col(CommandFailure.at) > at - KEPT)
        .order_by(col(CommandFailure.id).desc())
        .limit(_MOST_FAILURES)
    )
    return [Failure(row.container_id, name, row.digest, row.at) for row, name in (await tx.exec(query)).all()]


async def _ai_uses_left(tx: Tx, user_id: int, at: datetime) -> int:
    """As services/turn_use.py counts, without its lock: this only looks."""
    quota = (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == user_id))).first()
    since = datetime.combine(at.astimezone(UTC).date(), time.min, UTC)
    asked = select(func.count()).where(AIUsageLog.user_id == user_id, col(AIUsageLog.created_at) >= since)
    return max(0, quota.ai_use_per_day - (await tx.exec(asked)).one()) if quota and quota.active else 0


async def _untried(tx: Tx, user_id: int) -> tuple[str, str] | None:
    """The first of the templates they may use that the log knows no application of by them, within what it keeps."""
    mine = (AuditLog.user_id == user_id, AuditLog.action == Action.TEMPLATE_APPLIED, col(AuditLog.success))
    tried = {row.details.get("template_id") for row in (await tx.exec(select(AuditLog).where(*mine))).all()}
    shown = or_(col(FileTemplate.public), col(FileTemplate.owner_id) == user_id)
    query = select(FileTemplate.id, FileTemplate.slug, FileTemplate.name).where(shown).order_by(col(FileTemplate.id))
    return next(((slug, name) for each, slug, name in (await tx.exec(query)).all() if each not in tried), None)


async def _down_nodes(tx: Tx) -> list[tuple[int, str, datetime | None]]:
    """A node that was added a moment ago is not down: nobody has looked at it yet."""
    query = select(Node).where(col(Node.healthy).is_(False), col(Node.heartbeat_at).is_not(None))
    return [(row.id, row.name, row.heartbeat_at) for row in (await tx.exec(query)).all()]
