"""MLflow is told of the policies' versions, where there is one: each once, again after it was away, and of nobody."""

from collections.abc import AsyncGenerator

import pytest
from pydantic import ValidationError
from sqlmodel import select

from backend.db import transaction
from backend.errors import UpstreamFault
from backend.models import TipPolicy
from backend.models.base import now
from backend.rules.bandit.stages import Stage
from backend.settings import Settings
from backend.tasks.registry import Telling
from backend.tips import promotion, stages
from backend.tips.review.mlflow import Mlflow
from tests.factories import an_actor
from tests.mlflow_server import MlflowServer
from tests.tip_log import FIRST, SECOND, decisions
from tests.web_server import served

_ASKED = {"rule@1": FIRST, "thompson@1": SECOND}


@pytest.fixture
async def server() -> AsyncGenerator[MlflowServer]:
    async with served(MlflowServer("a token"), "127.0.0.1") as site:
        assert isinstance(site, MlflowServer)
        yield site


def _telling(server: MlflowServer, *, holder: str = "") -> Telling:
    return Telling(Mlflow(server.url, "pequeroku-tips", "a token"), holder=holder)


async def _two() -> None:
    async with transaction() as tx:
        await stages.put(tx, "rule", Stage.ACTIVE)
        await stages.put(tx, "thompson", Stage.CANARY)


async def _thompson(**changed: object) -> None:
    async with transaction() as tx:
        row = (await tx.exec(select(TipPolicy).where(TipPolicy.name == "thompson"))).one()
        for name, value in changed.items():
            setattr(row, name, value)


@pytest.mark.usefixtures("database")
async def test_each_version_is_a_run_with_its_stage_its_figures_and_what_the_gate_said(server: MlflowServer) -> None:
    await _two()
    async with transaction() as tx:
        admin = await an_actor(tx, is_superuser=True)
    await decisions(admin.person_id, 1_200, "active", _ASKED, FIRST)
    await promotion.look()
    assert await _telling(server).look() == 2
    runs = server.by_policy
    assert list(server.experiments) == ["pequeroku-tips"]
    assert runs.keys() == {"rule@1", "thompson@1"}
    assert (runs["rule@1"].tags["stage"], runs["thompson@1"].tags["stage"]) == ("active", "canary")
    assert runs["rule@1"].last("rewards_30d") == 1_200
    assert 0.15 < runs["rule@1"].last("reward_mean_30d") < 0.35
    assert runs["thompson@1"].tags["gate"] == "not enough evidence"
    assert "no settled decision" in runs["thompson@1"].tags["mlflow.note.content"]


@pytest.mark.usefixtures("database")
async def test_what_did_not_change_is_not_told_again_and_a_restart_adds_nothing(server: MlflowServer) -> None:
    await _two()
    telling = _telling(server, holder="one")
    await telling.look()
    asked, points = len(server.asked), {key: set(run.points) for key, run in server.by_policy.items()}
    assert await telling.look() == 0
    assert len(server.asked) == asked
    assert await _telling(server, holder="one").look() == 2
    assert {key: run.points for key, run in server.by_policy.items()} == points
    assert len(server.runs) == 2


@pytest.mark.usefixtures("database")
async def test_a_policy_that_moves_or_learns_is_told_of_and_a_retired_one_is_finished(server: MlflowServer) -> None:
    await _two()
    telling = _telling(server)
    await telling.look()
    await _thompson(state={"updates": 12, "people": {"7": {"idle_vm": 0.25}}}, updated_at=now())
    assert await telling.look() == 1
    assert server.by_policy["thompson@1"].last("updates") == 12
    await _thompson(stage="retired", since=now())
    await telling.look()
    run = server.by_policy["thompson@1"]
    assert (run.status, run.tags["stage"]) == ("FINISHED", "retired")
    assert run.end_time is not None
    assert not any(b"people" in each.body for each in server.asked), "what was learnt of people stays here"


@pytest.mark.parametrize("mode", ["down", "lying"])
@pytest.mark.usefixtures("database")
async def test_while_it_is_away_or_lies_nothing_is_lost(server: MlflowServer, mode: str) -> None:
    await _two()
    telling, server.mode = _telling(server), mode
    with pytest.raises(UpstreamFault, match="MLflow"):
        await telling.look()
    server.mode = "well"
    assert await telling.look() == 2
    assert len(server.runs) == 2


@pytest.mark.usefixtures("database")
async def test_a_run_that_was_deleted_there_is_made_anew(server: MlflowServer) -> None:
    await _two()
    telling = _telling(server)
    await telling.look()
    server.runs.clear()
    await _thompson(updated_at=now())
    with pytest.raises(UpstreamFault, match="RESOURCE_DOES_NOT_EXIST"):
        await telling.look()
    assert await telling.look() == 1
    assert server.by_policy.keys() == {"thompson@1"}


@pytest.mark.usefixtures("database")
async def test_of_two_processes_one_tells(server: MlflowServer) -> None:
    await _two()
    assert await _telling(server, holder="one").look() == 2
    assert await _telling(server, holder="another").look() == 0


async def test_without_its_token_it_says_what_the_server_said(server: MlflowServer, database: str) -> None:
    await _two()
    with pytest.raises(UpstreamFault, match="UNAUTHENTICATED"):
        await Telling(Mlflow(server.url, "pequeroku-tips")).look()


def test_a_folder_is_no_tracking_server() -> None:
    with pytest.raises(ValidationError, match="https://"):
        Settings(mlflow_tracking_uri="file:///var/mlruns")
