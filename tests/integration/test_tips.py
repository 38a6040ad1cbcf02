"""A tip about a machine that really idles: found by the task process, stopped by a press, and started by the undo."""

from datetime import timedelta

import pytest
from sqlmodel import col, update

from backend.db import transaction
from backend.errors import Conflict
from backend.models import Container
from backend.models.base import now
from backend.rules.consents import Scope
from backend.tips import consents, features, reactions, recommend
from backend.tips.actions import acting
from backend.tips.views import TipView
from tests.integration.world import TaskProcess, World
from tests.stores import eventually

pytestmark = [pytest.mark.vm]

_IDLE = timedelta(days=1)


async def _used_last(container_id: int, ago: timedelta) -> None:
    at = now() - ago
    async with transaction() as tx:
        values = {"last_active_at": at, "booted_at": at, "created_at": at}
        await tx.exec(update(Container).where(col(Container.id) == container_id).values(values))


async def _to_stop(world: World, container_id: int) -> TipView:
    """The tip to stop it. Other tips may be chosen first: those are answered, so that their turn is over."""

    async def found() -> TipView | None:
        async with transaction() as tx:
            known = await features.profile(tx, world.actor.person_id, at=now())
            if "platform.idle_vm" not in known:
                return None
            tip = await recommend.recommend(tx, world.actor)
            if tip is None or tip.kind == "idle_vm":
                return tip
            await reactions.react(tx, world.actor, tip.decision_id, "done")
            return None

    tip = await eventually(f"a tip to stop container {container_id}", found, seconds=120)
    assert tip.action is not None
    assert tip.action.label.startswith("Stop ")
    return tip


async def test_an_idle_machine_is_found_stopped_and_started_again(world: World, tasks: TaskProcess) -> None:
    await world.until_healthy()
    made = await world.create()
    await world.until(made, "running")
    await _used_last(made, _IDLE)
    async with transaction() as tx:
        await consents.give(tx, world.actor, Scope.PLATFORM)
    tip = await _to_stop(world, made)
    assert tip.action is not None

    await _used_last(made, timedelta())
    with pytest.raises(Conflict, match="in use again"):
        async with transaction() as tx:
            await acting.act(tx, world.actor, tip.decision_id, tip.action.token)
    assert len(await world.qemu_of(made)) == 1

    await _used_last(made, _IDLE)
    async with transaction() as tx:
        await acting.act(tx, world.actor, tip.decision_id, tip.action.token)
    await world.until(made, "stopped")
    assert await world.qemu_of(made) == []
    async with transaction() as tx:
        await acting.undo(tx, world.actor, tip.decision_id)
    await world.until(made, "running")
    assert len(await world.qemu_of(made)) == 1
