"""What people paste into their programs: that it is what those take, that it works over HTTP, and how a key gets in."""

import ast
import json
import shlex
import tomllib
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.db import reading, transaction
from backend.rules.connecting import NO_KEY, Guide, SshWay, guides
from backend.rules.policy import Scope
from backend.services import keys
from pequeroku_ui.state.connect import ConnectState
from tests.agents import agent_told, server_in
from tests.conftest import in_use
from tests.factories import a_node
from tests.people import a_user
from tests.programs import a_key
from tests.served_api import served_api
from tests.unit.test_api_docs import ROOT, asked, examples
from tests.unit.test_states import Pipeline, _somebody, pipeline  # noqa: F401

DOCS = (ROOT / "docs" / "mcp.md").read_text()
_HOME, _KEY = "https://box.example:8443", "pk_ab12_c-d_E"
_JSON = {"cursor": "mcpServers", "vs-code": "servers", "json": "mcpServers"}
_SSH = SshWay("ssh NAME@box.example -p 2222", "SHA256:abc", "[box.example]:2222 ssh-ed25519 AAAA")


def _by_name(home: str = _HOME, key: str = _KEY, ssh: SshWay | None = _SSH) -> dict[str, Guide]:
    return {each.name: each for each in guides(home, key, ssh)}


@given(st.from_regex(r"pk_[a-z0-9]{10}_[A-Za-z0-9_-]{43}", fullmatch=True))
def test_whatever_a_key_is_each_client_reads_it_as_it_is(key: str) -> None:
    found, bearer = _by_name(key=key), f"Bearer {key}"
    for name, collection in _JSON.items():
        server = server_in(found[name].steps[0].text, collection)
        assert (server["url"], server["headers"]) == (f"{_HOME}/mcp", {"Authorization": bearer})
    assert shlex.split(found["claude-code"].steps[0].text)[-3:] == [
        f"{_HOME}/mcp",
        "--header",
        f"Authorization: {bearer}",
    ]
    table, shell = (each.text for each in found["codex"].steps)
    codex = tomllib.loads(table)["mcp_servers"]["pequeroku"]
    assert shlex.split(shell)[1] == f"{codex['bearer_token_env_var']}={key}"
    assert codex["url"] == f"{_HOME}/mcp"
    texts = {
        node.value for node in ast.walk(ast.parse(found["python"].steps[1].text)) if isinstance(node, ast.Constant)
    }
    assert {_HOME, key} <= texts


def test_without_a_gateway_nobody_is_sent_there_and_with_one_it_can_be_known() -> None:
    assert "ssh" not in _by_name(ssh=None)
    shown = _by_name()["ssh"]
    assert [each.text for each in shown.steps] == [_SSH.command, _SSH.known_hosts]
    assert _SSH.fingerprint in shown.after


def test_the_docs_have_what_the_page_has() -> None:
    for name in ("claude-code", "cursor", "vs-code", "codex", "json"):
        for step in _by_name("https://HOST", NO_KEY)[name].steps:
            assert f"\n{step.text}\n```" in DOCS, name


@pytest.fixture
async def key(fresh_sqlite: str) -> AsyncGenerator[str]:
    async with in_use(fresh_sqlite):
        ana = await a_user("ana")
        async with transaction() as tx:
            await a_node(tx)
        yield await a_key(ana)


async def test_what_is_pasted_works_over_http(key: str) -> None:
    with served_api() as url:
        found = _by_name(url, key)
        for name, collection in _JSON.items():
            async with agent_told(server_in(found[name].steps[0].text, collection)) as client:
                assert "run_code" in {each.name for each in (await client.list_tools()).tools}
        listed, run = (each.text for each in found["curl"].steps)
        assert asked(listed)[0] == 200
        asynchronous = run.replace('"uname -a"', '"uname -a", "async": true')
        status, body = asked(asynchronous)
        assert (status, json.loads(body)["status"]) == (202, "pending")
        (by_hand,) = [each for each in examples("sh", DOCS) if each.startswith("curl")]
        status, body = asked(by_hand, url=url, key=key)
        assert (status, '"destroy_container"' in body) == (200, True)


async def test_a_key_is_made_put_into_every_guide_and_put_away(database: str, pipeline: Pipeline) -> None:  # noqa: F811
    me, sid = await _somebody()
    await pipeline.fire(ConnectState.load(), sid=sid, path="/me/connect")
    assert pipeline.told("address") == "http://localhost/mcp"
    assert NO_KEY in str(pipeline.told("guides"))
    assert {each.name for each in pipeline.told("tools")} >= {"run_code", "container_exec"}
    await pipeline.fire(ConnectState.create({"name": "My agent", "scope": "exec", "days": "90"}), sid=sid)
    text = pipeline.told("new_key")
    for each in pipeline.told("guides"):
        assert (text in str(each)) is (each.name not in ("cli", "ssh")), each.name
    actor = await keys.actor_for_key(f"Bearer {text}")
    assert actor is not None
    assert (actor.user_id, actor.scope) == (me.user_id, Scope.EXEC)
    await pipeline.fire(ConnectState.choose("codex"), sid=sid)
    assert pipeline.told("chosen") == "codex"
    await pipeline.fire(ConnectState.choose("nonsense"), sid=sid)
    assert pipeline.told("chosen") == "codex"
    await pipeline.fire(ConnectState.put_away(), sid=sid)
    assert pipeline.told("new_key") == ""
    assert text not in str(pipeline.told("guides"))


async def test_a_key_goes_when_the_page_is_left_or_somebody_else_signs_in(database: str, pipeline: Pipeline) -> None:  # noqa: F811
    _, sid = await _somebody()
    other, others_sid = await _somebody()
    for next_one in (sid, others_sid):
        await pipeline.fire(ConnectState.create({"name": "a", "scope": "read", "days": "30"}), sid=sid)
        text = pipeline.told("new_key")
        await pipeline.fire(ConnectState.load(), sid=next_one, path="/me/connect")
        assert text not in str(pipeline.deltas)
        assert NO_KEY in str(pipeline.told("guides"))
    async with reading() as tx:
        assert await keys.list_keys(tx, other) == []


async def test_what_makes_no_key_is_said_by_the_form(database: str, pipeline: Pipeline) -> None:  # noqa: F811
    _, sid = await _somebody()
    for form in ({}, {"name": "a", "scope": "all", "days": "30"}, {"name": "a", "scope": "read", "days": "soon"}):
        await pipeline.fire(ConnectState.create(form), sid=sid)
        assert pipeline.told("problem").startswith(("Choose", "Give"))
        assert not pipeline.told("new_key")
