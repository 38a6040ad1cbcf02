"""What somebody would try at `/api/v1/`, and that nothing comes of it."""

import json
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from backend.db import transaction
from backend.services import keys
from tests.asgi import ORIGIN
from tests.factories import an_actor
from tests.file_scene import Scene, scene  # noqa: F401 - a fixture
from tests.people import visitor
from tests.programs import a_key
from tests.unit.test_mcp_door import agent

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def client(scene: Scene) -> AsyncGenerator[httpx.AsyncClient]:  # noqa: F811
    async with visitor(api_key=await a_key(scene.owner), origin=None) as made:
        made.base_url = made.base_url.join(f"/api/v1/containers/{scene.container_id}/")
        yield made


async def test_no_file_is_put_anywhere_but_into_the_folder_that_is_named(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    for path in ("../a", "a/../../b", "/etc/passwd", "~/a", "a\0b", "a\nb", "", "a/", "x" * 300, "a\\b", "\ud800"):
        body = {"dest_path": str(tmp_path / "app"), "files": [{"path": path, "content": "x"}]}
        answer = await client.put("files/", content=_json(body))
        assert answer.status_code == 422, path
    for folder in ("/etc", "/usr/bin", "/", "app", "/app/../etc", "/proc/self", "/a\0b", "/lib/x"):
        body = {"dest_path": folder, "files": [{"path": "a", "content": "x"}]}
        answer = await client.put("files/", content=_json(body))
        assert answer.status_code == 422, folder
    assert not (tmp_path / "app").exists() or not [*(tmp_path / "app").iterdir()]


def _json(body: dict[str, object]) -> bytes:
    return json.dumps(body).encode()


async def test_a_link_in_the_folders_place_leads_nowhere(client: httpx.AsyncClient, tmp_path: Path) -> None:
    os.symlink("/etc", tmp_path / "trap")
    body = {"dest_path": str(tmp_path / "trap"), "files": [{"path": "pqk-attack", "content": "x"}]}
    assert (await client.put("files/", json=body)).status_code == 422
    assert not Path("/etc/pqk-attack").exists()  # noqa: ASYNC240
    (tmp_path / "app" / "sub").mkdir(parents=True)
    os.symlink("/etc", tmp_path / "app" / "out")
    body = {"dest_path": str(tmp_path / "app"), "files": [{"path": "out/pqk-attack", "content": "x"}]}
    assert (await client.put("files/", json=body)).status_code == 409
    assert not Path("/etc/pqk-attack").exists()  # noqa: ASYNC240


async def test_nothing_outside_the_shown_folder_is_read_or_listed(client: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir(exist_ok=True)
    os.symlink("/etc/passwd", tmp_path / "app" / "link")
    os.mkfifo(tmp_path / "app" / "pipe")
    for path in ("/etc/passwd", "../../etc/passwd", "/app/../etc/passwd", "link", "pipe", "a\0b", "", "x" * 5000):
        for noun in ("files/", "dirs/"):
            if (noun, path) == ("dirs/", ""):
                continue
            answer = await client.get(noun, params={"path": path})
            assert answer.status_code in (404, 409, 422), (noun, path, answer.text)
            assert "root:" not in answer.text


async def test_what_is_too_much_is_refused(client: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir(exist_ok=True)
    with (tmp_path / "app" / "huge").open("wb") as huge:
        huge.truncate(6 * 1024 * 1024)
    assert (await client.get("files/", params={"path": "huge"})).status_code == 413
    body = {"files": [{"path": "a", "content": "x" * 1024 * 1024}]}
    assert (await client.put("files/", json=body)).status_code == 413
    many = {"files": [{"path": f"f{number}", "content": ""} for number in range(201)]}
    assert (await client.put("files/", json=many)).status_code == 422
    much = (await client.post("exec/", json={"command": "head -c 2000000 /dev/zero"})).json()
    assert (len(much["stdout"]), much["truncated"]) == (512 * 1024, True)


async def test_what_is_no_content_is_refused(client: httpx.AsyncClient) -> None:
    for wrong in (
        {"content": "a", "content_b64": "YQ=="},
        {},
        {"content_b64": "no base64!"},
        {"content": "a", "mode": "999"},
        {"content": "a", "mode": "rwx"},
        {"content": "a", "owner": "root"},
    ):
        answer = await client.put("files/", json={"files": [{"path": "a", **wrong}]})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request"), wrong


async def test_a_file_named_twice_or_as_a_folder_of_another_is_refused(client: httpx.AsyncClient) -> None:
    for paths in (("a", "a"), ("a", "./a"), ("a", "a/b")):
        body = {"files": [{"path": each, "content": ""} for each in paths]}
        assert (await client.put("files/", json=body)).status_code == 422


async def test_commands_and_runs_that_no_shell_takes_are_refused(client: httpx.AsyncClient) -> None:
    for command in ("", "  ", "a\0b", "x" * 40_000, "é" * 20_000):
        for address in ("exec/", _RUNS):
            answer = await client.post(address, json={"command": command, **({} if "exec" in address else _ASYNC)})
            assert answer.status_code == 422, (address, command[:10])
    for more in ({"timeout": 0}, {"timeout": 1e9}, {"cwd": "a"}, {"env": {"a b": "c"}}, {"stdin": 1}):
        assert (await client.post("exec/", json={"command": "true", **more})).status_code == 422
    for more in (
        {"timeout_seconds": 0},
        {"timeout_seconds": 10**9},
        {"files": [{"path": "../a", "content": ""}]},
        {"type": -1},
        {"type": 2**40},
        {"is_asynchronous": True},
    ):
        assert (await client.post(_RUNS, json={"command": "true", **_ASYNC, **more})).status_code == 422


_ASYNC = {"async": True}
_RUNS = f"{ORIGIN}/api/v1/runs/"


async def test_a_key_that_may_only_look_does_nothing(scene: Scene) -> None:  # noqa: F811
    here = f"/api/v1/containers/{scene.container_id}"
    async with visitor(api_key=await a_key(scene.owner, "read"), origin=None) as client:
        asked: tuple[tuple[str, str, dict[str, object] | None], ...] = (
            ("POST", f"{here}/exec/", {"command": "true"}),
            ("POST", f"{here}/actions/", {"action": "stop"}),
            ("PUT", f"{here}/files/", {"files": [{"path": "a", "content": ""}]}),
            ("GET", f"{here}/files/?path=a", None),
            ("GET", f"{here}/processes/", None),
            ("DELETE", f"{here}/", None),
            ("POST", "/api/v1/containers/", {"type": "small"}),
            ("POST", "/api/v1/runs/", {"command": "true"}),
        )
        for method, address, body in asked:
            answer = await client.request(method, address, json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden_scope"), address
        assert (await client.get(f"{here}/")).status_code == 200


async def test_a_stranger_finds_nothing_and_a_revoked_key_opens_nothing(scene: Scene) -> None:  # noqa: F811
    here = f"/api/v1/containers/{scene.container_id}"
    async with transaction() as tx:
        stranger = await an_actor(tx)
    async with visitor(api_key=await a_key(stranger, "admin"), origin=None) as client:
        for method, path, body in (
            ("GET", "/", None),
            ("DELETE", "/", None),
            ("POST", "/exec", {"command": "true"}),
            ("GET", "/processes/p1", None),
            ("DELETE", "/processes/p1", None),
            ("GET", "/files?path=a", None),
            ("PUT", "/files", {"files": [{"path": "a", "content": ""}]}),
            ("GET", "/dirs", None),
            ("GET", "/ports", None),
        ):
            assert (await client.request(method, f"{here}{path}", json=body)).status_code == 404, path
        async with transaction() as tx:
            for each in await keys.list_keys(tx, stranger):
                await keys.revoke_key(tx, stranger, each.id)
        for path in ("types", "containers", "runs", "events"):
            assert (await client.get(f"/api/v1/{path}")).status_code == 401


async def test_a_cookie_from_another_page_does_nothing(scene: Scene) -> None:  # noqa: F811
    async with visitor(sid=scene.sids["owner"], origin="https://evil.example") as client:
        for address in ("/api/v1/runs", "/api/v1/runs/"):
            assert (await client.post(address, json={"command": "true"})).status_code == 403


async def test_a_file_that_is_too_much_for_a_model_is_refused_to_its_agent(scene: Scene) -> None:  # noqa: F811
    scene.root.mkdir(exist_ok=True)
    (scene.root / "large").write_bytes(b"\x01" * (256 * 1024 + 1))
    (scene.root / "small").write_bytes(b"\x01" * 256 * 1024)
    async with agent(await a_key(scene.owner)) as client:
        said = await client.call_tool("read_path", {"container_id": scene.container_id, "path": "/app/large"})
        assert said.is_error
        assert "too large" in str(said.content)
        said = await client.call_tool("read_path", {"container_id": scene.container_id, "path": "/app/small"})
        assert not said.is_error, said.content
