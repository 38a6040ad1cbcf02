"""The pages about tips, as administrators see them: what they say with nothing, with little, and with enough."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from backend.db import reading, transaction
from backend.models import TipPolicy, User
from backend.models.base import now
from backend.rules.bandit.stages import Stage
from backend.rules.policy import SYSTEM, Actor
from backend.services import identity
from backend.services.config import set_config
from backend.tips import promotion, stages
from pequeroku_ui.state.admin_tip_candidates import AdminTipCandidatesState
from pequeroku_ui.state.admin_tip_freshness import AdminTipFreshnessState
from pequeroku_ui.state.admin_tip_rewards import AdminTipRewardsState
from pequeroku_ui.state.admin_tips import AdminTipsState
from tests.tip_log import FIRST, SECOND, decisions
from tests.unit.test_states import Pipeline, pipeline

__all__ = ["pipeline"]

_PASSWORD = "a password for tests"
_ASKED = {"rule@1": FIRST, "thompson@1": SECOND}


async def _an_admin() -> tuple[int, str]:
    async with transaction() as tx:
        await identity.create_user(tx, SYSTEM, username="root2", password=_PASSWORD, is_superuser=True)
    async with transaction() as tx:
        sid, _ = await identity.sign_in(tx, Actor(None), "root2", _PASSWORD)
    async with reading() as tx:
        return (await tx.exec(select(User.id).where(col(User.username) == "root2"))).one(), sid


@pytest.mark.parametrize(
    ("count", "says"),
    [(0, "no policy was asked"), (60, "Not enough evidence"), (1_200, "thompson@1 would have earned +0.")],
)
async def test_regret_is_told_only_where_there_is_evidence(
    database: str, pipeline: Pipeline, count: int, says: str
) -> None:
    user_id, sid = await _an_admin()
    await decisions(user_id, count, "active", _ASKED, FIRST)
    await pipeline.fire(AdminTipRewardsState.load(), sid=sid, path="/admin/tips/rewards")
    assert says in pipeline.told("regret")
    assert bool(pipeline.told("has_regret")) == (count == 1_200)
    assert len(pipeline.told("day_rows") or []) == min(count, 1)


async def test_a_plot_has_room_for_days_without_a_tip(database: str, pipeline: Pipeline) -> None:
    user_id, sid = await _an_admin()
    at = now().replace(hour=12)
    for days in (6, 3):
        await decisions(user_id, 2, "active", _ASKED, FIRST, seed=days, at=at - timedelta(days=days))
    await pipeline.fire(AdminTipRewardsState.load(), sid=sid, path="/admin/tips/rewards")
    shown = pipeline.told("days")
    assert [each["tips"] for each in shown] == [2, 0, 0, 2]
    assert shown[1]["reward"] is None
    await pipeline.fire(AdminTipRewardsState.choose(7), sid=sid, path="/admin/tips/rewards")
    assert "in 7 days" in pipeline.told("total")
    await pipeline.fire(AdminTipRewardsState.choose(10**9), sid=sid, path="/admin/tips/rewards")
    assert pipeline.told("span") == 7


async def test_the_gates_estimates_and_the_ways_out_stand_on_the_page_of_policies(
    database: str, pipeline: Pipeline
) -> None:
    user_id, sid = await _an_admin()
    async with transaction() as tx:
        for name, stage in (("rule", Stage.ACTIVE), ("thompson", Stage.CANARY)):
            (await stages.put(tx, name, stage)).since = now() - timedelta(hours=2)
        await set_config(tx, SYSTEM, "tips_links", "MLflow=https://mlflow.example")
    await decisions(user_id, 1_200, "active", _ASKED, FIRST)
    await promotion.look()
    await pipeline.fire(AdminTipsState.load(), sid=sid, path="/admin/tips/policies")
    (report,) = pipeline.told("reports")
    assert report.outcome == "not enough evidence"
    assert [each.url for each in pipeline.told("links")] == ["https://mlflow.example"]
    async with reading() as tx:
        thompson = (await tx.exec(select(TipPolicy.id).where(TipPolicy.name == "thompson"))).one()
    await pipeline.fire(AdminTipsState.move(str(thompson), "shadow"), sid=sid, path="/admin/tips/policies")
    assert {each.name: each.stage for each in pipeline.told("policies")}["thompson 1"] == "shadow"
    await pipeline.fire(AdminTipsState.move(str(thompson), "active"), sid=sid, path="/admin/tips/policies")
    assert pipeline.said
    async with reading() as tx:
        assert (await tx.get_one(TipPolicy, thompson)).stage == "shadow"


async def test_candidates_and_freshness_are_there_with_nothing_known(database: str, pipeline: Pipeline) -> None:
    user_id, sid = await _an_admin()
    await pipeline.fire(AdminTipFreshnessState.load(), sid=sid, path="/admin/tips/freshness")
    assert pipeline.told("summary") == "Nothing is known of anybody now."
    await decisions(user_id, 1, "active", _ASKED, FIRST)
    await pipeline.fire(AdminTipCandidatesState.load(), sid=sid, path="/admin/tips/candidates")
    assert [(each.kind, each.value, each.last_said) for each in pipeline.told("rows")] == [
        ("rest", "3", "could be chosen"),
        ("walk", "3", "was shown"),
    ]
    assert len(pipeline.told("words")) > 10
