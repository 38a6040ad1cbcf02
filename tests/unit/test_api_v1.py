"""`/api/v1/`: its addresses, bodies and answers, as programs rely on them."""

import base64
from pathlib import Path

import pytest

from backend.api.v1.schema import openapi
from backend.db import transaction
from backend.models import Container
from backend.models.base import now
from tests.factories import a_node
from tests.file_scene import Scene, scene  # noqa: F401 - a fixture
from tests.people import a_user, visitor
from tests.programs import a_key

pytestmark = pytest.mark.usefixtures("database")


async def _client(scope: str = "exec"):
    async with transaction() as tx:
        await a_node(tx)
    ana = await a_user("ana")
    return visitor(api_key=await a_key(ana, scope), origin=None)


async def _at(scene: Scene):  # noqa: F811
    client = visitor(api_key=await a_key(scene.owner), origin=None)
    return client, f"/api/v1/containers/{scene.container_id}"


@pytest.mark.parametrize("slash", ["", "/"])
async def test_an_address_is_the_same_with_and_without_its_last_slash(slash: str) -> None:
    async with await _client() as client:
        made = await client.post(f"/api/v1/containers{slash}", json={"type": "small"})
        assert made.status_code == 201
        here = f"/api/v1/containers/{made.json()['id']}"
        assert (await client.get(f"{here}{slash}")).json()["id"] == made.json()["id"]
        stopped = await client.post(f"{here}/actions{slash}", json={"action": "stop"})
        assert (stopped.status_code, stopped.json()["desired_state"]) == (202, "stopped")
        assert (await client.get(f"/api/v1/types{slash}")).status_code == 200
        assert (await client.put(f"/api/v1/types{slash}")).status_code == 405
        assert (await client.get(f"/api/v1/nothing{slash}")).json()["error"]["code"] == "not_found"
        assert (await client.delete(f"{here}{slash}")).json()["deleting"] is True


async def test_lists_say_how_much_there_is_and_where_the_rest_is() -> None:
    async with await _client() as client:
        made = [(await client.post("/api/v1/containers/", json={"type": "small"})).json()["id"] for _ in range(3)]
        seen: list[int] = []
        address = "/api/v1/containers/?limit=2"
        while address:
            said = (await client.get(address)).json()
            assert set(said) == {"count", "next", "previous", "results"}
            assert said["count"] == 3
            seen += [each["id"] for each in said["results"]]
            before, address = said["previous"], said["next"]
        assert seen == made[::-1]
        assert before == "/api/v1/containers/?limit=2&offset=0"
        beyond = (await client.get("/api/v1/containers/?offset=10")).json()
        assert (beyond["count"], beyond["results"], beyond["next"]) == (3, [], None)


async def test_types_are_a_plain_list() -> None:
    async with await _client("read") as client:
        said = (await client.get("/api/v1/types/")).json()
    assert said[0]["name"] == "small"
    assert set(said[0]) == {"id", "name", "memory_mb", "vcpus", "disk_gib", "credits_cost", "affordable"}


