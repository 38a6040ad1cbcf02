"""A press on a tip: once, in time, by its person, while it is still right, and taken back if wanted."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select, update

from backend.db import reading, transaction
from backend.errors import Conflict, NotFound, PequerokuError
from backend.models import AuditLog, Container, DesiredState, TipReward
from backend.models.base import now
from backend.rules.policy import Actor
from backend.tips import reactions, rewards
from backend.tips.actions import acting
from backend.tips.actions.acting import DoneView
from backend.tips.actions.verbs import VERBS
from backend.tips.candidates.kinds import KINDS
from backend.tips.views import TipView
from tests.factories import a_container, a_world
from tests.tips import Knowledge, a_tip, an_idle_machine, knowledge

__all__ = ["knowledge"]

_TEN = timedelta(minutes=10)


async def _press(actor: Actor, tip: TipView, **more: object) -> DoneView:
    assert tip.action is not None
    async with transaction() as tx:
        return await acting.act(tx, actor, tip.decision_id, tip.action.token, **more)


async def _undo(actor: Actor, tip: TipView, **more: object) -> DoneView:
    async with transaction() as tx:
        return await acting.undo(tx, actor, tip.decision_id, **more)


async def _desired(container: Container) -> DesiredState:
    async with reading() as tx:
        return (await tx.get_one(Container, container.id)).desired_state


async def _worth(tip: TipView, *, after: timedelta = timedelta()) -> float | None:
    async with transaction() as tx:
        await rewards.settle_due(tx, tip.decision_id, at=now() + after)
    async with reading() as tx:
        row = (await tx.exec(select(TipReward).where(TipReward.decision_id == tip.decision_id))).first()
    return row.value if row is not None else None


@pytest.mark.usefixtures("database")
async def test_a_press_stops_the_idle_machine_and_undo_starts_it_again(knowledge: Knowledge) -> None:
    actor, container = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    assert tip.action is not None
    assert tip.action.label == "Stop sandbox"
    done = await _press(actor, tip)
    assert (done.message, await _desired(container)) == ("“sandbox” is being stopped.", DesiredState.STOPPED)
    assert (await _undo(actor, tip)).message == "“sandbox” is being started again."
    assert await _desired(container) is DesiredState.RUNNING
    assert (await _undo(actor, tip)).undo_until is None
    assert await _worth(tip) == 0.05
    async with reading() as tx:
        deeds = (await tx.exec(select(AuditLog.action).where(AuditLog.user_id == actor.user_id))).all()
    assert {"tip.act", "tip.undo", "container.power_off", "container.power_on"} <= set(deeds)


@pytest.mark.usefixtures("database")
async def test_an_action_counts_once_its_effect_has_held_for_ten_minutes(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    await _press(actor, tip)
    assert await _worth(tip) is None
    assert await _worth(tip, after=_TEN) == 1.0


@pytest.mark.usefixtures("database")
async def test_an_action_whose_effect_is_gone_does_not_count(knowledge: Knowledge) -> None:
    actor, container = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    await _press(actor, tip)
    async with transaction() as tx:
        await reactions.react(tx, actor, tip.decision_id, "done")
        await tx.exec(update(Container).where(Container.id == container.id).values(desired_state=DesiredState.RUNNING))
    assert await _worth(tip, after=_TEN) == 0.05


@pytest.mark.usefixtures("database")
async def test_a_machine_that_has_become_busy_is_not_stopped(knowledge: Knowledge) -> None:
    actor, container = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    async with transaction() as tx:
        await tx.exec(update(Container).where(Container.id == container.id).values(last_active_at=now()))
    with pytest.raises(Conflict, match="in use again"):
        await _press(actor, tip)
    assert await _desired(container) is DesiredState.RUNNING


@pytest.mark.usefixtures("database")
async def test_many_presses_at_once_are_one(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    came = await asyncio.gather(*(_press(actor, tip) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(each, DoneView) for each in came) == 1
    assert all(isinstance(each, DoneView | Conflict) for each in came)


@pytest.mark.usefixtures("database")
async def test_a_press_too_late_or_with_another_token_does_nothing(knowledge: Knowledge) -> None:
    actor, container = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    with pytest.raises(Conflict):
        await _press(actor, tip, at=now() + timedelta(days=1))
    with pytest.raises(Conflict):
        async with transaction() as tx:
            await acting.act(tx, actor, tip.decision_id, "0" * 64)
    with pytest.raises(Conflict):
        await _undo(actor, tip)
    assert await _desired(container) is DesiredState.RUNNING
    await _press(actor, tip)
    with pytest.raises(Conflict):
        await _undo(actor, tip, at=now() + timedelta(minutes=11))


@pytest.mark.usefixtures("database")
async def test_anothers_token_opens_nothing_and_anothers_machine_is_not_stopped(knowledge: Knowledge) -> None:
    actor, container = await an_idle_machine(knowledge)
    tip = await a_tip(actor)
    mallory, node = await a_world()
    with pytest.raises(NotFound):
        await _press(mallory, tip)
    async with transaction() as tx:
        await a_container(tx, mallory, node)
    await knowledge.learn(mallory, "platform.idle_vm", 24, container_id=container.id, name="theirs", credits=1)
    with pytest.raises(PequerokuError):
        await _press(mallory, await a_tip(mallory))
    assert await _desired(container) is DesiredState.RUNNING


def test_every_offer_is_of_a_verb_that_there_is() -> None:
    assert {"container.stop", "container.keep", "open"} == VERBS.keys()
    assert len(KINDS) >= 12
