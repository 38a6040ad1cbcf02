"""Policies that are asked in this process, or with ML_SERVING_URL in another one over HTTP: with the same signatures.

`python -m backend.tips.serving` is that other one. It owns nothing: what was learnt comes with a question and goes back
with the answer, so that our database is its only place, and both ways give the same numbers to the last bit. It
remembers the states that it was sent last, by their digests, since one may be a megabyte.
"""

import asyncio
import hashlib
import json
import logging
import math
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
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
"""A person waits for a choice."""
LEARNING_DEADLINE_S = 10.0
"""Nobody waits for what is learnt, and it is many lessons at a time."""
_MOST_ARMS = 1000
_SUM_TOLERANCE = 1e-9
_MOST_LESSONS = 1000
_ANSWER_BYTES = 64 * 2**20
_REMEMBERED = 16
_UNKNOWN_STATE = 428
Finite = Annotated[float, Field(allow_inf_nan=False)]
Numbers = dict[str, Finite]


@dataclass(frozen=True, slots=True)
class Answer:
    """The vector, and the name that a decision keeps with it: `<policy>+local` where the other process failed."""

    probabilities: NDArray[float64]
    policy: str


@dataclass(frozen=True, slots=True)
class Lesson:
    """What `Policy.update` is told once."""

    context: Context
    arm: Arm
    reward: float
    propensity: float


def digest(state: Mapping[str, object]) -> str:
    """The name of a state: nothing where policies are asked in this process, which needs none."""
    if not settings().ml_serving_url:
        return ""
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


async def distribution(policy: Policy, context: Context, arms: Sequence[Arm], *, state_id: str = "") -> Answer:
    """`Policy.distribution`, wherever it is computed. A process that is down, slow or lying costs the deadline.

    Args:
        state_id: `digest` of the policy's state; without it the state is sent each time.

    Raises:
        ValueError: there are no arms.
    """
    if not settings().ml_serving_url:
        return Answer(policy.distribution(context, arms), policy.name)
    try:
        question: dict[str, object] = {"context": asdict(context), "arms": [asdict(arm) for arm in arms]}
        async with _deadline(DEADLINE_S):
            said = await _asked_by_id(policy, state_id, question)
        return Answer(_vector(said, len(arms)), policy.name)
    except _Failed as fault:
        log.warning("asking this process instead of ML_SERVING_URL: %s", fault)
        return Answer(policy.distribution(context, arms), f"{policy.name}+local")


async def update(policy: Policy, lessons: Sequence[Lesson]) -> dict[str, object]:
    """`Policy.update`, wherever it is computed; returns the policy's state after it. `policy` itself may not change."""
    if settings().ml_serving_url:
        try:
            async with _deadline(LEARNING_DEADLINE_S):
                said = await _asked("update", policy, state=policy.state(), lessons=[asdict(each) for each in lessons])
            return _state(said, policy)
        except _Failed as fault:
            log.warning("learning in this process instead of ML_SERVING_URL: %s", fault)
    for each in lessons:
        policy.update(each.context, each.arm, reward=each.reward, propensity=each.propensity)
    return policy.state()


class _Failed(Exception):
    """The other process gave no answer that can be used."""


class _Unknown(_Failed):
    """The other process does not remember the state that was named."""


@asynccontextmanager
async def _deadline(seconds: float) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as fault:
        raise _Failed(f"no answer within {seconds:g} s") from fault


async def _asked_by_id(policy: Policy, state_id: str, question: dict[str, object]) -> dict[str, Any]:
    """The question with the state's name alone, and with the state where that is not known there."""
    if state_id:
        try:
            return await _asked("distribution", policy, state_id=state_id, **question)
        except _Unknown:
            pass
    return await _asked("distribution", policy, state=policy.state(), state_id=state_id, **question)


