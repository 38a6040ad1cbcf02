"""The codes that need more than a route to come about, each from the real thing, as a program meets it."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from sqlmodel import col, select

from backend import db
from backend.db import reading, transaction
from backend.models import AuditLog, ContainerType, ResourceQuota, Status
from backend.rules.policy import Action, Role
from backend.services import keys, sharing
from tests.asgi import ORIGIN
from tests.conftest import in_use
from tests.factories import a_container, a_node
from tests.file_scene import Scene, scene  # noqa: F401 - a fixture
from tests.people import a_user, visitor
from tests.stores import eventually

Ask = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
async def ask(scene: Scene) -> AsyncGenerator[Ask]:  # noqa: F811
    """Who owns a running container asks; gives the status and the code."""
    headers = {"cookie": f"sid={scene.sids['owner']}", "origin": ORIGIN}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(scene.api), base_url=ORIGIN, headers=headers, timeout=60
    ) as client:

        async def asked(method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
            answer = await client.request(method, f"/api/{path}", json=body, headers=headers)
            assert answer.json()["error"]["message"].endswith((".", "!", "?"))
            return answer.status_code, answer.json()["error"]["code"]

        yield asked


async def test_credits_that_do_not_reach_and_a_type_that_is_not_ones_own(scene: Scene, ask: Ask) -> None:  # noqa: F811
    async with transaction() as tx:
        tx.add(
            ContainerType(
                container_type_name="apart", memory_mb=1024, vcpus=1, disk_gib=5, credits_cost=1, private=True
            )
        )
        owned = ResourceQuota.user_id == scene.owner.user_id
        (await tx.exec(select(ResourceQuota).where(owned))).one().credits = 1
    assert await ask("POST", "containers/", {"container_type": "small"}) == (409, "quota_exceeded")
    for kind in ("apart", "nothing of the kind"):
        assert await ask("POST", "containers/", {"container_type": kind}) == (409, "type_not_allowed")
    assert await ask("POST", "containers/", {"name": "a"}) == (422, "invalid_request")


async def test_a_type_that_is_refused_by_its_name_leaves_its_trace(scene: Scene, ask: Ask) -> None:  # noqa: F811
    await ask("POST", "containers/", {"container_type": "nothing of the kind"})
    async with reading() as tx:
        refused = AuditLog.action == Action.CONTAINER_CREATE, col(AuditLog.success).is_(False)
        row = (await tx.exec(select(AuditLog).where(*refused))).one()
    assert (row.user_id, row.message.partition(":")[0]) == (scene.owner.user_id, "type-not-allowed")
    assert "nothing of the kind" in row.message


async def test_a_machine_that_does_not_answer(scene: Scene, ask: Ask) -> None:  # noqa: F811
    scene.guest.switch_off()
    box = f"containers/{scene.container_id}"
    assert await ask("POST", f"{box}/exec_command/", {"command": "true"}) == (503, "node_unavailable")
    assert await ask("GET", f"{box}/download_file/?path=/app/a") == (503, "node_unavailable")


async def test_a_machine_that_is_lost_in_the_middle_and_what_was_asked_is_not_asked_again(
    scene: Scene,  # noqa: F811
    tmp_path: Path,
) -> None:
    async with transaction() as tx:
        key = (await keys.create_key(tx, scene.owner, name="k", scope="exec"))[1]
    here, begun = f"/api/containers/{scene.container_id}/exec_command/", tmp_path / "begun"
    said = {"command": f"echo once >> {begun}; sleep 60"}
    async with visitor(api_key=key, origin=None) as program:
        asked = asyncio.create_task(program.post(here, json=said, headers={"Idempotency-Key": "once"}))
        await eventually("the command to begin", begun.exists)
        scene.guest.switch_off()
        answer = await asked
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "node_unavailable")
        again = await program.post(here, json=said, headers={"Idempotency-Key": "once"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    assert begun.read_text() == "once\n"


async def test_a_command_that_takes_too_long(scene: Scene, ask: Ask) -> None:  # noqa: F811
    said = {"command": "echo begun; sleep 60", "timeout_s": 1}
    assert await ask("POST", f"containers/{scene.container_id}/exec_command/", said) == (504, "timeout")


async def test_what_one_may_see_and_not_do_and_what_needs_a_machine_that_runs(fresh_sqlite: str) -> None:
    async with in_use(fresh_sqlite):
        owner, viewer = await a_user("ana"), await a_user("bob")
        async with transaction() as tx:
            box = await a_container(tx, owner, await a_node(tx), status=Status.STOPPED)
            await sharing.share(tx, owner, box.id, role=Role.VIEWER, username=viewer.username)
            made = [(await keys.create_key(tx, each, name="k", scope="exec"))[1] for each in (owner, viewer)]
        for key, expected in zip(made, ((409, "machine_not_running"), (403, "forbidden")), strict=True):
            async with visitor(api_key=key, origin=None) as program:
                answer = await program.post(f"/api/containers/{box.id}/exec_command/", json={"command": "true"})
            assert (answer.status_code, answer.json()["error"]["code"]) == expected


async def test_a_database_that_is_locked(fresh_sqlite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "_LOCK_WAIT_S", 0.1)
    async with in_use(fresh_sqlite):
        ana = await a_user("ana")
        async with transaction() as tx:
            _, key = await keys.create_key(tx, ana, name="k", scope="admin")
        path = fresh_sqlite.removeprefix("sqlite:///")
        async with visitor(api_key=key, origin=None) as program:
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                answer = await program.post("/api/teams/", json={"name": "Team A"})
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "upstream_error")
                assert answer.headers["retry-after"] == "1"
            assert (await program.post("/api/teams/", json={"name": "Team A"})).status_code == 201
