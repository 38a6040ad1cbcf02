"""One tip at a time: asked for, seen, answered, acted on."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Header
from pydantic import BaseModel, Field

from backend.api.deps import Caller
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.rules.telling import Channel
from backend.tips import reactions
from backend.tips import recommend as tips
from backend.tips.actions import acting
from backend.tips.actions.acting import DoneView
from backend.tips.reactions import ReactionView
from backend.tips.views import TipView

router = routes("/api", "tips")

_Key = Annotated[str, Header(alias="Idempotency-Key", include_in_schema=False)]


class MomentIn(BaseModel):
    """Where the person is; nothing of it has to be said."""

    device: Literal["", "narrow", "wide"] = ""
    time_zone: Annotated[str, Field(max_length=64, description="An IANA name")] = ""
    channel: Annotated[
        Literal["page", "dashboard"] | None, Field(description="Where it is shown at once, so that no push tells of it")
    ] = None


class TipActionOut(BaseModel):
    """What can be pressed."""

    label: str
    token: str = Field(description="Good once")
    expires_at: datetime
    opens: str = Field(description="The page it leads to; empty where it changes something")


class WhyOut(BaseModel):
    """Why this tip."""

    signal: str
    probability: float
    among: int
    policy: str
    phrased_by: str


class TipOut(BaseModel):
    """One tip."""

    decision_id: int
    kind: str
    sentence: str
    at: datetime
    ends_at: datetime
    is_seen: bool
    action: TipActionOut | None
    why: WhyOut


class RecommendOut(BaseModel):
    """The tip of this moment; null: there is nothing worth saying."""

    tip: TipOut | None

    @classmethod
    def of(cls, view: TipView | None) -> "RecommendOut":
        """As a program reads it."""
        said: Any = {"tip": asdict(view) if view is not None else None}
        return cls.model_validate(said)


class SeenOut(BaseModel):
    """The tip counts from now on, until then."""

    ends_at: datetime


class SeenIn(BaseModel):
    """Where the tip was visible."""

    channel: Literal["page", "dashboard"] = "page"


class ReactionIn(BaseModel):
    """An answer to a tip."""

    kind: Literal["done", "later", "not_for_me"]


class ReactionOut(BaseModel):
    """An answer that was taken."""

    decision_id: int
    kind: str
    at: datetime
    late: bool = Field(description="After the window: kept, and not learnt from")


class TokenIn(BaseModel):
    """The action's token, as the tip told it."""

    token: Annotated[str, Field(min_length=1, max_length=100)]


class DoneOut(BaseModel):
    """What came of a press."""

    decision_id: int
    message: str
    opens: str
    undo_until: datetime | None


@router.post("/recommend", **does(Action.TIP_ASK))
async def recommend(actor: Caller, said: MomentIn | None = None, key: _Key = "") -> RecommendOut:
    """The one tip for you now. Asking again gives the same one, until it is answered or its time is over."""
    where = said or MomentIn()
    channel = Channel(where.channel) if where.channel else None
    async with transaction() as tx:
        view = await tips.recommend(
            tx, actor, device=where.device, time_zone=where.time_zone, channel=channel, idempotency_key=key
        )
    return RecommendOut.of(view)


@router.get("/tips/current/", **does(Action.TIP_LOOK))
async def current_tip(actor: Caller) -> RecommendOut:
    """The tip that stands; nothing is chosen."""
    async with reading() as tx:
        return RecommendOut.of(await tips.current(tx, actor))


@router.post("/tips/{decision_id}/activation", **does(Action.TIP_SEEN))
async def activate(actor: Caller, decision_id: int, said: SeenIn | None = None) -> SeenOut:
    """Note that the tip was visible for a second."""
    channel = Channel((said or SeenIn()).channel)
    async with transaction() as tx:
        return SeenOut(ends_at=await reactions.activate(tx, actor, decision_id, channel=channel))


@router.post("/tips/{decision_id}/reactions", response_model=ReactionOut, **does(Action.TIP_REACT))
async def react(actor: Caller, decision_id: int, said: ReactionIn) -> ReactionView:
    """Answer: done, later, or not for me. The same answer again is the same as once."""
    async with transaction() as tx:
        return await reactions.react(tx, actor, decision_id, said.kind)


@router.post("/tips/{decision_id}/actions", response_model=DoneOut, **does(Action.TIP_ACT))
async def act(actor: Caller, decision_id: int, said: TokenIn) -> DoneView:
    """Do what the tip offers, once."""
    async with transaction() as tx:
        return await acting.act(tx, actor, decision_id, said.token)


@router.post("/tips/{decision_id}/actions/undo", response_model=DoneOut, **does(Action.TIP_UNDO))
async def undo(actor: Caller, decision_id: int) -> DoneView:
    """Take back what the tip's action did, within ten minutes."""
    async with transaction() as tx:
        return await acting.undo(tx, actor, decision_id)
