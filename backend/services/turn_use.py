"""What turns of the assistant use, and what a person may still use today. No use cases."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Protocol

from sqlmodel import func, select

from backend.db import Tx
from backend.errors import AskedEnough
from backend.models import AITurn, AIUsageLog
from backend.models.base import now
from backend.rules.config_keys import AI_BUDGET_PER_DAY, TOKEN_INPUT_PRICE, TOKEN_OUTPUT_PRICE
from backend.rules.prices import get_request_price
from backend.services.config import value_of
from backend.services.quotas import locked_quota


class Begun(Protocol):
    """As much of a turn as is needed here."""

    @property
    def id(self) -> int: ...
    @property
    def usage_id(self) -> int: ...
    @property
    def user_id(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Left:
    """What a person may still ask today. `budget` is None where there is no bound."""

    uses: int
    budget: float | None


async def left_today(tx: Tx, user_id: int) -> Left:
    """What a person may still ask today, which ends at midnight UTC."""
    quota = await locked_quota(tx, user_id)
    since = datetime.combine(now().date(), time.min, UTC)
    sums = select(
        func.count(),
        func.coalesce(func.sum(AIUsageLog.prompt_tokens), 0),
        func.coalesce(func.sum(AIUsageLog.completion_tokens), 0),
    ).where(AIUsageLog.user_id == user_id, AIUsageLog.created_at >= since)
    count, sent, got = (await tx.exec(sums)).one()
    uses = quota.ai_use_per_day - count if quota.active else 0
    return Left(max(0, uses), await _budget_left(tx, int(sent), int(got)))


async def check_budget(tx: Tx, user_id: int) -> None:
    """Let a person's assistant ask the model once more: what several turns use at once is one person's.

    Raises:
        AskedEnough: what they may spend today is spent.
    """
    if await value_of(tx, AI_BUDGET_PER_DAY):
        refuse_if_spent(await left_today(tx, user_id))


def refuse_if_spent(left: Left) -> None:
    """Raises AskedEnough: nothing is left of the day's budget."""
    if left.budget is not None and left.budget <= 0:
        raise AskedEnough("What you may spend on the assistant today is spent. Ask again tomorrow.")


async def _budget_left(tx: Tx, prompt_tokens: int, completion_tokens: int) -> float | None:
    budget = await value_of(tx, AI_BUDGET_PER_DAY)
    return max(0.0, budget - await cost_of(tx, prompt_tokens, completion_tokens)) if budget else None


async def cost_of(tx: Tx, prompt_tokens: int, completion_tokens: int) -> float:
    """What so many tokens cost, by the prices in Config."""
    prices = await value_of(tx, TOKEN_INPUT_PRICE), await value_of(tx, TOKEN_OUTPUT_PRICE)
    price = get_request_price(prompt_tokens, completion_tokens, input_price=prices[0], output_price=prices[1])
    return price.total_cost


async def note_use(tx: Tx, begun: Begun, *, model: str, prompt_tokens: int, completion_tokens: int) -> None:
    """Add what one answer of the model used."""
    turn = await tx.get(AITurn, begun.id, with_for_update=True, populate_existing=True)
    if turn is not None:
        turn.steps += 1
        turn.prompt_tokens += prompt_tokens
        turn.completion_tokens += completion_tokens
    usage = await tx.get(AIUsageLog, begun.usage_id, with_for_update=True, populate_existing=True)
    if usage is not None:
        usage.model = model
        usage.prompt_tokens += prompt_tokens
        usage.completion_tokens += completion_tokens
        usage.total_tokens = usage.prompt_tokens + usage.completion_tokens


async def conclude(tx: Tx, begun: Begun, response: str, latency_ms: int) -> None:
    """Complete the row of its usage, which outlives the conversation."""
    usage = await tx.get(AIUsageLog, begun.usage_id, with_for_update=True, populate_existing=True)
    if usage is not None:
        usage.response, usage.latency_ms = response, usage.latency_ms + latency_ms


async def used_by(tx: Tx, begun: Begun) -> dict[str, Any] | None:
    """What a turn used, and what is left, as the timeline tells it."""
    usage = await tx.get(AIUsageLog, begun.usage_id)
    if usage is None:
        return None
    left = await left_today(tx, begun.user_id)
    return {
        "model": usage.model,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cost": await cost_of(tx, usage.prompt_tokens, usage.completion_tokens),
        "ai_uses_left_today": left.uses,
        "budget_left": left.budget,
    }
