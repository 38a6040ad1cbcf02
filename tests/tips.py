"""People of whom something is known, and tips that stand, for tests of the loop."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from backend.db import Tx, transaction
from backend.models import Container
from backend.models.base import now
from backend.rules.policy import Actor
from backend.tips import consents, features, recommend
from backend.tips.features import Feature
from backend.tips.views import TipView
from tests.factories import a_container, a_world


class Knowledge:
    """What is known of each person, in place of what signals would have found."""

    def __init__(self) -> None:
        self._of: dict[int, dict[str, Feature]] = {}

    def learn(self, actor: Actor, name: str, value: float, /, **detail: object) -> None:
        at = now()
        made = Feature(name, value, dict(detail), at, at, at + timedelta(days=1))
        self._of.setdefault(actor.person_id, {})[name] = made

    def forget(self, actor: Actor, name: str) -> None:
        self._of[actor.person_id].pop(name)

    async def profile(self, tx: Tx, user_id: int, *, at: datetime) -> Mapping[str, Feature]:
        return self._of.get(user_id, {})


@pytest.fixture
def knowledge(monkeypatch: pytest.MonkeyPatch) -> Knowledge:
    known = Knowledge()

    async def live(tx: Tx, user_id: int) -> frozenset[consents.Scope]:
        return frozenset(consents.Scope)

    monkeypatch.setattr(features, "profile", known.profile)
    monkeypatch.setattr(consents, "live", live)
    return known


async def an_idle_machine(known: Knowledge, *, limit: int = 10) -> tuple[Actor, Container]:
    """Somebody whose machine has been idle for a day, as they and we know."""
    actor, node = await a_world(limit=limit)
    async with transaction() as tx:
        container = await a_container(tx, actor, node, name="sandbox", last_active_at=now() - timedelta(days=1))
    known.learn(actor, "platform.idle_vm", 24, container_id=container.id, name=container.name, credits=2, idle_hours=24)
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