async def _asked(what: str, policy: Policy, **question: object) -> dict[str, Any]:
    """
    Raises:
        _Failed: no answer, or none of this policy in this version.
    """
    sent = {"policy": policy.name, "version": policy.version, **question}
    url = f"{settings().ml_serving_url.rstrip('/')}/{what}"
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=None) as client:
            answer = await client.post(url, content=json.dumps(sent), headers={"Content-Type": "application/json"})
            said: object = answer.json() if answer.status_code == 200 and len(answer.content) < _ANSWER_BYTES else None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RecursionError) as fault:
        raise _Failed(str(fault) or type(fault).__name__) from fault
    if answer.status_code == _UNKNOWN_STATE:
        raise _Unknown("it does not remember that state")
    if not isinstance(said, dict):
        raise _Failed(f"HTTP {answer.status_code}")
    return cast("dict[str, Any]", said)


def _state(said: Mapping[str, Any], policy: Policy) -> dict[str, object]:
    """
    Raises:
        _Failed: that is no state of the policy: nothing is written that could not be read again.
    """
    found: object = said.get("state")
    if not isinstance(found, dict):
        raise _Failed("it answered without a state")
    state = cast("dict[str, object]", found)
    try:
        make(policy.name, state)
    except (ValueError, KeyError, TypeError) as fault:
        raise _Failed(f"what it answered is no state: {fault}") from fault
    return state


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
    state: dict[str, Any] | None = None


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
    """What Policy.distribution is given; `state_id` is the SHA-256 of the state's JSON, with sorted keys."""

    state_id: str = Field(default="", max_length=64)
    context: ContextIn
    arms: list[ArmIn] = Field(min_length=1, max_length=_MOST_ARMS)


class LessonIn(BaseModel):
    """Lesson."""

    context: ContextIn
    arm: ArmIn
    reward: float = Field(ge=0, le=1)
    propensity: float = Field(gt=0, le=1)


class UpdateIn(_Said):
    """What Policy.update is given, in order."""

    lessons: list[LessonIn] = Field(min_length=1, max_length=_MOST_LESSONS)


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
    """One probability an arm, in their order. 428: the state was named alone, and is not known here."""
    arms = [Arm(arm.id, arm.kind, arm.values) for arm in said.arms]
    context = Context(said.context.user_id, said.context.values)
    return {"probabilities": _remembered(said).distribution(context, arms).tolist()}


async def _update(said: UpdateIn) -> dict[str, object]:
    """The state after these rewards."""
    policy = _policy(said)
    for each in said.lessons:
        context = Context(each.context.user_id, each.context.values)
        arm = Arm(each.arm.id, each.arm.kind, each.arm.values)
        policy.update(context, arm, reward=each.reward, propensity=each.propensity)
    return {"state": policy.state()}


_policies: OrderedDict[tuple[str, int, str], Policy] = OrderedDict()
"""Those of the states that were sent last. Asking one changes nothing in it."""


def _remembered(said: DistributionIn) -> Policy:
    key = said.policy, said.version, said.state_id
    if said.state is None:
        if key not in _policies:
            raise HTTPException(_UNKNOWN_STATE, "That state is not known here: send it.")
        _policies.move_to_end(key)
        return _policies[key]
    policy = _policy(said)
    if said.state_id:
        if hashlib.sha256(json.dumps(said.state, sort_keys=True).encode()).hexdigest() != said.state_id:
            raise HTTPException(422, "That is the digest of another state.")
        _policies[key] = policy
        if len(_policies) > _REMEMBERED:
            _policies.popitem(last=False)
    return policy


def _policy(said: _Said) -> Policy:
    if said.policy not in MAKERS:
        raise HTTPException(404, "There is no such policy.")
    try:
        policy = make(said.policy, said.state or {})
    except (ValueError, KeyError, TypeError) as fault:
        raise HTTPException(422, f"That is no state of the policy: {fault}."[:300]) from fault
    if policy.version != said.version:
        raise HTTPException(409, f"The policy is of version {policy.version} here.")
    return policy


if __name__ == "__main__":
    raise SystemExit(asyncio.run(serve(f"{__name__}:make_app", settings().host, settings().ml_serving_port)))
