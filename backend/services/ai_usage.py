"""What the assistant was asked and answered: a person's own questions, and those about a container."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, cast, extract
from sqlmodel import col, func, select

from backend.db import Tx
from backend.errors import NotFound
from backend.models import AIUsageLog, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules.policy import Action, Actor
from backend.services.targets import visible
from backend.services.turn_use import cost_of

PAGE = 50
_MOST = 500
_DAY_S = 86400
_MOST_DAYS = 366
_MOST_SUMS = 10


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


@dataclass(frozen=True, slots=True)
class UsageSum:
    """What so many questions used together: those of a day (its ISO date), of a user or of a model. The cost is at
    the prices of now, in their currency.
    """

    name: str
    questions: int
    prompt_tokens: int
    completion_tokens: int
    cost: float


@dataclass(frozen=True, slots=True)
class UsageSums:
    """The same questions, added up by day (each of them, the newest last), and by user and model (those that used
    most).
    """

    total: UsageSum
    days: tuple[UsageSum, ...]
    users: tuple[UsageSum, ...]
    models: tuple[UsageSum, ...]


@operation(Action.AI_USAGE_ALL)
async def usage_sums(tx: Tx, actor: Actor, *, days: int = 30) -> UsageSums:
    """What everybody asked in the last so many days, today among them; days are UTC's.

    Raises:
        Forbidden: the actor is no administrator.
    """
    require(actor, Action.AI_USAGE_ALL)
    today = datetime.combine(now().date(), time.min, UTC)
    starts = [today - timedelta(days=each) for each in reversed(range(max(1, min(days, _MOST_DAYS))))]
    second = cast(extract("epoch", col(AIUsageLog.created_at)), Integer)
    by_day = {each.name: each for each in await _sums(tx, second - second % _DAY_S, starts[0])}
    nothing = UsageSum("", 0, 0, 0, 0.0)
    shown = [(f"{at:%Y-%m-%d}", by_day.get(str(int(at.timestamp())), nothing)) for at in starts]
    return UsageSums(
        total=(await _sums(tx, cast(0, Integer), starts[0]) or [nothing])[0],
        days=tuple(_named(name, each) for name, each in shown),
        users=tuple((await _sums(tx, col(User.username), starts[0]))[:_MOST_SUMS]),
        models=tuple((await _sums(tx, col(AIUsageLog.model), starts[0]))[:_MOST_SUMS]),
    )


def _named(name: str, each: UsageSum) -> UsageSum:
    return UsageSum(name, each.questions, each.prompt_tokens, each.completion_tokens, each.cost)


async def _sums(tx: Tx, by: Any, since: datetime) -> list[UsageSum]:
    """By an expression of the row or its user, those that cost most first."""
    sent, got = func.sum(AIUsageLog.prompt_tokens), func.sum(AIUsageLog.completion_tokens)
    query = select(by, func.count(), sent, got).select_from(AIUsageLog).outerjoin(User)
    rows = (await tx.exec(query.where(col(AIUsageLog.created_at) >= since).group_by(by))).all()
    found = list[UsageSum]()
    for name, count, prompt, answer in rows:
        cost = await cost_of(tx, int(prompt), int(answer))
        found.append(UsageSum("" if name is None else str(name), count, int(prompt), int(answer), cost))
    return sorted(found, key=lambda each: (-each.cost, -each.questions, each.name))


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
