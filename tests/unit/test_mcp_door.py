"""The MCP server, spoken to by the official client: what it offers, what comes of a call, and who is let in."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from backend.api.app import make_api
from backend.api.mcp import door
from backend.api.routes import exec_commands
from backend.db import transaction
from backend.models import Node, Status
from backend.services import containers
from backend.settings import settings
from backend.tasks.runner import running
from tests.asgi import ORIGIN
from tests.factories import a_container
from tests.people import a_user, visitor
from tests.programs import Programs, a_key, programs
from tests.stores import eventually

pytestmark = pytest.mark.usefixtures("database")

TOOLS = {
    "list_types",
    "run_code",
    "list_containers",
    "get_or_create_container",
    "container_exec",
    "process_status",
    "write_files",
    "read_path",
    "get_preview",
    "destroy_container",
}


@asynccontextmanager
async def agent(key: str, *, timeout_s: float = 60) -> AsyncGenerator[Client]:
    """Somebody's agent, with that key."""
    transport, headers = httpx2.ASGITransport(app=make_api()), {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers, timeout=timeout_s) as http,
        Client(streamable_http_client(f"{ORIGIN}/mcp", http_client=http)) as client,
    ):
        yield client


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Programs]:
    async with programs(tmp_path, monkeypatch) as made, running():
        yield made


async def _call(client: Client, tool: str, **arguments: Any) -> Any:
    said = await client.call_tool(tool, arguments)
    assert not said.is_error, said.content
    return said.structured_content


async def _refused(client: Client, tool: str, **arguments: Any) -> str:
    said = await client.call_tool(tool, arguments)
    assert said.is_error
    return str(getattr(said.content[0], "text", ""))


async def test_it_says_what_it_is_and_what_it_offers(scene: Programs) -> None:
    async with agent(await a_key(scene.actor)) as client:
        assert "real Linux virtual machines" in (client.instructions or "")
        offered = {each.name: each for each in (await client.list_tools()).tools}
        assert set(offered) == TOOLS
        assert all(each.description and each.output_schema for each in offered.values())
        assert offered["destroy_container"].annotations is not None
        assert offered["destroy_container"].annotations.destructive_hint
        prompts = {each.name for each in (await client.list_prompts()).prompts}
        assert prompts == {"try_in_a_machine", "prove_it_runs"}
        told = await client.get_prompt("prove_it_runs", {"project": "shop"})
        assert "shop" in json.dumps(told.model_dump(mode="json"))


async def test_an_agent_makes_a_machine_works_in_it_and_gives_it_back(scene: Programs) -> None:
    told: list[str] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async with agent(await a_key(scene.actor)) as client:
        (small, *_) = (await _call(client, "list_types"))["result"]
        assert small["name"] == "small"
        said = await client.call_tool(
            "get_or_create_container", {"name": "work", "type": "small"}, progress_callback=hear
        )
        made = said.structured_content or {}
        assert (made["name"], made["status"]) == ("work", "running")
        again = await _call(client, "get_or_create_container", name="work")
        assert again["id"] == made["id"]
        listed = (await _call(client, "list_containers"))["result"]
        assert [each["name"] for each in listed] == ["work"]
        assert "Nothing was deleted" in await _refused(
            client, "destroy_container", container_id=made["id"], confirm=False
        )
        gone = await _call(client, "destroy_container", container_id=made["id"], confirm=True)
        assert gone == {"id": made["id"], "name": "work"}
    await scene.until_nothing_is_left()
    assert any("work" in each for each in told)


async def test_a_machine_of_no_type_is_of_the_cheapest(scene: Programs) -> None:
    async with agent(await a_key(scene.actor)) as client:
        cheapest = (await _call(client, "list_types"))["result"][0]["name"]
        assert (await _call(client, "get_or_create_container", name="work"))["type"] == cheapest


async def test_code_is_run_in_a_machine_of_its_own(scene: Programs) -> None:
    async with agent(await a_key(scene.actor)) as client:
        files = [{"path": "a.txt", "content": "hello"}]
        done = await _call(client, "run_code", command="cat a.txt; exit 3", files=files)
        assert (done["status"], done["stdout"], done["exit_code"]) == ("failed", "hello", 3)
    await scene.until_nothing_is_left()


