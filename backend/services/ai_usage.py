"""What the assistant was asked and answered: a person's own questions, and those about a container."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from backend.db import Tx
from backend.errors import NotFound
from backend.models import AIUsageLog, User
from backend.operation import note, operation, require
from backend.rules.policy import Action, Actor
from backend.services.targets import visible

PAGE = 50
_MOST = 500


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One question. `query` and `response` are empty where somebody else asked: what people say is theirs."""

    id: int
    at: datetime
    user_id: int | None
    container_id: int | None
    query: str
    response: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    latency_ms: int


@operation(Action.AI_USAGE_USER)
async def get_user_ai_logs(
    tx: Tx, actor: Actor, user_id: int, *, before_id: int | None = None, limit: int = PAGE
) -> list[QuestionView]:
    """A user's questions, newest first, of those before the row `before_id`.

    Raises:
        NotFound: no such user, or it is not the actor.
    """
    note("user", user_id)
    user = await tx.get(User, user_id)
    require(actor, Action.AI_USAGE_USER, owner_id=user.id if user else None, what="That user")
    if user is None:
        raise NotFound("That user")
    return await _newest(tx, actor, col(AIUsageLog.user_id) == user_id, before_id, limit)


@operation(Action.AI_USAGE_CONTAINER)
async def get_machine_ai_logs(
    tx: Tx, actor: Actor, container_id: int, *, before_id: int | None = None, limit: int = PAGE
) -> list[QuestionView]:
    """The questions about a container, newest first, of those before the row `before_id`.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Forbidden: it is shared with the actor.
    """
    await visible(Action.AI_USAGE_CONTAINER, tx, actor, container_id)
    return await _newest(tx, actor, col(AIUsageLog.container_id) == container_id, before_id, limit)


async def _newest(
    tx: Tx, actor: Actor, of_whom: ColumnElement[bool], before_id: int | None, limit: int
) -> list[QuestionView]:
    query = select(AIUsageLog).where(of_whom).order_by(col(AIUsageLog.id).desc()).limit(max(1, min(limit, _MOST)))
    if before_id is not None:
        query = query.where(col(AIUsageLog.id) < before_id)
    return [_view(row, actor) for row in (await tx.exec(query)).all()]


def _view(row: AIUsageLog, actor: Actor) -> QuestionView:
    is_theirs = actor.is_superuser or row.user_id == actor.user_id
    return QuestionView(
        id=row.id,
        at=row.created_at,
        user_id=row.user_id,
        container_id=row.container_id,
        query=row.query if is_theirs else "",
        response=row.response if is_theirs else "",
        model=row.model,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        total_tokens=row.total_tokens,
        latency_ms=row.latency_ms,
    )
