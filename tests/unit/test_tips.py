"""One tip: asked for, seen, answered, and what it was worth. Each on both databases."""

import asyncio
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import Conflict, Invalid, NotFound
from backend.models import TipDecision, TipReaction, TipReward
from backend.models.base import now
from backend.rules.bandit.distributions import pick
from backend.rules.bandit.reward import Effect, Reaction, reward
from backend.rules.policy import Actor
from backend.services import push
from backend.tips import reactions, recommend, rewards
from tests.factories import a_world
from tests.tips import Knowledge, a_tip, an_idle_machine, ask, knowledge

__all__ = ["knowledge"]

_HOUR = timedelta(hours=1)


async def _decision(decision_id: int) -> TipDecision:
    async with reading() as tx:
        return await tx.get_one(TipDecision, decision_id)


async def _reward(decision_id: int) -> TipReward | None:
    async with reading() as tx:
        return (await tx.exec(select(TipReward).where(TipReward.decision_id == decision_id))).first()


async def _react(actor: Actor, decision_id: int, kind: str, **more: object) -> reactions.ReactionView:
    async with transaction() as tx:
        return await reactions.react(tx, actor, decision_id, kind, **more)


async def _seen(actor: Actor, decision_id: int, **more: object) -> None:
    async with transaction() as tx:
        await reactions.activate(tx, actor, decision_id, **more)


async def _pass_to(decision_id: int, at: object) -> None:
    async with transaction() as tx:
        await rewards.settle_due(tx, decision_id, at=at)


