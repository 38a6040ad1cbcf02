"""The gate reads what was decided here, moves a policy up or back, and says why; people move the rest."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import Conflict, Forbidden
from backend.models import TipGateReport, TipPolicy
from backend.models.base import now
from backend.rules.bandit.distributions import mixture
from backend.rules.bandit.stages import Stage
from backend.rules.policy import Actor
from backend.tips import promotion, stages
from tests.factories import an_actor
from tests.tip_log import FIRST as _FIRST
from tests.tip_log import SECOND as _SECOND
from tests.tip_log import decisions as _decisions

_MOVED = timedelta(hours=2)


async def _admin() -> Actor:
    async with transaction() as tx:
        return await an_actor(tx, is_superuser=True)


async def _stages() -> dict[str, str]:
    async with reading() as tx:
        return {row.name: row.stage for row in (await tx.exec(select(TipPolicy))).all()}


async def _reports() -> list[TipGateReport]:
    async with reading() as tx:
        return list((await tx.exec(select(TipGateReport).order_by(TipGateReport.id))).all())


async def _two(first: str = Stage.ACTIVE, second: str = Stage.CANARY) -> None:
    """`rule` and `thompson` at stages, since a while."""
    async with transaction() as tx:
        for name, stage in (("rule", first), ("thompson", second)):
            row = await stages.put(tx, name, stage)
            row.since = now() - _MOVED


@pytest.mark.usefixtures("database")
async def test_a_better_policy_is_promoted_and_who_was_there_before_is_asked_on() -> None:
    admin = await _admin()
    await _two()
    opinions = {"rule@1": _FIRST, "thompson@1": _SECOND}
    await _decisions(admin.person_id, 800, "active", opinions, _FIRST)
    await _decisions(admin.person_id, 600, "canary", opinions, mixture(_FIRST, _SECOND), seed=1)
    await promotion.look()
    assert await _stages() == {"rule": "retired", "thompson": "active"}
    (report,) = await _reports()
    assert (report.challenger, report.incumbent, report.outcome) == ("thompson@1", "rule@1", "promote")
    assert report.figures["together"]["low"] > 0
    assert any("they agree" in each for each in report.reasons)
    async with reading() as tx:
        assert {row.name for row in await stages.live(tx)} == {"rule", "thompson"}


@pytest.mark.usefixtures("database")
async def test_what_was_moved_while_it_was_weighed_is_left_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    admin = await _admin()
    await _two()
    opinions = {"rule@1": _FIRST, "thompson@1": _SECOND}
    await _decisions(admin.person_id, 800, "active", opinions, _FIRST)
    await _decisions(admin.person_id, 600, "canary", opinions, mixture(_FIRST, _SECOND), seed=1)
    weigh = asyncio.to_thread

    async def slowly(*asked: Any) -> Any:
        said = await weigh(*asked)
        async with transaction() as tx:
            thompson = next(each for each in await stages.live(tx) if each.name == "thompson")
            await promotion.move(tx, admin, thompson.id, "shadow")
        return said

    monkeypatch.setattr(asyncio, "to_thread", slowly)
    await promotion.look()
    assert await _stages() == {"rule": "active", "thompson": "shadow"}
    assert await _reports() == []


@pytest.mark.usefixtures("database")
async def test_with_few_decisions_it_says_that_there_is_not_enough_evidence_and_says_so_once() -> None:
    admin = await _admin()
    await _two()
    opinions = {"rule@1": _FIRST, "thompson@1": _SECOND}
    await _decisions(admin.person_id, 800, "active", opinions, _FIRST)
    await _decisions(admin.person_id, 40, "canary", opinions, mixture(_FIRST, _SECOND), seed=1)
    await promotion.look()
    await promotion.look()
    assert await _stages() == {"rule": "active", "thompson": "canary"}
    (report,) = await _reports()
    assert report.outcome == "not enough evidence"
    assert "500 are needed" in report.reasons[0]


@pytest.mark.usefixtures("database")
async def test_before_anything_was_decided_it_says_that_there_is_not_enough_evidence() -> None:
    admin = await _admin()
    await _two()
    await promotion.look()
    async with reading() as tx:
        _, (report,) = await promotion.list_policies(tx, admin)
    assert report.outcome == "not enough evidence"
    assert "no settled decision" in report.reasons[0]
    assert report.figures == {}


@pytest.mark.usefixtures("database")
async def test_while_there_is_not_enough_evidence_one_report_follows_how_much_there_is() -> None:
    admin = await _admin()
    await _two()
    opinions = {"rule@1": _FIRST, "thompson@1": _SECOND}
    await _decisions(admin.person_id, 1_200, "active", opinions, _FIRST)
    for seed, made in ((1, 40), (2, 70)):
        await _decisions(admin.person_id, made, "canary", opinions, mixture(_FIRST, _SECOND), seed=seed)
        await promotion.look()
    async with reading() as tx:
        _, (report,) = await promotion.list_policies(tx, admin)
    assert "has made 110 decisions" in report.reasons[0]
    assert report.figures["offline"].low < 0.32 < report.figures["offline"].high
    assert "online" not in report.figures, "with so few nobody looks at what the canary earns"


@pytest.mark.usefixtures("database")
async def test_a_worse_one_goes_back_to_the_shadow_by_itself() -> None:
    admin = await _admin()
    await _two()
    opinions = {"rule@1": _SECOND, "thompson@1": _FIRST}
    await _decisions(admin.person_id, 400, "active", opinions, _SECOND)
    await _decisions(admin.person_id, 400, "canary", opinions, mixture(_SECOND, _FIRST), seed=1)
    await promotion.look()
    assert await _stages() == {"rule": "active", "thompson": "shadow"}
    assert [each.outcome for each in await _reports()] == ["rolled back"]


@pytest.mark.usefixtures("database")
async def test_a_promoted_one_that_turns_out_worse_gives_its_place_back() -> None:
    admin = await _admin()
    await _two(Stage.RETIRED, Stage.ACTIVE)
    async with transaction() as tx:
        rows = {row.name: row for row in (await tx.exec(select(TipPolicy))).all()}
        rows["thompson"].predecessor_id = rows["rule"].id
    await _decisions(admin.person_id, 1_200, "active", {"rule@1": _SECOND, "thompson@1": _FIRST}, _FIRST)
    await promotion.look()
    assert await _stages() == {"rule": "active", "thompson": "retired"}


@pytest.mark.usefixtures("database")
async def test_a_person_moves_a_policy_where_people_may_and_makes_none_active() -> None:
    admin = await _admin()
    await _two(Stage.ACTIVE, Stage.SHADOW)
    async with transaction() as tx:
        listed, _ = await promotion.list_policies(tx, admin)
        thompson = next(each for each in listed if each.name == "thompson")
        assert set(thompson.moves) == {Stage.CANARY, Stage.RETIRED}
        await promotion.move(tx, admin, thompson.id, "canary")
    assert (await _stages())["thompson"] == "canary"
    with pytest.raises(Conflict, match="moved by gate"):
        async with transaction() as tx:
            await promotion.move(tx, admin, thompson.id, "active")
    async with transaction() as tx:
        somebody = await an_actor(tx)
    with pytest.raises(Forbidden):
        async with transaction() as tx:
            await promotion.move(tx, somebody, thompson.id, "shadow")
