"""The tips' policies, for administrators."""

from datetime import datetime
from typing import Annotated

from fastapi import Response
from pydantic import BaseModel, Field

from backend.api.deps import Caller
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.tips import promotion

router = routes("/api/tips/policies", "tips")


class PolicyOut(BaseModel):
    """A policy in one version."""

    id: int
    name: str
    version: int
    stage: str
    since: datetime
    updates: int = Field(description="Rewards that it has learnt from")
    moves: list[str] = Field(description="The stages a person may move it to")


class EstimateOut(BaseModel):
    """A mean reward a tip, or how far one is above another, with its interval."""

    value: float
    low: float
    high: float
    rounds: int = Field(description="Decisions that it is from")
    ess: float = Field(description="How many of its own decisions would tell as much")


class ReportOut(BaseModel):
    """What the gate said."""

    at: datetime
    challenger: str
    incumbent: str
    outcome: str
    reasons: list[str]
    figures: dict[str, EstimateOut] = Field(description="offline, online and together: where there is enough evidence")


class PoliciesOut(BaseModel):
    """Every policy, and the gate's latest reports."""

    policies: list[PolicyOut]
    reports: list[ReportOut]


class MoveIn(BaseModel):
    """Where to."""

    stage: Annotated[str, Field(max_length=16)]


@router.get("/", response_model=PoliciesOut, **does(Action.TIP_POLICY_LIST))
async def list_policies(actor: Caller) -> PoliciesOut:
    """Who chooses tips, who looks on, and what the gate said of them. For administrators."""
    async with reading() as tx:
        listed, reports = await promotion.list_policies(tx, actor)
    return PoliciesOut.model_validate({"policies": listed, "reports": reports}, from_attributes=True)


@router.post("/{policy_id}/move/", status_code=204, **does(Action.TIP_POLICY_MOVE))
async def move_policy(actor: Caller, policy_id: int, said: MoveIn) -> Response:
    """Move a policy to another stage. None is made active so: the gate does that. For administrators."""
    async with transaction() as tx:
        await promotion.move(tx, actor, policy_id, said.stage)
    return Response(status_code=204)