async def test_without_a_good_key_nobody_comes_in_and_is_told_how(scene: Programs) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    async with visitor(origin=None) as stranger:
        for headers in ({}, {"Authorization": "Bearer pk_nobody_nothing"}, {"Authorization": "Basic eDp5"}):
            answer = await stranger.post("/mcp", json=body, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
            assert "resource_metadata=" in answer.headers["WWW-Authenticate"]
        for address in ("", "/mcp"):
            said = (await stranger.get(f"/.well-known/oauth-protected-resource{address}")).json()
            assert said["resource"].endswith("/mcp")
            assert said["bearer_methods_supported"] == ["header"]


async def test_another_persons_machine_does_not_exist_and_a_key_that_reads_only_reads(scene: Programs) -> None:
    async with agent(await a_key(scene.actor)) as client:
        mine = (await _call(client, "get_or_create_container", name="mine", type="small"))["id"]
    stranger = await a_user("stranger")
    calls: list[tuple[str, dict[str, Any]]] = [
        ("container_exec", {"command": "true"}),
        ("process_status", {"process_id": "1"}),
        ("write_files", {"files": [{"path": "a", "content": "b"}]}),
        ("read_path", {}),
        ("get_preview", {"port": 8000}),
        ("get_preview", {"port": 8000, "public": True}),
        ("destroy_container", {"confirm": True}),
    ]
    async with agent(await a_key(stranger)) as client:
        for tool, arguments in calls:
            said = await _refused(client, tool, container_id=mine, **arguments)
            assert ("scope “admin”" if arguments.get("public") else "no such") in said.lower() or "not exist" in said
        assert (await _call(client, "list_containers"))["result"] == []
    async with agent(await a_key(scene.actor, "read")) as client:
        assert [each["id"] for each in (await _call(client, "list_containers"))["result"]] == [mine]
        for tool, arguments in (*calls[:1], *calls[2:3], calls[-1]):
            assert "scope" in await _refused(client, tool, container_id=mine, **arguments)
        assert "scope" in await _refused(client, "run_code", command="true")
        assert "scope" in await _refused(client, "get_or_create_container", name="other")
    assert len(await scene.containers()) == 1


async def test_a_name_is_the_same_machine_however_it_is_spelt(scene: Programs) -> None:
    async with agent(await a_key(scene.actor)) as client:
        made = await _call(client, "get_or_create_container", name="My_App", type="small")
        assert made["name"] == "my-app"
        assert (await _call(client, "get_or_create_container", name="My_App"))["id"] == made["id"]
        assert "letters, digits" in await _refused(client, "get_or_create_container", name="no/slash")


async def test_a_machine_that_is_on_its_way_out_is_not_handed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with programs(tmp_path, monkeypatch) as scene:  # nobody drives it: it stays on its way
        async with transaction() as tx:
            node = await tx.get_one(Node, scene.node.id)
            box = await a_container(tx, scene.actor, node, status=Status.RUNNING, name="work")
            await containers.delete(tx, scene.actor, box.id)
        async with agent(await a_key(scene.actor)) as client:
            assert "is being deleted" in await _refused(client, "get_or_create_container", name="work")


async def test_where_previews_are_switched_off_no_address_is_given(
    scene: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREVIEW_PORT", "0")
    settings.cache_clear()
    async with agent(await a_key(scene.actor, "admin")) as client:
        made = await _call(client, "get_or_create_container", name="work", type="small")
        for public in (False, True):
            said = await _refused(client, "get_preview", container_id=made["id"], port=8000, public=public)
            assert "PREVIEW_PORT is 0" in said


async def test_an_offset_that_no_log_has_is_refused_at_the_door(scene: Programs) -> None:
    async with agent(await a_key(scene.actor)) as client:
        said = await _refused(client, "process_status", container_id=1, process_id="a", offset=10**30)
    assert "offset" in said


async def test_a_machine_that_is_stopped_meanwhile_is_waited_for_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with programs(tmp_path, monkeypatch) as scene:  # nobody drives it: it would boot for ever
        key = await a_key(scene.actor)
        async with agent(key) as client, visitor(api_key=key, origin=None) as program:
            asked = asyncio.create_task(_refused(client, "get_or_create_container", name="work", type="small"))

            async def made() -> list[Any]:
                return (await program.get("/api/v1/containers/")).json()["results"]

            (box,) = await eventually("it to be made", made)
            stop = await program.post(f"/api/v1/containers/{box['id']}/actions/", json={"action": "stop"})
            assert stop.is_success
            assert "was stopped meanwhile" in await asyncio.wait_for(asked, 10)


async def test_nobody_keeps_more_open_than_is_good_for_others(scene: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    key = await a_key(scene.actor)
    async with visitor(api_key=key, origin=None) as program:
        for method in ("GET", "DELETE"):
            assert (await program.request(method, "/mcp")).status_code == 405
        monkeypatch.setattr(door._CALLS, "most", 0)
        answer = await program.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
        monkeypatch.setattr(exec_commands._WAITING, "most", 0)
        answer = await program.post("/api/v1/runs/", json={"command": "true"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert not door._CALLS.taken
