"""What the assistant was asked, and what it cost."""

from sqlalchemy.orm import outerjoin
from sqlmodel import col

from backend.db import Tx
from backend.models import AIUsageLog, Container, User
from backend.rules.config_keys import TOKEN_INPUT_PRICE, TOKEN_OUTPUT_PRICE
from backend.rules.prices import get_request_price
from backend.services.admin.screen import Column, Facts, Screen, Show, numbered, since
from backend.services.config import value_of

_AT = col(AIUsageLog.created_at)


async def _price(tx: Tx, rows: list[Facts]) -> None:
    """At the prices of now: a row keeps what was used, not what that cost."""
    prices = {
        "input_price": await value_of(tx, TOKEN_INPUT_PRICE),
        "output_price": await value_of(tx, TOKEN_OUTPUT_PRICE),
    }
    for row in rows:
        price = get_request_price(row["prompt_tokens"], row["completion_tokens"], **prices)
        row["cost_input"], row["cost_output"] = f"{price.cost_input:.6f}", f"{price.cost_output:.6f}"
        row["total_cost"] = f"{price.total_cost:.6f}"


SCREEN = Screen(
    path="internal_config/aiusagelog",
    title="AI usage",
    one="request",
    icon="sparkles",
    help="Every question to the assistant, its answer and its price.",
    source=outerjoin(outerjoin(AIUsageLog, User), Container, col(Container.id) == AIUsageLog.container_id),
    key=col(AIUsageLog.id),
    name=col(AIUsageLog.model),
    columns=(
        Column("created_at", "When", _AT, Show.AT),
        Column("username", "User", col(User.username), sortable=False),
        Column("container", "Container", col(Container.name), sortable=False),
        Column("model", "Model", col(AIUsageLog.model), Show.CODE, sortable=False),
        Column("total_cost", "Total cost", show=Show.NUMBER),
        Column("prompt_tokens", of=col(AIUsageLog.prompt_tokens), hidden=True),
        Column("completion_tokens", of=col(AIUsageLog.completion_tokens), hidden=True),
    ),
    facts=(
        Column("cost_input", "cost_input", show=Show.NUMBER),
        Column("cost_output", "cost_output", show=Show.NUMBER),
        Column("prompt", "Prompt tokens", col(AIUsageLog.prompt_tokens), Show.NUMBER),
        Column("completion", "Completion tokens", col(AIUsageLog.completion_tokens), Show.NUMBER),
        Column("query", "Asked", col(AIUsageLog.query)),
        Column("response", "Answered", col(AIUsageLog.response)),
    ),
    finish=_price,
    search=(col(AIUsageLog.query), col(User.username), col(Container.name)),
    filters=(
        since("from", "From", _AT),
        since("to", "To", _AT, is_end=True),
        numbered("user", "User number", col(AIUsageLog.user_id)),
        numbered("container", "Container number", col(AIUsageLog.container_id)),
    ),
    ordering="-created_at",
)