@pytest.mark.usefixtures("database")
async def test_the_tip_that_stands_is_given_again_until_it_is_answered(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    first = await a_tip(actor)
    assert await a_tip(actor) == first
    assert "sandbox" in first.sentence
    assert len(first.sentence) <= 110
    await _react(actor, first.decision_id, "done")
    assert await ask(actor) is None


@pytest.mark.usefixtures("database")
async def test_many_who_ask_at_once_get_one_tip(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    tips = await asyncio.gather(*(a_tip(actor) for _ in range(8)))
    assert len({each.decision_id for each in tips}) == 1


@pytest.mark.usefixtures("database")
async def test_every_decision_can_be_drawn_again_from_what_was_written_down(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    await knowledge.learn(actor, "tasks.overdue", 4)
    await knowledge.learn(actor, "mood.latest", 1)
    row = await _decision((await a_tip(actor, device="narrow")).decision_id)
    free = [each for each in row.eligible if not each["excluded"]]
    assert len(free) == len(row.probabilities) == 3
    assert np.isclose(sum(row.probabilities), 1)
    number = pick(np.array(row.probabilities), row.seed)
    assert free[number]["id"] == row.candidate_id
    assert row.propensity == row.probabilities[number]
    assert row.context["is_narrow"] == 1
    assert (row.policy, row.opinions["rule@1"]["probabilities"]) == ("rule", row.probabilities)


@pytest.mark.usefixtures("database")
async def test_without_any_consent_a_newcomer_is_told_of_their_first_machine() -> None:
    actor, _ = await a_world()
    tip = await a_tip(actor)
    assert tip.kind == "first_machine"
    assert (await _decision(tip.decision_id)).context == {}
    assert tip.action is not None
    assert tip.action.opens == "/?new"


@pytest.mark.usefixtures("database")
async def test_what_may_not_be_chosen_is_written_down_with_the_reason(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    first = await a_tip(actor)
    await _react(actor, first.decision_id, "not_for_me")
    await knowledge.learn(actor, "tasks.overdue", 4)
    second = await a_tip(actor)
    said = {each["kind"]: each["excluded"] for each in (await _decision(second.decision_id)).eligible}
    assert said == {"idle_vm": "not for me", "tasks_overdue": ""}
    values = {each["kind"]: each["values"] for each in (await _decision(second.decision_id)).eligible}
    assert values["idle_vm"]["lately"] > 0.99
    assert values["idle_vm"]["refused"] > 0.99
    assert values["tasks_overdue"]["lately"] == 0


@pytest.mark.usefixtures("database")
async def test_a_tip_that_is_not_true_any_more_stands_no_more(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    await _seen(actor, tip.decision_id)
    await knowledge.forget(actor, "platform.idle_vm")
    assert await ask(actor) is None
    settled = await _reward(tip.decision_id)
    assert settled is not None
    assert (settled.value, settled.parts["why"]) == (None, "no longer true")


@pytest.mark.usefixtures("database")
async def test_later_puts_it_off_and_done_after_that_is_worth_less(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    at = now()
    await _react(actor, tip.decision_id, "later", at=at)
    assert await ask(actor) is None
    back = await a_tip(actor, at=at + 1.1 * _HOUR)
    assert back.decision_id == tip.decision_id
    await _react(actor, tip.decision_id, "later", at=at + 1.2 * _HOUR)
    assert await ask(actor, at=at + 1.3 * _HOUR) is None
    await _react(actor, tip.decision_id, "done", at=at + 2 * _HOUR)
    settled = await _reward(tip.decision_id)
    assert settled is not None
    assert settled.value == 0.8


@pytest.mark.usefixtures("database")
async def test_the_same_answer_twice_is_one_and_another_is_refused(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    answers = await asyncio.gather(*(_react(actor, tip.decision_id, "done") for _ in range(6)))
    assert len(set(answers)) == 1
    with pytest.raises(Conflict):
        await _react(actor, tip.decision_id, "not_for_me")
    with pytest.raises(Invalid):
        await _react(actor, tip.decision_id, "expired")
    async with reading() as tx:
        assert len((await tx.exec(select(TipReaction))).all()) == 1
        assert len((await tx.exec(select(TipReward))).all()) == 1


@pytest.mark.usefixtures("database")
async def test_a_late_answer_is_kept_and_changes_nothing(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    await _seen(actor, tip.decision_id)
    late = await _react(actor, tip.decision_id, "done", at=now() + 5 * _HOUR)
    assert late.late
    settled = await _reward(tip.decision_id)
    assert settled is not None
    assert settled.value == 0.1
    async with reading() as tx:
        kinds = [each.kind for each in await rewards.reactions_to(tx, tip.decision_id)]
    assert kinds == ["expired", "done"]


@pytest.mark.usefixtures("database")
async def test_a_tip_that_nobody_saw_is_worth_nothing_either_way(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    at = now() + timedelta(days=2)
    async with reading() as tx:
        assert await rewards.due(tx, at=at) == [tip.decision_id]
    await asyncio.gather(*(_pass_to(tip.decision_id, at) for _ in range(4)))
    settled = await _reward(tip.decision_id)
    assert settled is not None
    assert settled.value is None
    async with reading() as tx:
        assert await rewards.due(tx, at=at) == []


@pytest.mark.usefixtures("database")
async def test_anothers_tip_does_not_exist(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    mallory, _ = await a_world()
    for act in (_seen(mallory, tip.decision_id), _react(mallory, tip.decision_id, "done")):
        with pytest.raises(NotFound):
            await act
    async with reading() as tx:
        assert await recommend.current(tx, mallory) is None
        assert (await recommend.current(tx, actor)) is not None


@pytest.mark.usefixtures("database")
async def test_in_quiet_hours_there_is_only_the_time(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    at = now().replace(hour=23, minute=30)
    async with transaction() as tx:
        await push.set_quiet(tx, actor, "22:00-07:00", "UTC")
    assert await ask(actor, at=at) is None
    assert await ask(actor, at=at, time_zone="America/New_York") is not None


@given(st.sets(st.sampled_from(Reaction)), st.sampled_from(Effect))
def test_what_is_refused_is_worth_least_and_what_is_done_most(said: set[Reaction], effect: Effect) -> None:
    value = reward(said, effect)
    assert 0 <= value <= 1
    if Reaction.NOT_FOR_ME in said:
        assert value == 0
    elif effect is not Effect.REVERTED:
        assert value >= reward(said - {Reaction.DONE}, Effect.NONE)
