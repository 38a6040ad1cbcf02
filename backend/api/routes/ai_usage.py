"""What was asked of the assistant, and what that used: one's own, and of one's containers."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.containers import Shown
from backend.db import reading
from backend.rules.policy import Action
from backend.services import ai_usage
from backend.services.ai_usage import QuestionView, UsageSums

router = routes("/api", "assistant")


class QuestionOut(Shown):
    """One question. `query` and `response` are empty where somebody else asked."""

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


class UsageSumOut(Shown):
    """What so many questions used together."""

    name: str = Field(description="A day's date, a user or a model")
    questions: int
    prompt_tokens: int
    completion_tokens: int
    cost: float = Field(description="At the prices of now, in their currency")


class UsageSumsOut(Shown):
    """The same questions added up in four ways."""

    total: UsageSumOut
    days: list[UsageSumOut] = Field(description="Each of them, the newest last; days are UTC's")
    users: list[UsageSumOut] = Field(description="The ten that cost most")
    models: list[UsageSumOut] = Field(description="The ten that cost most")


@router.get("/ai_usage/", response_model=UsageSumsOut, **does(Action.AI_USAGE_ALL))
async def get_usage_sums(actor: Caller, days: Annotated[int, Query(ge=1, le=366)] = 30) -> UsageSums:
    """What everybody asked in the last so many days, and what it cost. For administrators."""
    async with reading() as tx:
        return await ai_usage.usage_sums(tx, actor, days=days)


@router.get("/user/me/ai_usage/", response_model=Page[QuestionOut], **does(Action.AI_USAGE_USER))
async def list_my_questions(actor: Caller, paging: Paged) -> dict[str, Any]:
    """What you asked, newest first."""
    async with reading() as tx:
        found = await ai_usage.get_user_ai_logs(
            tx, actor, actor.person_id, before_id=paging.after, limit=paging.limit + 1
        )
    return _page(found, paging)


@router.get("/containers/{container_id}/ai_usage/", response_model=Page[QuestionOut], **does(Action.AI_USAGE_CONTAINER))
async def list_questions_about_container(actor: Caller, container_id: int, paging: Paged) -> dict[str, Any]:
    """What was asked about a container of yours, newest first."""
    async with reading() as tx:
        found = await ai_usage.get_machine_ai_logs(
            tx, actor, container_id, before_id=paging.after, limit=paging.limit + 1
        )
    return _page(found, paging)


def _page(found: list[QuestionView], paging: Paged) -> dict[str, Any]:
    page = found[: paging.limit]
    return paging.page(page, page[-1].id if len(found) > len(page) else None)
