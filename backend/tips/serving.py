"""Policies that are asked in this process, or with ML_SERVING_URL in another one over HTTP: with the same signatures.

`python -m backend.tips.serving` is that other one. It keeps nothing: what was learnt comes with each question and goes
back with the answer, so that our database is its only place, and both ways give the same numbers to the last bit.
"""

import asyncio
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, cast

import httpx2
import numpy as np
from fastapi import FastAPI, HTTPException
from numpy import float64
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from backend.rules.bandit.shapes import Arm, Context, Policy
from backend.serve import serve
from backend.settings import settings
from backend.tips.policies import MAKERS, make

log = logging.getLogger(__name__)

DEADLINE_S = 0.25
_MOST_ARMS = 1000
_SUM_TOLERANCE = 1e-9
_ANSWER_BYTES = 64 * 2**20
Finite = Annotated[float, Field(allow_inf_nan=False)]
Numbers = dict[str, Finite]


@dataclass(frozen=True, slots=True)
class Answer:
    """The vector, and the name that a decision keeps with it: `<policy>+local` where the other process failed."""

    probabilities: NDArray[float64]
    policy: str


async def distribution(policy: Policy, context: Context, arms: Sequence[Arm]) -> Answer:
    """`Policy.distribution`, wherever it is computed. A process that is down, slow or lying costs the deadline.

    Raises:
        ValueError: there are no arms.
    """
    if not settings().ml_serving_url:
        return Answer(policy.distribution(context, arms), policy.name)
    try:
        said = await _asked("distribution", policy, context=asdict(context), arms=[asdict(arm) for arm in arms])
        return Answer(_vector(said, len(arms)), policy.name)
    except _Failed as fault:
        log.warning("asking this process instead of ML_SERVING_URL: %s", fault)
        return Answer(policy.distribution(context, arms), f"{policy.name}+local")


async def update(policy: Policy, context: Context, arm: Arm, *, reward: float, propensity: float) -> dict[str, object]:
    """`Policy.update`, wherever it is computed; returns the policy's state after it. `policy` itself may not change."""
    if settings().ml_serving_url:
        question = {"context": asdict(context), "arm": asdict(arm), "reward": reward, "propensity": propensity}
        try:
            said = await _asked("update", policy, **question)
            if isinstance(said.get("state"), dict):
                return dict(said["state"])
            raise _Failed("it answered without a state")
        except _Failed as fault:
            log.warning("learning in this process instead of ML_SERVING_URL: %s", fault)
    policy.update(context, arm, reward=reward, propensity=propensity)
    return policy.state()


class _Failed(Exception):
    """The other process gave no answer that can be used."""


async def _asked(what: str, policy: Policy, **question: object) -> dict[str, Any]:
    """
    Raises:
        _Failed: no answer within the deadline, or none of this policy in this version.
    """
    sent = {"policy": policy.name, "version": policy.version, "state": policy.state(), **question}
    url = f"{settings().ml_serving_url.rstrip('/')}/{what}"
    try:
        async with asyncio.timeout(DEADLINE_S), httpx2.AsyncClient(trust_env=False, timeout=None) as client:
            answer = await client.post(url, content=json.dumps(sent), headers={"Content-Type": "application/json"})
            said: object = answer.json() if answer.status_code == 200 and len(answer.content) < _ANSWER_BYTES else None
    except TimeoutError as fault:
        raise _Failed(f"no answer within {DEADLINE_S:g} s") from fault
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RecursionError) as fault:
        raise _Failed(str(fault) or type(fault).__name__) from fault
    if not isinstance(said, dict):
        raise _Failed(f"HTTP {answer.status_code}")
    return cast("dict[str, Any]", said)


def _vector(said: Mapping[str, Any], length: int) -> NDArray[float64]:
    """
    Raises:
        _Failed: these are no probabilities of so many arms.
    """
    found = said.get("probabilities")
    numbers = cast("list[Any]", found) if isinstance(found, list) else None
    if numbers is None or not all(type(each) in (int, float) for each in numbers):
        raise _Failed("it answered without probabilities")
    vector = np.array(numbers, dtype=float64)
    if len(vector) != length or not np.isfinite(vector).all() or (vector < 0).any():
        raise _Failed("what it answered are no probabilities")
    if not math.isclose(float(vector.sum()), 1, abs_tol=_SUM_TOLERANCE):
        raise _Failed("what it answered does not add up to 1")
    return vector


class _Said(BaseModel):
    """What every question says."""

    model_config = ConfigDict(extra="forbid")

    policy: str
    version: int
    state: dict[str, Any]


class ContextIn(BaseModel):
    """shapes.Context."""

    user_id: int
    values: Numbers


class ArmIn(BaseModel):
    """shapes.Arm."""

    id: str
    kind: str
    values: Numbers


class DistributionIn(_Said):
    """What Policy.distribution is given."""

    context: ContextIn
    arms: list[ArmIn] = Field(min_length=1, max_length=_MOST_ARMS)


class UpdateIn(_Said):
    """What Policy.update is given."""

    context: ContextIn
    arm: ArmIn
    reward: float = Field(ge=0, le=1)
    propensity: float = Field(gt=0, le=1)


def make_app() -> FastAPI:
    """The policies of this code, over HTTP."""
    app = FastAPI(title="Pequeroku policies", docs_url=None, redoc_url=None)
    app.get("/health")(_health)
    app.post("/distribution")(_distribution)
    app.post("/update")(_update)
    return app


async def _health() -> dict[str, object]:
    """Which policies it knows, and in which version of their formula."""
    return {"policies": {name: maker({}).version for name, maker in MAKERS.items()}}


async def _distribution(said: DistributionIn) -> dict[str, object]:
    """One probability an arm, in their order."""
    arms = [Arm(arm.id, arm.kind, arm.values) for arm in said.arms]
    policy = _policy(said)
    return {"probabilities": policy.distribution(Context(said.context.user_id, said.context.values), arms).tolist()}


async def _update(said: UpdateIn) -> dict[str, object]:
    """The state after one reward."""
    policy, arm = _policy(said), Arm(said.arm.id, said.arm.kind, said.arm.values)
    context = Context(said.context.user_id, said.context.values)
    policy.update(context, arm, reward=said.reward, propensity=said.propensity)
    return {"state": policy.state()}


def _policy(said: _Said) -> Policy:
    if said.policy not in MAKERS:
        raise HTTPException(404, "There is no such policy.")
    try:
        policy = make(said.policy, said.state)
    except (ValueError, KeyError, TypeError) as fault:
        raise HTTPException(422, f"That is no state of the policy: {fault}."[:300]) from fault
    if policy.version != said.version:
        raise HTTPException(409, f"The policy is of version {policy.version} here.")
    return policy


if __name__ == "__main__":
    raise SystemExit(asyncio.run(serve(f"{__name__}:make_app", settings().host, settings().ml_serving_port)))
