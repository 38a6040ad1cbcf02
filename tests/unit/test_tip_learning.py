"""Rewards become what a policy knows: each once, whoever does it, and after every restart."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlmodel import select, update

from backend.db import reading, transaction
from backend.events.bus import bus
from backend.models import TipDecision, TipPolicy, TipReward
from backend.models.base import now
from backend.rules.bandit.shapes import Arm, Context
from backend.rules.policy import Actor
from backend.tasks import tips
from backend.tips import learning, policies, reactions, stages
from tests.factories import an_actor
from tests.stores import eventually
from tests.tips import Knowledge, a_tip, an_idle_machine, knowledge

__all__ = ["knowledge"]

_ROOT = Path(__file__).resolve().parents[2]


class Counting:
    """Prefers the first arm, and counts what it learns."""

    name = "counting"
    version = 1

    def __init__(self, state: Any) -> None:
        self.kept: dict[str, object] = dict(state)

    def distribution(self, context: Context, arms: Sequence[Arm]) -> np.ndarray:
        rest = 0.1 / len(arms)
        return np.array([0.9 + rest, *[rest] * (len(arms) - 1)])

    def update(self, context: Context, arm: Arm, *, reward: float, propensity: float) -> None:
        self.kept = {"count": int(self.kept.get("count", 0)) + 1, "sum": float(self.kept.get("sum", 0)) + reward}

    def state(self) -> dict[str, object]:
        return self.kept


class Newer(Counting):
    version = 2


@pytest.fixture(autouse=True)
def _counting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "MAKERS", {**policies.MAKERS, "counting": Counting})


async def _put(name: str, stage: str) -> int:
    async with transaction() as tx:
        return (await stages.put(tx, name, stage)).id


async def _state(policy_id: int) -> dict[str, Any]:
    async with reading() as tx:
        return (await tx.get_one(TipPolicy, policy_id)).state


async def _react(actor: Actor, decision_id: int, kind: str) -> None:
    async with transaction() as tx:
        await reactions.react(tx, actor, decision_id, kind)


async def _rewards(many: int, *, value: float = 0.5) -> None:
    """Decisions that were answered."""
    async with transaction() as tx:
        actor = await an_actor(tx)
        for _ in range(many):
            shown = {"kind": "mood_low", "values": {}}
            row = TipDecision(
                user_id=actor.person_id, policy="random", stage="active", seed=1, ends_at=now(), state="closed",
                shown=shown,
            )  # fmt: skip
            tx.add(row)
            await tx.flush()
            tx.add(TipReward(decision_id=row.id, value=value))


@pytest.mark.usefixtures("database")
async def test_an_answer_is_learnt_within_a_second(knowledge: Knowledge) -> None:
    policy_id = await _put("counting", stages.ACTIVE)
    actor, _ = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    learner = tips.Learner()
    unsubscribe = bus().subscribe(learner.hear)
    task = asyncio.create_task(learner.run())
    try:
        await _react(actor, tip.decision_id, "done")

        async def learnt() -> bool:
            return await _state(policy_id) == {"count": 1, "sum": 1.0}

        await eventually("the answer to be learnt", learnt, seconds=1)
    finally:
        unsubscribe()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.usefixtures("database")
async def test_many_who_teach_at_once_teach_each_reward_once() -> None:
    policy_id = await _put("counting", stages.SHADOW)
    await _rewards(40)
    await asyncio.gather(*(tips.look() for _ in range(6)))
    await tips.look()
    assert await _state(policy_id) == {"count": 40, "sum": 20.0}


_TEACH = """
import asyncio
from backend.tasks import tips
from backend.tips import policies
from tests.unit.test_tip_learning import Counting
policies.MAKERS = {**policies.MAKERS, "counting": Counting}
asyncio.run(tips.look())
"""


async def test_processes_that_teach_at_once_teach_each_reward_once(database: str) -> None:
    policy_id = await _put("counting", stages.SHADOW)
    await _rewards(30)
    environment = {**os.environ, "DATABASE_URL": database, "PYTHONPATH": str(_ROOT)}
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", _TEACH, cwd=_ROOT, env=environment) for _ in range(3)
    ]
    assert [await each.wait() for each in processes] == [0, 0, 0]
    assert await _state(policy_id) == {"count": 30, "sum": 15.0}


@pytest.mark.usefixtures("database")
async def test_who_dies_while_teaching_has_taught_nothing() -> None:
    policy_id = await _put("counting", stages.SHADOW)
    await _rewards(3)

    async def dies() -> None:
        async with transaction() as tx:
            assert await learning.learn(tx, policy_id) == 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await dies()
    assert await _state(policy_id) == {}
    await tips.look()
    assert (await _state(policy_id))["count"] == 3


@pytest.mark.usefixtures("database")
async def test_another_version_neither_reads_nor_loses_what_was_learnt(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    policy_id = await _put("counting", stages.ACTIVE)
    await _rewards(2)
    await tips.look()
    monkeypatch.setattr(policies, "MAKERS", {**policies.MAKERS, "counting": Newer})
    await _rewards(2)
    await tips.look()
    actor, _ = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    async with reading() as tx:
        decision = await tx.get_one(TipDecision, tip.decision_id)
    assert (decision.policy, decision.stage) == (policies.BASELINE, stages.FALLBACK)
    assert "keeps what it learnt" in caplog.text
    assert (await _state(policy_id))["count"] == 2
    monkeypatch.setattr(policies, "MAKERS", {**policies.MAKERS, "counting": Counting})
    await tips.look()
    assert (await _state(policy_id))["count"] == 4


@pytest.mark.usefixtures("database")
async def test_a_canary_has_a_quarter_of_the_vector_and_a_shadow_nothing_of_it(knowledge: Knowledge) -> None:
    await _put("random", stages.ACTIVE)
    await _put("counting", stages.CANARY)
    actor, _ = await an_idle_machine(knowledge)
    await knowledge.learn(actor, "tasks.overdue", 4)
    async with reading() as tx:
        decision = await tx.get_one(TipDecision, (await a_tip(actor)).decision_id)
    assert decision.stage == stages.CANARY
    assert np.allclose(decision.probabilities, [0.75 * 0.5 + 0.25 * 0.95, 0.75 * 0.5 + 0.25 * 0.05])
    assert set(decision.opinions) == {"random@1", "counting@1"}
    async with transaction() as tx:
        await tx.exec(update(TipPolicy).where(TipPolicy.name == "counting").values(stage=stages.SHADOW))
        await tx.exec(update(TipDecision).values(state="closed"))
    async with reading() as tx:
        second = await tx.get_one(TipDecision, (await a_tip(actor)).decision_id)
    assert second.probabilities == [0.5, 0.5]
    assert second.opinions["counting@1"]["stage"] == stages.SHADOW


@pytest.mark.usefixtures("database")
async def test_what_nobody_saw_is_not_learnt() -> None:
    policy_id = await _put("counting", stages.SHADOW)
    await _rewards(1)
    async with transaction() as tx:
        row = (await tx.exec(select(TipReward))).one()
        row.value = None
    assert await tips.look() == 0
    assert await _state(policy_id) == {}
