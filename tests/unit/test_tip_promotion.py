"""The gate reads what was decided here, moves a policy up or back, and says why; people move the rest."""

from datetime import timedelta

import numpy as np
import pytest
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import Conflict, Forbidden
from backend.models import TipCandidate, TipDecision, TipGateReport, TipPolicy, TipReaction, TipReward
from backend.models.base import now
from backend.rules.bandit.distributions import mixture
from backend.rules.bandit.stages import Stage
from backend.rules.policy import Actor
from backend.tips import promotion, stages
from tests.factories import an_actor

_WORTH = {"walk": 0.2, "rest": 0.6}
_FIRST = np.array([0.9, 0.1])
_SECOND = np.array([0.1, 0.9])
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


async def _decisions(
    user_id: int, count: int, stage: str, opinions: dict[str, np.ndarray], drawn: np.ndarray, *, seed: int = 0
) -> None:
    """Decisions whose worth is known: a walk earns 0.2 on the average, a rest 0.6."""
    dice = np.random.default_rng(seed)
    async with transaction() as tx:
        made = [
            TipCandidate(user_id=user_id, kind=kind, sentence=kind, digest=f"{stage}{kind}{seed}", expires_at=now())
            for kind in _WORTH
        ]
        tx.add_all(made)
        await tx.flush()
        eligible = [{"id": each.id, "kind": each.kind, "values": {}, "excluded": ""} for each in made]
        said = {name: {"stage": "", "probabilities": each.tolist()} for name, each in opinions.items()}
        for _ in range(count):
            place = int(dice.choice(2, p=drawn))
            row = TipDecision(
                user_id=user_id, eligible=eligible, probabilities=drawn.tolist(), opinions=said,
                candidate_id=made[place].id, propensity=float(drawn[place]), policy="rule", stage=stage, seed=1,
                state="closed", ends_at=now(), at=now() - timedelta(hours=1),
            )  # fmt: skip
            tx.add(row)
            await tx.flush()
            worth = float(dice.random() < _WORTH[made[place].kind])
            tx.add(TipReward(decision_id=row.id, value=worth))
            if not worth and dice.random() < 0.2:
                tx.add(TipReaction(decision_id=row.id, kind="not_for_me"))


async def _look() -> None:
    async with transaction() as tx:
        await promotion.look(tx)


@pytest.mark.usefixtures("database")
async def test_a_better_policy_is_promoted_and_who_was_there_before_is_asked_on() -> None:
    admin = await _admin()
    await _two()
    opinions = {"rule@1": _FIRST, "thompson@1": _SECOND}
    await _decisions(admin.person_id, 800, "active", opinions, _FIRST)
    await _decisions(admin.person_id, 600, "canary", opinions, mixture(_FIRST, _SECOND), seed=1)
    await _look()
    assert await _stages() == {"rule": "retired", "thompson": "active"}
    (report,) = await _reports()
    assert (report.challenger, report.incumbent, report.outcome) == ("thompson@1", "rule@1", "promote")
    assert report.figures["together"]["low"] > 0
    assert any("they agree" in each for each in report.reasons)
    async with reading() as tx:
        assert {row.name for row in await stages.live(tx)} == {"rule", "thompson"}


@pytest.mark.usefixtures("database")
async def test_with_few_decisions_it_says_that_there_is_not_enough_evidence_and_says_so_once() -> None:
    admin = await _admin()
    await _two()
    opinions = {"rule@1": _FIRST, "thompson@1": _SECOND}
    await _decisions(admin.person_id, 800, "active", opinions, _FIRST)
    await _decisions(admin.person_id, 40, "canary", opinions, mixture(_FIRST, _SECOND), seed=1)
    await _look()
    await _look()
    assert await _stages() == {"rule": "active", "thompson": "canary"}
    (report,) = await _reports()
    assert report.outcome == "not enough evidence"
    assert "500 are needed" in report.reasons[0]


@pytest.mark.usefixtures("database")
async def test_a_worse_one_goes_back_to_the_shadow_by_itself() -> None:
    admin = await _admin()
    await _two()
    opinions = {"rule@1": _SECOND, "thompson@1": _FIRST}
    await _decisions(admin.person_id, 400, "active", opinions, _SECOND)
    await _decisions(admin.person_id, 400, "canary", opinions, mixture(_SECOND, _FIRST), seed=1)
    await _look()
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
    await _look()
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
