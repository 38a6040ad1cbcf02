"""The cross-tenant matrix at the tools of the MCP server: each of them, with everybody's key, does what the table says.

The tools are those that the server offers: a new one needs a row in `TOOLS`.
"""

import json
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from mcp.client import Client
from sqlmodel import col, select, update

from backend import settings
from backend.db import reading, transaction
from backend.errors import Forbidden, NotFound, ScopeTooSmall
from backend.models import ApiKey, AuditLog, Container, PreviewLink
from backend.models.base import now
from backend.rules import connecting
from backend.rules.policy import Action, Actor, Role, Scope, Verdict, is_in_reach, judge, scope_of
from tests.conftest import in_use
from tests.people import visitor
from tests.programs import a_key
from tests.tenants import NAMES, Thing, World, a_fresh_team, a_fresh_thing, a_world_of_tenants, leave_some_behind
from tests.unit.test_api_docs import ROOT
from tests.unit.test_mcp_door import agent


@dataclass(frozen=True)
class Try:
    """What a call does, by the table. Without `in_container` it is about nobody but who asks."""

    action: Action
    arguments: dict[str, Any]
    in_container: bool = True


TOOLS: dict[str, list[Try]] = {
    "list_types": [Try(Action.TYPE_LIST, {}, in_container=False)],
    "list_containers": [Try(Action.CONTAINER_LIST, {}, in_container=False)],
    "run_code": [Try(Action.ONE_SHOT_SUBMIT, {"command": "true", "timeout_seconds": 1}, in_container=False)],
    "get_or_create_container": [Try(Action.CONTAINER_CREATE, {"name": "of-my-own"}, in_container=False)],
    "container_exec": [
        Try(Action.CONTAINER_SEND_COMMAND, {"command": "true"}),
        Try(Action.CONTAINER_SEND_COMMAND, {"command": "true", "background": True}),
    ],
    "process_status": [Try(Action.PROCESS_LOOK, {"process_id": "p1"})],
    "write_files": [Try(Action.FILE_WRITE, {"files": [{"path": "a", "content": "b"}]})],
    "read_path": [Try(Action.CONTAINER_DOWNLOAD_FILE, {"path": "/app/a"})],
    "get_preview": [
        Try(Action.PORT_LIST, {"port": 8080}),
        Try(Action.PREVIEW_LINK, {"port": 8080, "public": True, "hours": 1}),
    ],
    "destroy_container": [Try(Action.CONTAINER_DELETE, {"confirm": True})],
}
"""The last takes the container away: it stands at the end."""
_LOOKS = {Action.TYPE_LIST, Action.CONTAINER_LIST, Action.PROCESS_LOOK, Action.PORT_LIST}
"""Of them, the audit log has the refusals alone."""
_CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
_ACCEPTS = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
async def one_database(fresh_sqlite: str, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[None]:
    """Tools ask nothing of a database but through services, and test_matrix.py tries those on both. Nobody drives
    machines here, so nobody waits for one."""
    for name in ("API_RATE", "API_RATE_STRANGERS"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setattr("backend.api.mcp.calling.BOOT_S", 0.05)
    monkeypatch.setattr("backend.rules.one_shots.BOOT_WITHIN_S", -10)
    async with in_use(fresh_sqlite):
        yield


async def test_every_tool_of_the_server_is_in_the_matrix_and_on_the_page(one_database: None) -> None:
    world = await a_world_of_tenants()
    async with agent(await a_key(world.people["stranger"], "read")) as client:
        offered = (await client.list_tools()).tools
    names = {each.name for each in offered}
    assert names == TOOLS.keys(), "tell tests/unit/test_matrix_mcp.py what they do"
    assert names == connecting.TOOLS.keys(), "tell people what they do"
    for each in offered:
        asks_for_one = "container_id" in each.input_schema["properties"]
        assert all(call.in_container is asks_for_one for call in TOOLS[each.name]), each.name


def test_the_docs_say_of_every_tool_which_key_it_needs() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.+) \|$", (ROOT / "docs" / "mcp.md").read_text(), re.M)
    said = {name: {each for each in Scope if each.value in words} for name, words in rows if name in TOOLS}
    assert said == {name: {scope_of(each.action) for each in tries} for name, tries in TOOLS.items()}


def _expected(each: Try, actor: Actor, scope: Scope, world: World, who: str, thing: Thing) -> Verdict:
    role = world.role_in_container(who, thing) if each.in_container else None
    owner_id = world.owner_id if each.in_container else actor.user_id
    reader = Actor(actor.user_id, actor.username, scope=scope)
    return judge(reader, each.action, owner_id=owner_id, role=role)


def _verdict(said: Any, action: Action) -> Verdict:
    """What an agent was told. A refusal for other reasons means that the gate let it pass."""
    text = str(getattr(said.content[0], "text", "")).partition(": ")[2] if said.is_error else ""
    if text == NotFound("That container").message:
        return Verdict.HIDE
    return Verdict.FORBID if text in (Forbidden().message, ScopeTooSmall(scope_of(action)).message) else Verdict.ALLOW


async def _traces(since: int, user_id: int, action: Action) -> list[AuditLog]:
    query = select(AuditLog).where(col(AuditLog.id) > since, AuditLog.user_id == user_id, AuditLog.action == action)
    async with reading() as tx:
        return list((await tx.exec(query)).all())


async def _last_row() -> int:
    async with reading() as tx:
        return max((await tx.exec(select(AuditLog.id))).all(), default=0)


async def _kept(thing: Thing) -> str:
    """All of the thing that a call could change."""
    async with reading() as tx:
        links = (await tx.exec(select(PreviewLink).where(PreviewLink.container_id == thing.container_id))).all()
        return f"{await tx.get(Container, thing.container_id)} {sorted(map(str, links))}"


async def _try(
    client: Client, tool: str, each: Try, world: World, who: str, thing: Thing, scope: Scope, prefix: str
) -> str:
    """Call it; what is wrong with what came of it, or nothing."""
    actor, before, since = world.people[who], await _kept(thing), await _last_row()
    expected = _expected(each, actor, scope, world, who, thing)
    about = {"container_id": thing.container_id} if each.in_container else {}
    said = await client.call_tool(tool, about | each.arguments)
    traces = await _traces(since, actor.person_id, each.action)
    wrong: list[str] = []
    if (came := _verdict(said, each.action)) is not expected:
        wrong.append(f"{came}, and the table says {expected}: {said.content}")
    if expected is not Verdict.ALLOW and await _kept(thing) != before:
        wrong.append("something was changed")
    if expected is Verdict.HIDE and thing.name in str(said):
        wrong.append("its name was told")
    if (expected is not Verdict.ALLOW or each.action not in _LOOKS) and not traces:
        wrong.append("the audit log has nothing of it")
    if any((row.via, row.details.get("api_key")) != ("api", prefix) for row in traces):
        wrong.append("the audit log does not say by which key")
    return f"{tool} as {who} ({thing.role}) with {scope}: {'; '.join(wrong)}" if wrong else ""


async def _tries(world: World, who: str, scope: Scope) -> list[str]:
    """Everything with one key of a person, on a container in each role."""
    key = await a_key(world.people[who], scope)
    prefix, wrong = key.split("_")[1], list[str]()
    async with agent(key) as client:
        for role in Role:
            thing = await a_fresh_thing(world, role)
            await leave_some_behind(world)
            for tool, tries in TOOLS.items():
                for each in tries if role is Role.VIEWER or tries[0].in_container else []:
                    wrong.append(await _try(client, tool, each, world, who, thing, scope, prefix))
    return [each for each in wrong if each]


@pytest.mark.parametrize("scope", list(Scope))
async def test_every_tool_does_for_everybodys_key_what_the_table_says(one_database: None, scope: Scope) -> None:
    world, wrong = await a_world_of_tenants(), list[str]()
    for who in NAMES:
        if who != "nobody":
            await a_fresh_team(world)
            wrong += await _tries(world, who, scope)
    assert not wrong, "\n".join(wrong)


async def test_the_list_has_what_one_sees_and_a_name_is_looked_for_among_ones_own_alone(one_database: None) -> None:
    world = await a_world_of_tenants()
    await a_fresh_team(world)
    things = [await a_fresh_thing(world, role) for role in Role]
    await leave_some_behind(world)
    for who in (name for name in NAMES if name != "nobody"):
        async with agent(await a_key(world.people[who])) as client:
            said = (await client.call_tool("list_containers", {})).structured_content or {}
            sees = who == "owner" or world.role_in_container(who, things[0]) is not None
            assert {each["id"] for each in said["result"]} == (
                {each.container_id for each in things} if sees else set()
            )
            made = await client.call_tool("get_or_create_container", {"name": things[0].name})
            assert not made.is_error or "did not start" in str(made.content), made.content
        async with reading() as tx:
            query = select(Container.user_id).where(Container.name == things[0].name)
            owners = (await tx.exec(query)).all()
        assert owners.count(world.owner_id) == 1
        assert world.people[who].user_id in owners


async def _asked(client: httpx.AsyncClient, tool: str, container_id: int) -> httpx.Response:
    arguments = TOOLS[tool][0].arguments | ({"container_id": container_id} if TOOLS[tool][0].in_container else {})
    said = {**_CALL, "params": {"name": tool, "arguments": arguments}}
    return await client.post("/mcp", json=said, headers=_ACCEPTS)


async def _worthless_keys(owner: Actor) -> list[str]:
    revoked, expired = await a_key(owner, "admin"), await a_key(owner, "admin")
    async with transaction() as tx:
        for key, change in ((revoked, {"revoked_at": now()}), (expired, {"expires_at": now() - timedelta(seconds=1)})):
            await tx.exec(update(ApiKey).where(col(ApiKey.prefix) == key.split("_")[1]).values(**change))
    return ["", revoked, expired, f"{revoked[:-1]}x"]


async def test_without_a_good_key_no_tool_is_reached_nor_by_the_owners_own_session(one_database: None) -> None:
    world = await a_world_of_tenants()
    await a_fresh_team(world)
    thing = await a_fresh_thing(world, Role.MANAGER)
    before = await _kept(thing)
    for key in await _worthless_keys(world.people["owner"]):
        async with visitor(api_key=key, sid=world.sids["owner"]) as client:
            for tool in TOOLS:
                answer = await _asked(client, tool, thing.container_id)
                assert (answer.status_code, thing.name in answer.text) == (401, False), tool
    assert await _kept(thing) == before


async def test_a_key_that_is_revoked_meanwhile_is_out_at_its_next_call(one_database: None) -> None:
    world = await a_world_of_tenants()
    key = await a_key(world.people["owner"])
    async with visitor(api_key=key) as client:
        assert (await _asked(client, "list_containers", 0)).status_code == 200
        async with transaction() as tx:
            await tx.exec(update(ApiKey).where(col(ApiKey.prefix) == key.split("_")[1]).values(revoked_at=now()))
        assert (await _asked(client, "list_containers", 0)).status_code == 401


async def test_calls_are_counted_with_those_of_the_api(one_database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_RATE", "2")
    settings.settings.cache_clear()
    world = await a_world_of_tenants()
    async with visitor(api_key=await a_key(world.people["owner"])) as client:
        left = [(await client.get("/api/v1/types")).headers["RateLimit-Remaining"]]
        left.append((await _asked(client, "list_types", 0)).headers["RateLimit-Remaining"])
        assert left == ["1", "0"]
        for tool in TOOLS:
            answer = await _asked(client, tool, 0)
            assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (429, True), tool
        assert (await client.get("/api/v1/types")).status_code == 429


async def test_a_call_leaves_the_trace_that_the_same_leaves_by_the_api(one_database: None) -> None:
    world = await a_world_of_tenants()
    await a_fresh_team(world)
    one, other = await a_fresh_thing(world, Role.VIEWER), await a_fresh_thing(world, Role.VIEWER)
    traces: list[dict[str, Any]] = []
    async with visitor(api_key=await a_key(world.people["owner"])) as client:
        for thing in (one, other):
            since = await _last_row()
            if thing is one:
                answer = await _asked(client, "destroy_container", thing.container_id)
                assert json.dumps(thing.name) in answer.text.replace("\\", "")
            else:
                assert (await client.delete(f"/api/v1/containers/{thing.container_id}")).is_success
            (row,) = await _traces(since, world.owner_id, Action.CONTAINER_DELETE)
            said = row.model_dump(exclude={"id", "created_at", "hash", "private_digest"})
            traces.append(
                json.loads(json.dumps(said).replace(thing.name, "NAME").replace(f'"{thing.container_id}"', '"ID"'))
            )
    assert traces[0] == traces[1]
    assert is_in_reach(Scope.EXEC, Action.CONTAINER_DELETE)
