"""MCP servers: both dialects are spoken, and no server, however odd, does more than give no answer."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.ai.mcp_session import Session
from backend.errors import Invalid, OutOfTime, PequerokuError, UpstreamFault
from backend.outward import Outward
from backend.rules import mcp as rules
from tests.mcp_server import McpServer, a_tool, says
from tests.web_server import Sent, served, way_to

_HERE = "127.0.0.5"
_JSON = {"Content-Type": "application/json"}
_STREAM = {"Content-Type": "text/event-stream"}


@pytest.fixture
async def server() -> AsyncGenerator[McpServer]:
    async with served(McpServer(a_tool("echo", "Says it again.")), _HERE) as site:
        assert isinstance(site, McpServer)
        yield site


def _session(server: McpServer, token: str = "") -> Session:
    return Session(way_to(_HERE), "docs", f"{server.url}/mcp", token)


@pytest.mark.parametrize("streams", [False, True])
async def test_a_session_is_opened_once_used_and_closed(server: McpServer, streams: bool) -> None:
    server.streams = streams
    session = _session(server)
    assert [each.name for each in rules.tools_of("docs", await session.tools())] == ["echo"]
    both = await asyncio.gather(session.call("echo", {"text": "a"}), session.call("echo", {"text": "b"}))
    assert {rules.text_of(each)[0] for each in both} == {'echo: {"text": "a"}', 'echo: {"text": "b"}'}
    assert server.methods[:3] == ["initialize", "notifications/initialized", "tools/list"]
    assert server.methods.count("initialize") == 1
    await session.close()
    assert server.sessions == []


@pytest.mark.parametrize("streams", [False, True])
async def test_one_that_knows_no_sessions_is_asked_without(server: McpServer, streams: bool) -> None:
    server.is_modern, server.streams = True, streams
    session = _session(server)
    assert len(await session.tools()) == 1
    assert rules.text_of(await session.call("echo", {"text": "a"})) == ('echo: {"text": "a"}', True)
    await session.close()
    assert server.methods == ["initialize", "tools/list", "tools/call"]


async def test_a_session_that_is_over_is_opened_anew(server: McpServer) -> None:
    session = _session(server)
    await session.tools()
    server.sessions.clear()
    assert rules.text_of(await session.call("echo", {}))[1]
    assert server.methods.count("initialize") == 2


async def test_a_list_may_come_in_pages_but_not_for_ever(server: McpServer) -> None:
    server.tools, server.page_size = [a_tool(f"t{number}") for number in range(25)], 10
    assert len(await _session(server).tools()) == 25
    server.page_size = 0  # each page is empty, and not the last
    assert await _session(server).tools() == []
    assert server.methods.count("tools/list") == 13


async def test_the_token_is_shown_and_a_wrong_one_told(server: McpServer) -> None:
    server.token = "secret-token"
    assert await _session(server, "secret-token").tools()
    for token, words in (("wrong", "does not take our token"), ("", "wants a token")):
        with pytest.raises(UpstreamFault, match=words):
            await _session(server, token).tools()


async def test_a_redirect_is_not_followed_and_takes_no_token_along(server: McpServer) -> None:
    async with served(McpServer(), _HERE) as other:
        server.instead["initialize"] = Sent(status=307, headers={"Location": other.url})
        with pytest.raises(UpstreamFault, match="elsewhere"):
            await _session(server, "secret-token").tools()
        assert other.asked == []


async def test_one_beside_us_is_not_asked(server: McpServer) -> None:
    for url in (server.url, "http://169.254.169.254/mcp", f"http://localhost:{server.port}/", "http://[::1]/"):
        with pytest.raises(UpstreamFault, match="private address"):
            await Session(Outward(), "docs", url, "").tools()
    assert server.asked == []


async def _use(session: Session) -> None:
    await session.tools()
    await session.call("echo", {})


def _answer(**more: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1} | more).encode()


@pytest.mark.parametrize(
    "sent",
    [
        Sent(b"", headers=_JSON), Sent(b"no json", headers=_JSON), Sent(b"[" * 100_000, headers=_JSON),
        Sent(b"[]", headers=_JSON), Sent(_answer(result=[]), headers=_JSON), Sent(_answer(), headers=_JSON),
        Sent(_answer(error={"code": 1, "message": "No \x1b[2J" + "x" * 9000}), headers=_JSON), Sent(status=500),
        Sent(status=418), Sent(status=302, headers={"Location": "http://169.254.169.254/"}), Sent(raw=b""),
        Sent(raw=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"),
        Sent(b"data: {\n\n", headers=_STREAM), Sent(b": nothing\n\n", headers=_STREAM),
        Sent(b'data: {"id": 99, "result": {}}\n\n', headers=_STREAM), Sent(endless=b"x" * 60_000, headers=_JSON),
        Sent(endless=b"data: " + b"x" * 60_000, headers=_STREAM), Sent(endless=b"data: {}\n\n" * 9000, headers=_STREAM),
        Sent(b"\x1f\x8b", headers=_JSON | {"Content-Encoding": "gzip"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["initialize", "tools/list", "tools/call"])
async def test_whatever_it_answers_is_a_sentence_at_most(server: McpServer, method: str, sent: Sent) -> None:
    server.instead[method] = sent
    session = _session(server)
    with pytest.raises(PequerokuError) as told:
        await _use(session)
    assert told.value.message.isprintable()
    assert len(told.value.message) < 400
    await session.close()


@pytest.mark.parametrize("session_id", ["\xff", "x" * 501])
async def test_a_session_that_can_not_be_named_is_none(server: McpServer, session_id: str) -> None:
    result = {"protocolVersion": "2025-06-18"}
    server.instead["initialize"] = Sent(_answer(result=result), headers=_JSON | {"Mcp-Session-Id": session_id})
    with pytest.raises(UpstreamFault):  # it wants to hear what can't be said
        await _session(server).tools()
    assert "mcp-session-id" not in server.asked[-1].headers


async def test_one_that_is_slow_is_given_up(server: McpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.ai.mcp_session._LIST_S", 0.3)
    server.instead["tools/list"] = Sent(endless=b": wait\n\n", headers=_STREAM)
    began = time.monotonic()
    with pytest.raises(OutOfTime):
        await _session(server).tools()
    assert time.monotonic() - began < 3


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda each: (
        st.lists(each, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "description",
                    "inputSchema",
                    "type",
                    "properties",
                    "items",
                    "enum",
                    "required",
                    "annotations",
                    "x",
                ]
            ),
            each,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(_json)
def test_any_list_is_taken_as_far_as_it_makes_sense(told: object) -> None:
    for tool in rules.tools_of("docs", told):
        assert tool.called.startswith("mcp_docs_")
        assert tool.schema["type"] == "object"


@given(st.dictionaries(st.sampled_from(["content", "isError", "structuredContent", "resultType"]), _json))
def test_any_result_is_text(told: dict[str, Any]) -> None:
    assert rules.text_of(told)[0]


def test_names_do_not_collide_and_the_first_wins() -> None:
    told = [a_tool("a.b", "first"), a_tool("a_b", "second"), a_tool("x" * 100), a_tool("no\nname"), a_tool(""), 7]
    tools = rules.tools_of("docs", told)
    assert [(each.called, each.help) for each in tools] == [("mcp_docs_a_b", "first"), ("mcp_docs_" + "x" * 55, "")]
    assert len(rules.tools_of("docs", [a_tool(f"t{number}") for number in range(1000)])) == rules.MOST_TOOLS


def test_of_a_schema_what_says_what_to_send_is_kept() -> None:
    schema = {
        "$schema": "x", "type": "object", "additionalProperties": {"$ref": "https://example.org/x"},
        "properties": {
            "a": {"type": "array", "items": {"type": "string", "pattern": "(a+)+$"}},
            "b": {"enum": ["x", 1, [], "y" * 999]},
            "c": {"$ref": "#/$defs/x"}, "no name!": {}, "d": {"type": "wrong", "description": "One\nline \x00."},
        },
        "required": ["a", "z", 7],
    }  # fmt: skip
    (tool,) = rules.tools_of("docs", [a_tool("t", inputSchema=schema)])
    assert tool.schema == {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": {"type": "string"}}, "b": {"enum": ["x", 1]}, "c": {},
            "d": {"description": "One line ."},
        },
        "required": ["a"],
    }  # fmt: skip
    huge = {
        "type": "object",
        "properties": {f"p{n}": {"description": "x" * 300, "enum": ["y" * 200]} for n in range(40)},
    }
    assert rules.tools_of("docs", [a_tool("t", inputSchema=huge)]) == []


def test_what_no_provider_would_take_is_left_out() -> None:
    odd = json.loads('["a", "\\ud800", "\\u0000", NaN, Infinity, 1e400, 99999999999999999999, true, 1.5]')
    schema = {"type": "object", "properties": {"a": {"enum": odd, "description": "x\ud800"}}}
    (tool,) = rules.tools_of("docs", [a_tool("t", "\udfff words", inputSchema=schema)])
    assert (tool.help, tool.schema["properties"]["a"]) == ("words", {"enum": ["a", True, 1.5], "description": "x"})
    assert rules.text_of(says("a\ud800b")) == ("a?b", True)
    assert rules.text_of({"structuredContent": {"a": "\ud800"}})[0].encode()


def test_results_are_told_as_text() -> None:
    assert rules.text_of(says("a", "b")) == ("a\n\nb", True)
    assert rules.text_of(says("no", isError=True)) == ("no", False)
    assert rules.text_of({"content": [], "structuredContent": {"a": 1}}) == ('{"a": 1}', True)
    assert rules.text_of({"content": [{"type": "image", "data": "…"}]}) == ("(image: not shown)", True)
    assert rules.text_of({"resultType": "input_required"})[1] is False


@pytest.mark.parametrize(
    "text",
    ["docs", "docs=", "Docs=https://x/", "a_b=https://x/", "docs=ftp://x/", "docs=https://", "docs=https://a@b/",
     "a=https://x/ a=https://y/", "docs=https://x:99999/", " ".join(f"s{n}=https://x/" for n in range(9))],
)  # fmt: skip
def test_what_names_no_servers_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        rules.servers_of(text)


def test_servers_and_tokens_are_read_by_name() -> None:
    assert rules.servers_of("docs=https://docs.example/mcp?a=b  x-1=http://x:8080/") == {
        "docs": "https://docs.example/mcp?a=b", "x-1": "http://x:8080/",
    }  # fmt: skip
    assert rules.tokens_of("docs=abc=d") == {"docs": "abc=d"}
    assert (rules.servers_of(""), rules.tokens_of("")) == ({}, {})
    with pytest.raises(Invalid):
        rules.tokens_of("docs=ä")
