"""One-shot runs: a command in a machine of its own, which is gone afterwards, whatever happens."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import Conflict, TypeNotAllowed
from backend.hypervisor.registry import nodes
from backend.models import AuditLog, Container, OneShotRun, ResourceQuota
from backend.models.base import now
from backend.rules import one_shots as rules
from backend.rules.config_keys import RUN_RETENTION_DAYS
from backend.rules.one_shots import RunFault, RunStatus
from backend.rules.policy import Action
from backend.services import keys, one_shots
from backend.services.one_shots import RunOrder
from backend.tasks import one_shots as work
from backend.tasks.one_shot_steps import _with_machine
from backend.tasks.runner import running
from tests.factories import an_actor
from tests.programs import Programs, programs
from tests.stores import eventually

_LONG_AGO = timedelta(days=RUN_RETENTION_DAYS.default + 1)


@pytest.fixture
async def scene(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Programs]:
    async with programs(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
async def world(scene: Programs) -> AsyncGenerator[Programs]:
    """With the tasks at work."""
    async with running():
        yield scene


async def _submit(world: Programs, command: str = "true", **more: object) -> int:
    async with transaction() as tx:
        return (await one_shots.submit(tx, world.actor, RunOrder(command, **more))).id  # type: ignore[arg-type]


async def test_a_run_is_carried_out_in_a_machine_that_is_gone_afterwards(world: Programs) -> None:
    async with await world.client() as client:
        asked = {"command": "cat in/a.txt; echo err >&2; pwd", "files": [{"path": "in/a.txt", "content": "hello\n"}]}
        answer = await client.post("/api/v1/runs", json=asked)
        said = answer.json()
        assert answer.status_code == 200, answer.text
        assert (said["status"], said["exit_code"], said["error_code"]) == ("succeeded", 0, None)
        assert (said["stdout"], said["stderr"]) == (f"hello\n{world.folder}\n", "err\n")
        assert said["duration_ms"] > 0
        assert (await client.get(f"/api/v1/runs/{said['id']}")).json() == said
        listed = (await client.get("/api/v1/runs/")).json()
        assert (listed["count"], listed["next"], listed["previous"]) == (1, None, None)
        assert "stdout" not in listed["results"][0]
    await world.until_nothing_is_left()
    assert (await world.row(said["id"])).files == []


async def test_a_command_that_does_not_exit_with_zero_has_failed_by_its_own_doing(world: Programs) -> None:
    async with await world.client() as client:
        said = (await client.post("/api/v1/runs/", json={"command": "echo no; exit 3"})).json()
    assert (said["status"], said["exit_code"], said["error_code"], said["stdout"]) == ("failed", 3, None, "no\n")
    await world.until_nothing_is_left()


async def test_a_command_that_takes_too_long_is_ended_and_what_it_said_is_kept(world: Programs) -> None:
    run = await world.until(await _submit(world, "echo begun; sleep 60", timeout_s=1), "timed_out")
    assert (run.stdout, run.exit_code, run.error_code) == (b"begun\n", None, "timed_out")
    assert "within 1 s" in run.message
    await world.until_nothing_is_left()


async def test_what_it_says_is_kept_to_a_bound(world: Programs) -> None:
    run = await world.until(await _submit(world, "head -c 700000 /dev/zero"), "succeeded", "failed")
    assert (len(run.stdout), run.truncated) == (rules.LONGEST_OUTPUT, True)
    async with await world.client() as client:  # NULs and all
        assert len((await client.get(f"/api/v1/runs/{run.id}/")).json()["stdout"]) == rules.LONGEST_OUTPUT


async def test_asked_not_to_wait_it_answers_at_once(scene: Programs) -> None:
    async with await scene.client() as client:
        answer = await client.post("/api/v1/runs/", json={"command": "true", "async": True})
        assert (answer.status_code, answer.json()["status"]) == (202, "pending")
        async with running():
            await scene.until(answer.json()["id"], "succeeded")
        assert (await client.get(answer.headers["Location"])).json()["status"] == "succeeded"
    assert not [each for each in await scene.containers() if each.delete_requested_at is None]


async def test_without_credits_or_room_it_fails_and_says_so(world: Programs) -> None:
    async with transaction() as tx:
        quota = (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == world.actor.user_id))).one()
        quota.credits = 0
    run = await world.until(await _submit(world), "failed")
    assert (run.error_code, run.exit_code) == ("quota_exceeded", None)
    async with transaction() as tx:
        quota = (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == world.actor.user_id))).one()
        quota.credits = 100
        node = await tx.get_one(type(world.node), world.node.id)
        node.healthy = False
    await eventually("it to have no room", lambda: _fails_with(world, "no_capacity"))
    assert not await world.containers()


async def _fails_with(world: Programs, code: str) -> bool:
    async with transaction() as tx:  # the probe says again and again that it is well
        (await tx.get_one(type(world.node), world.node.id)).healthy = False
    run = await world.until(await _submit(world), "failed", "succeeded")
    return run.error_code == code


async def test_a_machine_that_does_not_boot_is_removed_and_the_run_says_why(
    world: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.machine.answers = False
    monkeypatch.setattr(rules, "BOOT_WITHIN_S", 0)
    run = await world.until(await _submit(world), "failed")
    assert (run.error_code, run.started_at) == ("boot_failed", None)
    await world.until_nothing_is_left()


async def test_one_that_is_cancelled_ends_with_its_machine(world: Programs) -> None:
    run_id = await _submit(world, "echo $$ > pid; sleep 60")
    await world.until(run_id, "running")
    await eventually("it to run", lambda: (world.folder / "pid").exists())
    async with await world.client() as client:
        assert (await client.delete(f"/api/v1/runs/{run_id}")).status_code == 204
        assert (await client.delete(f"/api/v1/runs/{run_id}/")).status_code == 204
    run = await world.row(run_id)
    assert (run.status, run.error_code, run.files) == ("failed", "cancelled", [])
    await world.until_nothing_is_left()


async def test_a_machine_that_somebody_deletes_takes_its_run_along(world: Programs) -> None:
    world.machine.answers = False
    run_id = await _submit(world)
    await eventually("its machine", lambda: _machine_of(world, run_id))
    async with await world.client() as client:
        await client.delete(f"/api/v1/containers/{await _machine_of(world, run_id)}/")
    assert (await world.until(run_id, "failed")).error_code == "machine_lost"
    await world.until_nothing_is_left()


async def _machine_of(world: Programs, run_id: int) -> int | None:
    return (await world.row(run_id)).container_id


async def test_a_run_whose_process_died_while_it_booted_is_gone_on_with(scene: Programs) -> None:
    run_id = await _submit(scene, "echo once >> log; cat log")
    await _left_by_the_dead(scene, run_id, "pending")
    async with running():
        assert (await scene.until(run_id, "succeeded", "failed")).stdout == b"once\n"
        await scene.until_nothing_is_left()


async def test_a_command_that_had_begun_when_its_process_died_is_never_run_twice(scene: Programs) -> None:
    async with running():
        run_id = await _submit(scene, "echo once >> log; sleep 60")
        await eventually("it to have begun", lambda: (scene.folder / "log").exists())
    await _left_by_the_dead(scene, run_id, "running")
    nodes().put(scene.node.uri, scene.machine)  # who goes lets go of it
    async with running():
        run = await scene.until(run_id, "failed")
        await scene.until_nothing_is_left()
    assert (run.error_code, (scene.folder / "log").read_text()) == ("interrupted", "once\n")


async def _left_by_the_dead(scene: Programs, run_id: int, status: str) -> None:
    async with transaction() as tx:
        row = await tx.get_one(OneShotRun, run_id)
        row.status, row.holder, row.claimed_until = status, "somewhere-1-gone", now() - timedelta(seconds=1)


async def test_what_another_process_has_claimed_is_left_to_it(scene: Programs) -> None:
    run_id = await _submit(scene)
    assert await work._claimed("one-1-a", 10) == [run_id]
    assert await work._claimed("two-2-b", 10) == []
    async with transaction() as tx:
        (await tx.get_one(OneShotRun, run_id)).claimed_until = now() - timedelta(seconds=1)
    assert await work._claimed("two-2-b", 10) == [run_id]


async def test_its_machine_expires_if_all_else_fails(scene: Programs) -> None:
    run_id = await _submit(scene, timeout_s=10)
    assert await work._claimed("one-1-a", 10) == [run_id]
    container_id, _ = await _with_machine(run_id, "one-1-a")
    async with reading() as tx:
        machine = await tx.get_one(Container, container_id)
    assert machine.expires_at is not None
    assert machine.expiry_warned_at is not None
    life = machine.expires_at - machine.created_at
    assert timedelta(seconds=300) < life < timedelta(seconds=rules.lifetime_s(10) + 5)


async def test_a_key_that_is_revoked_before_it_begins_begins_nothing(scene: Programs) -> None:
    async with await scene.client() as client:
        run_id = (await client.post("/api/v1/runs/", json={"command": "true", "async": True})).json()["id"]
    async with transaction() as tx:
        for each in await keys.list_keys(tx, scene.actor):
            await keys.revoke_key(tx, scene.actor, each.id)
    async with running():
        run = await scene.until(run_id, "failed", "succeeded")
    assert (run.error_code, run.container_id) == ("forbidden", None)


async def test_a_type_is_chosen_by_name_by_id_or_is_the_cheapest(scene: Programs) -> None:
    async with transaction() as tx:
        with pytest.raises(TypeNotAllowed):
            await one_shots.submit(tx, scene.actor, RunOrder("true", type="huge and private"))
    chosen = [(await scene.row(await _submit(scene, type=each))).container_type_id for each in ("small", "")]
    assert chosen[0] == chosen[1] == (await scene.row(await _submit(scene, type=chosen[0]))).container_type_id


async def test_one_has_no_more_unfinished_runs_than_anybody_may(
    scene: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_UNFINISHED", 2)
    for _ in range(2):
        await _submit(scene)
    with pytest.raises(Conflict):
        await _submit(scene)


async def test_of_somebodys_runs_that_are_over_the_newest_are_kept(
    scene: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_KEPT", 2)
    made = []
    for _ in range(5):
        made.append(await _submit(scene))
        async with transaction() as tx:
            await one_shots.cancel(tx, scene.actor, made[-1])
    unfinished = await _submit(scene)
    async with reading() as tx:
        left = (await tx.exec(select(OneShotRun.id).order_by(OneShotRun.id))).all()  # type: ignore[arg-type]
    assert list(left) == [*made[-2:], unfinished]


async def test_runs_that_are_over_go_when_they_are_old_and_others_stay(scene: Programs) -> None:
    old, young, unfinished = [await _submit(scene) for _ in range(3)]
    async with transaction() as tx:
        for run_id in (old, young):
            await one_shots.finish(tx, await tx.get_one(OneShotRun, run_id), RunStatus.FAILED, RunFault.CANCELLED)
        for run_id in (old, unfinished):
            (await tx.get_one(OneShotRun, run_id)).created_at = now() - _LONG_AGO
    async with transaction() as tx:
        assert await one_shots.prune(tx) == 1
        left = (await tx.exec(select(OneShotRun.id).order_by(OneShotRun.id))).all()  # type: ignore[arg-type]
    assert list(left) == [young, unfinished]


async def test_what_a_run_does_is_audited_as_its_owners(world: Programs) -> None:
    await world.until(await _submit(world, "echo hello"), "succeeded")
    async with reading() as tx:
        rows = (await tx.exec(select(AuditLog).where(AuditLog.user_id == world.actor.user_id))).all()
    said = {each.action: each.message for each in rows}
    assert said[Action.ONE_SHOT_SUBMIT] == said[Action.CONTAINER_SEND_COMMAND] == "echo hello"
    assert Action.CONTAINER_CREATE in said


async def test_a_stranger_sees_nothing_of_it(scene: Programs) -> None:
    run_id = await _submit(scene, "echo secret")
    async with transaction() as tx:
        stranger = await an_actor(tx)
    other = Programs(stranger, scene.node, scene.machine, scene.guest, scene.folder)
    async with await other.client("admin") as client:
        for method in ("GET", "DELETE"):
            assert (await client.request(method, f"/api/v1/runs/{run_id}/")).status_code == 404
        assert (await client.get("/api/v1/runs/")).json()["results"] == []
    assert (await scene.row(run_id)).status == "pending"


async def test_who_hangs_up_does_not_end_it(world: Programs) -> None:
    async with await world.client() as client:
        waiting = asyncio.create_task(
            client.post("/api/v1/runs/", json={"command": "echo $$ > pid; sleep 1; echo end"})
        )
        await eventually("it to run", lambda: (world.folder / "pid").exists())
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        run_id = (await client.get("/api/v1/runs/")).json()["results"][0]["id"]
    assert (await world.until(run_id, "succeeded", "failed")).stdout == b"end\n"