async def test_a_container_is_made_of_a_type_by_name_or_id_and_ends_when_it_is_told_to() -> None:
    async with await _client() as client:
        kind = (await client.get("/api/v1/types/")).json()[0]
        asked = {"type": kind["id"], "name": "short", "ttl_seconds": 3600}
        made = (await client.post("/api/v1/containers/", json=asked)).json()
        assert (made["name"], made["type"], made["role"]) == ("short", kind["name"], None)
        async with transaction() as tx:
            row = await tx.get_one(Container, made["id"])
            assert row.expires_at is not None
            assert 3500 < (row.expires_at - now()).total_seconds() <= 3600
            assert row.expiry_warned_at is not None
        refused = await client.post("/api/v1/containers/", json={"type": "none such"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "type_not_allowed")
        for wrong in ({"type": "small", "ttl_seconds": 1}, {"type": "small", "more": 1}, {}, {"type": True}):
            assert (await client.post("/api/v1/containers/", json=wrong)).status_code == 422


async def test_a_post_that_names_itself_is_done_once() -> None:
    async with await _client() as client:
        headers = {"Idempotency-Key": "a"}
        first = await client.post("/api/v1/containers/", json={"type": "small"}, headers=headers)
        again = await client.post("/api/v1/containers", json={"type": "small"}, headers=headers)
        assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
        assert (await client.get("/api/v1/containers/")).json()["count"] == 1


async def test_a_command_is_run_and_says_what_came_of_it(scene: Scene) -> None:  # noqa: F811
    client, here = await _at(scene)
    async with client:
        done = await client.post(f"{here}/exec", json={"command": "echo out; echo err >&2; exit 3"})
        said = done.json()
        assert said.pop("duration_ms") >= 0
        assert said == {"stdout": "out\n", "stderr": "err\n", "exit_code": 3, "truncated": False}
        raw = {"command": "od -An -tx1", "stdin_b64": "AP8K"}
        assert (await client.post(f"{here}/exec", json=raw)).json()["stdout"] == " 00 ff 0a\n"
        for wrong in ({"stdin_b64": "A"}, {"stdin_b64": "é"}, {"stdin_b64": "AP8=", "stdin": "a"}):
            assert (await client.post(f"{here}/exec", json={"command": "true"} | wrong)).status_code == 422
        late = await client.post(f"{here}/exec/", json={"command": "echo begun; sleep 60", "timeout": 1})
        assert (late.status_code, late.json()["error"]["code"]) == (504, "timeout")
        assert (late.json()["stdout"], late.json()["exit_code"]) == ("begun\n", None)


async def test_files_are_put_together_read_and_listed(scene: Scene, tmp_path: Path) -> None:  # noqa: F811
    client, here = await _at(scene)
    raw = bytes(range(256))
    sent = [
        {"path": "src/größe.py", "content": "print('ß')\n", "mode": "755"},
        {"path": "raw", "content_b64": base64.b64encode(raw).decode()},
        {"path": "empty", "content": ""},
    ]
    folder = str(tmp_path / "app")
    async with client:
        done = await client.put(f"{here}/files", json={"dest_path": folder, "files": sent})
        assert sorted(done.json()["created"]) == ["empty", "raw", "src/größe.py"], done.text
        again = (await client.put(f"{here}/files/", json={"dest_path": folder, "files": sent})).json()
        assert (again["created"], again["changed"], len(again["same"])) == ([], [], 3)
        text = (await client.get(f"{here}/files", params={"path": "/app/src/größe.py"})).json()
        assert (text["content"], text["content_b64"], text["mode"]) == ("print('ß')\n", None, "755")
        binary = (await client.get(f"{here}/files/", params={"path": "raw"})).json()
        assert (base64.b64decode(binary["content_b64"]), binary["content"], binary["size"]) == (raw, None, 256)
        listed = (await client.get(f"{here}/dirs", params={"limit": 2})).json()
        assert (listed["count"], [each["path"] for each in listed["results"]]) == (3, ["/app/src", "/app/empty"])
        rest = (await client.get(listed["next"])).json()
        assert [(each["name"], each["kind"]) for each in rest["results"]] == [("raw", "file")]
        missing = await client.get(f"{here}/files/", params={"path": "none"})
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")


async def test_its_description_is_its_own_and_its_page_loads_nothing_from_elsewhere() -> None:
    async with visitor() as client:
        said = (await client.get("/api/v1/schema")).json()
        assert said == openapi()
        assert said["openapi"] == "3.1.0"
        assert all(path.startswith("/api/v1/") and path.endswith("/") for path in said["paths"])
        rest = (await client.get("/api/schema/")).json()["paths"]
        assert not [path for path in rest if path.startswith("/api/v1/")]
        page = await client.get("/api/v1/schema/swagger-ui")
        assert "http" not in page.text
        for name in ("swagger-ui-v1-start.js", "swagger-ui-bundle.js", "swagger-ui.css"):
            assert name in page.text
            assert (await client.get(f"/api/schema/files/{name}")).status_code == 200
        assert '"/api/v1/schema/"' in (await client.get("/api/schema/files/swagger-ui-v1-start.js")).text
