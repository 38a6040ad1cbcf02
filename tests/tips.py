"""People of whom something is known, and tips that stand, for tests of the loop."""

from datetime import timedelta

import pytest
from sqlmodel import col, delete

from backend.db import transaction
from backend.models import Container, TipFeature
from backend.models.base import now
from backend.rules.consents import Scope
from backend.rules.policy import Actor
from backend.tips import consents, features, recommend
from backend.tips.features import Feature
from backend.tips.views import TipView
from tests.factories import a_container, a_world

_LASTS = timedelta(days=1)  # nothing here looks again, as signals do, so what is learned holds for a whole test


class Knowledge:
    """Writes what signals would have found, of people who agree to everything."""

    async def learn(self, actor: Actor, name: str, value: float, /, **detail: object) -> None:
        at = now()
        async with transaction() as tx:
            for scope in Scope:
                await consents.give(tx, actor, scope)
            known = Feature(name, value, dict(detail), at, at, at + _LASTS)
            await features.write(tx, actor.person_id, [known])

    async def forget(self, actor: Actor, name: str) -> None:
        async with transaction() as tx:
            mine = (col(TipFeature.user_id) == actor.person_id, col(TipFeature.name) == name)
            await tx.exec(delete(TipFeature).where(*mine))


@pytest.fixture
def knowledge() -> Knowledge:
    return Knowledge()


async def an_idle_machine(known: Knowledge, *, limit: int = 10) -> tuple[Actor, Container]:
    """Somebody whose machine has been idle for a day, as they and we know."""
    actor, node = await a_world(limit=limit)
    async with transaction() as tx:
        container = await a_container(tx, actor, node, name="sandbox", last_active_at=now() - timedelta(days=1))
    await known.learn(
        actor, "platform.idle_vm", 24, container_id=container.id, name=container.name, credits=2, idle_hours=24
    )
    return actor, container


async def ask(actor: Actor, **more: object) -> TipView | None:
    """The tip of the moment."""
    async with transaction() as tx:
        return await recommend.recommend(tx, actor, **more)


async def a_tip(actor: Actor, **more: object) -> TipView:
    """The tip of the moment, where there has to be one."""
    tip = await ask(actor, **more)
    assert tip is not None
    return tip
