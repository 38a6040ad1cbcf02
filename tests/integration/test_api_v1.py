"""`/api/v1/` with real machines: commands, processes, files; one-shot runs, whatever is killed in the middle."""

from collections.abc import AsyncGenerator

import httpx
import pytest
from sqlmodel import select

from backend.db import reading
from backend.guest.files import files
from backend.guest.shell import guests
from backend.hypervisor.registry import nodes
from backend.models import Container, OneShotRun
from tests.integration.world import BOOT_S, TaskProcess, World, qemu_processes
from tests.people import visitor
from tests.programs import a_key
from tests.served_api import served_api
from tests.stores import eventually
from tests.unit.test_api_docs import asked, examples
from tests.unit.test_api_v1_docs import DOCS

pytestmark = [pytest.mark.vm]


@pytest.fixture
async def client(world: World, tasks: TaskProcess) -> AsyncGenerator[httpx.AsyncClient]:
    await world.until_healthy()
    async with visitor(api_key=await a_key(world.actor), origin=None, timeout=300) as made:
        yield made
    await files().forget_all()
    await guests().close_all()
    await nodes().close_all()


async def test_a_program_uses_a_real_machine(client: httpx.AsyncClient, world: World) -> None:
    made = (await client.post("/api/v1/containers", json={"type": "small", "ttl_seconds": 3600})).json()
    here = f"/api/v1/containers/{made['id']}"
    await world.until(made["id"], "running")
    done = (await client.post(f"{here}/exec", json={"command": "echo out; echo err >&2; exit 3", "timeout": 60})).json()
    assert (done["stdout"], done["stderr"], done["exit_code"], done["truncated"]) == ("out\n", "err\n", 3, False)
    await _goes_on(client, here)
    await _keeps_files(client, here)
    await files().forget_all()
    await guests().close_all()  # one process at a time speaks to a guest
    with served_api() as url:
        for example in examples("sh vm", DOCS):
            status, body = asked(example, url=url, key=client.headers["Authorization"].split()[1], id=made["id"])
            assert 200 <= status < 300, f"{example}\n{status} {body}"
    assert (await client.delete(here)).status_code == 202
    await world.until_gone(made["id"])


async def _goes_on(client: httpx.AsyncClient, here: str) -> None:
    """A process outlives the connection, and what it says is read from where one was."""
    command = "echo one; sleep 3; echo two; sleep 3; exit 5"
    begun = await client.post(f"{here}/exec", json={"command": command, "background": True})
    assert begun.status_code == 202
    there = f"{here}/processes/{begun.json()['process_id']}"

    async def said(text: str) -> bool:
        return (await client.get(there)).json()["output"] == text

    await eventually("its first word", lambda: said("one\n"), seconds=BOOT_S, pause_s=0.5)
    await guests().close_all()
    await eventually("its last word", lambda: said("one\ntwo\n"), seconds=BOOT_S, pause_s=0.5)
    assert (await client.get(there, params={"offset": 4})).json()["output"] == "two\n"

    async def ended() -> bool:
        return (await client.get(there)).json()["state"] == "ended"

    await eventually("its end", ended, seconds=BOOT_S, pause_s=0.5)
    assert (await client.get(there)).json()["exit_code"] == 5
    assert (await client.get(f"{here}/processes")).json()["count"] == 1
    assert (await client.delete(there)).status_code == 204
    assert (await client.get(there)).status_code == 404


async def _keeps_files(client: httpx.AsyncClient, here: str) -> None:
    sent = [{"path": "in/run.sh", "content": "echo hello\n", "mode": "755"}, {"path": "raw", "content_b64": "AP8="}]
    put = await client.put(f"{here}/files", json={"dest_path": "/app", "files": sent})
    assert put.json()["created"] == ["in/run.sh", "raw"], put.text
    done = (await client.post(f"{here}/exec", json={"command": "/app/in/run.sh", "timeout": 60})).json()
    assert done["stdout"] == "hello\n", done
    assert (await client.get(f"{here}/files", params={"path": "/app/raw"})).json()["content_b64"] == "AP8="
    listed = (await client.get(f"{here}/dirs")).json()
    assert {"in", "raw"} <= {each["name"] for each in listed["results"]}
    assert (await client.get(f"{here}/ports")).json()["count"] >= 0


async def test_a_one_shot_run_leaves_nothing_behind(client: httpx.AsyncClient, world: World) -> None:
    asked_for = {"command": "python3 main.py", "files": [{"path": "main.py", "content": "print(6 * 7)"}]}
    said = (await client.post("/api/v1/runs", json=asked_for)).json()
    assert (said["status"], said["stdout"], said["exit_code"]) == ("succeeded", "42\n", 0), said
    await _until_nothing_is_left(world)


async def test_a_run_outlives_a_task_process_that_is_killed_while_it_boots(
    client: httpx.AsyncClient, world: World, tasks: TaskProcess
) -> None:
    run_id = (await client.post("/api/v1/runs", json={"command": "echo once", "async": True})).json()["id"]
    machine = await eventually("its machine to boot", lambda: _machine(run_id), seconds=BOOT_S)
    await eventually("its QEMU", lambda: qemu_processes(machine.domain_name), seconds=BOOT_S)
    tasks.kill()
    tasks.start()
    run = await _over(run_id)
    assert (run.status, run.stdout) == ("succeeded", b"once\n"), run.message
    await _until_nothing_is_left(world)


async def test_a_run_whose_task_process_is_killed_while_it_runs_has_failed_and_leaves_nothing_behind(
    client: httpx.AsyncClient, world: World, tasks: TaskProcess
) -> None:
    asked_for = {"command": "sleep 500", "async": True, "timeout_seconds": 600}
    run_id = (await client.post("/api/v1/runs", json=asked_for)).json()["id"]

    async def runs() -> bool:
        return (await client.get(f"/api/v1/runs/{run_id}")).json()["status"] == "running"

    await eventually("it to run", runs, seconds=BOOT_S)
    machine = await _machine(run_id)
    assert machine is not None
    tasks.kill()
    assert qemu_processes(machine.domain_name)
    tasks.start()
    run = await _over(run_id)
    assert (run.status, run.error_code, run.exit_code) == ("failed", "interrupted", None)
    await _until_nothing_is_left(world)
    assert not qemu_processes(machine.domain_name)


async def _machine(run_id: int) -> Container | None:
    async with reading() as tx:
        run = await tx.get_one(OneShotRun, run_id)
        return await tx.get(Container, run.container_id) if run.container_id else None


async def _over(run_id: int) -> OneShotRun:
    async def over() -> OneShotRun | None:
        async with reading() as tx:
            run = await tx.get_one(OneShotRun, run_id)
        return run if run.finished_at is not None else None

    return await eventually("it to be over", over, seconds=2 * BOOT_S)


async def _until_nothing_is_left(world: World) -> None:
    async def nothing() -> bool:
        async with reading() as tx:
            left = (await tx.exec(select(Container.id))).all()
        return not left and not [*world.node.pool.glob("pqk-*")]

    await eventually("its machine and its disk to be gone", nothing, seconds=BOOT_S)
