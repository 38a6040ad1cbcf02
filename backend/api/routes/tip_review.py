"""What tips were worth, and what could be said, for administrators."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from backend.api.deps import Caller, Page, Paged
from backend.api.routes.tip_policies import EstimateOut
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.db import reading
from backend.rules.bandit.estimators import NotEnough
from backend.rules.bandit.worth import Other, Worth
from backend.rules.policy import Action
from backend.tips.review import candidates
from backend.tips.review import worth as worths

router = routes("/api/tips", "tips")


class WorthOut(BaseModel):
    """What some decisions were worth."""

    decisions: int
    settled: int = Field(description="Those whose reward is known")
    mean: float | None = Field(description="Reward a tip, from 0 to 1; null without a settled decision")
    low: float | None = Field(description="Where its interval of 95 % begins; null with too few for one")
    high: float | None


class DayOut(BaseModel):
    """One day of UTC."""

    day: date
    worth: WorthOut
    regret: float | None = Field(description="Against the best, up to the end of that day, in rewards; null: unknown")


class DeciderOut(BaseModel):
    """Who decided, at which stage."""

    policy: str
    stage: str
    worth: WorthOut


class OtherOut(BaseModel):
    """What a policy would have earned more a tip than what was shown, had it decided alone."""

    policy: str
    more: EstimateOut | None
    not_enough: str = Field(description="Why there is no estimate; empty: there is one")


class ReviewOut(BaseModel):
    """Decisions, summed up."""

    days: list[DayOut]
    deciders: list[DeciderOut]
    others: list[OtherOut]
    best: str = Field(description="Whom the regret is against; empty: not enough is known of anyone")
    is_cut: bool = Field(description="Only the newest decisions were read")


class CandidateOut(BaseModel):
    """One thing that could be said to somebody. Names that people gave to their own things are left out."""

    id: int
    made_at: datetime
    expires_at: datetime
    kind: str
    sentence: str
    phrased_by: str = Field(description="template, or the alias of the model whose words these are")
    slots: dict[str, str | int]
    feature: str = Field(description="What it stands on")
    value: float | None
    feature_at: datetime | None
    last_said: str = Field(
        description="At the last decision for its person: shown, free, or why it could not be chosen"
    )


class PhraseOut(BaseModel):
    """A model's words, with the places left open."""

    text: str
    alias: str
    model: str


class PhrasesOut(BaseModel):
    """The words there are for a kind."""

    kind: str
    templates: int
    phrases: list[PhraseOut]
    in_use: dict[str, int] = Field(description="Candidates by who phrased them")


@router.get("/review/", response_model=ReviewOut, **does(Action.TIP_REVIEW))
async def review_tips(actor: Caller, days: Annotated[int, Query(ge=1, le=worths.MOST_DAYS)] = 30) -> ReviewOut:
    """What tips were worth day by day, and what other policies would have earned. For administrators."""
    async with reading() as tx:
        found = await worths.review(tx, actor, days=days)
    said, lost = found.history, dict(found.history.lost)
    return ReviewOut(
        days=[DayOut(day=day, worth=_worth(each), regret=lost.get(day)) for day, each in said.days],
        deciders=[DeciderOut(policy=name, stage=stage, worth=_worth(each)) for name, stage, each in said.deciders],
        others=[_other(each) for each in said.others],
        best=said.best.name if said.best is not None else "",
        is_cut=found.is_cut,
    )


@router.get("/candidates/", response_model=Page[CandidateOut], **does(Action.TIP_CANDIDATE_LIST))
async def list_candidates(
    actor: Caller,
    paging: Paged,
    kind: Annotated[str, Query(max_length=40, description="Such as idle_vm; empty: all")] = "",
) -> dict[str, Any]:
    """What could be said, newest first, and on what it stands; it says of whom nowhere. For administrators."""
    async with reading() as tx:
        found = await candidates.list_candidates(tx, actor, kind=kind, before_id=paging.after, limit=paging.limit + 1)
    more = found[paging.limit - 1].id if len(found) > paging.limit else None
    return paging.page(found[: paging.limit], more)


@router.get("/phrases/", response_model=Page[PhrasesOut], **does(Action.TIP_PHRASE_LIST))
async def list_phrases(actor: Caller, paging: Paged) -> dict[str, Any]:
    """The words of each kind of tip, and who said them. For administrators."""
    async with reading() as tx:
        return paging.cut(await candidates.list_phrases(tx, actor))


def _worth(each: Worth) -> WorthOut:
    return WorthOut.model_validate(each, from_attributes=True)


def _other(each: Other) -> OtherOut:
    if isinstance(each.more, NotEnough):
        return OtherOut(policy=each.name, more=None, not_enough=each.more.sentence)
    return OtherOut(policy=each.name, more=EstimateOut.model_validate(each.more, from_attributes=True), not_enough="")
