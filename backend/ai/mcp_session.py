"""One MCP server, as long as a turn speaks with it.

Source: Model Context Protocol, Streamable HTTP transport: revisions 2025-03-26 to 2025-11-25, and 2026-07-28.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, cast

import httpx2

from backend.errors import OutOfTime, PequerokuError, UpstreamFault
from backend.outward import Outward, beginning
from backend.rules.mcp import MOST_TOOLS
from backend.rules.plain_text import one_line

_CLIENT = {"name": "Pequeroku", "version": "1"}
_SPOKEN = ("2025-11-25", "2025-06-18", "2025-03-26")
_MODERN = "2026-07-28"
_META = "io.modelcontextprotocol/"
_LIST_S, _CALL_S, _CLOSE_S = 8.0, 120.0, 0.5
_MOST_BYTES = 2 * 1024 * 1024
_MOST_PAGES = 10
_LONGEST_SESSION = 500

Json = dict[str, Any]


class _Refusal(UpstreamFault):
    """It answered, and not with what was asked for: maybe it speaks another dialect."""


class _Over(UpstreamFault):
    """It knows the session no longer."""


class Session:
    """A server and what was agreed with it. It is opened by the first that is asked."""

    def __init__(self, out: Outward, name: str, url: str, token: str) -> None:
        self.name, self.url, self.token = name, url, token
        self._out = out
        self._opening = asyncio.Lock()
        self._version = self._session_id = ""
        self._numbers = count(1)

    async def tools(self) -> list[object]:
        """What it lists, as it says it.

        Raises:
            PequerokuError: it can't be had.
        """
        found, cursor = list[object](), None
        async with _at_most(_LIST_S):
            for _ in range(_MOST_PAGES):
                page = await self._ask("tools/list", {"cursor": cursor} if cursor else {})
                tools, cursor = page.get("tools"), page.get("nextCursor")
                found += cast("list[object]", tools) if isinstance(tools, list) else []
                if not isinstance(cursor, str) or not cursor or len(found) >= MOST_TOOLS:
                    break
        return found

    async def call(self, tool: str, arguments: Json) -> Json:
        """What one of its tools answers.

        Raises:
            PequerokuError: it gave no answer.
        """
        async with _at_most(_CALL_S):
            return await self._ask("tools/call", {"name": tool, "arguments": arguments})

    async def close(self) -> None:
        """Say that we are gone, where that is to be said. That it does not listen is no matter."""
        if not self._session_id:
            return
        try:
            async with asyncio.timeout(_CLOSE_S), self._out.asked("DELETE", self.url, headers=self._headers("")):
                pass
        except (PequerokuError, TimeoutError):
            return

    async def _ask(self, method: str, params: Json) -> Json:
        await self._open()
        try:
            return await self._exchange(method, params)
        except _Over:
            self._version = self._session_id = ""
            await self._open()
            return await self._exchange(method, params)

    async def _open(self) -> None:
        async with self._opening:
            if self._version:
                return
            try:
                said = await self._exchange(
                    "initialize", {"protocolVersion": _SPOKEN[0], "capabilities": {}, "clientInfo": _CLIENT}
                )
            except _Refusal:
                self._version = _MODERN  # there nothing is to be opened
                return
            version = said.get("protocolVersion")
            if version not in _SPOKEN:
                raise UpstreamFault("It speaks no version of the protocol that we know.")
            self._version = str(version)
            await self._exchange("notifications/initialized", None)

    async def _exchange(self, method: str, params: Json | None) -> Json:
        """Send a request and wait for its answer; without `params` it is a notification, which has none."""
        message: Json = {"jsonrpc": "2.0", "method": method}
        number = next(self._numbers)
        if params is not None:
            message |= {"id": number, "params": params | self._meta()}
        headers = self._headers(method, "" if params is None else str(params.get("name", "")))
        body = json.dumps(message).encode()
        async with self._out.asked("POST", self.url, headers=headers, body=body) as response:
            if params is None:
                return {}
            self._check(response)
            answer = await _answer(response, number)
            if method == "initialize":
                self._session_id = _session_id(response.headers.get("mcp-session-id", ""))
        return _result(answer)

    def _headers(self, method: str, name: str = "") -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self._version:
            headers["MCP-Protocol-Version"] = self._version
        if self._session_id:
            headers["Mcp-Session-Id"] = self._session_id
        if self._version == _MODERN:
            headers |= {"Mcp-Method": method} | ({"Mcp-Name": name} if name else {})
        return headers

    def _meta(self) -> Json:
        if self._version != _MODERN:
            return {}
        said = {"protocolVersion": _MODERN, "clientInfo": _CLIENT, "clientCapabilities": {}}
        return {"_meta": {f"{_META}{name}": value for name, value in said.items()}}

    def _check(self, response: httpx2.Response) -> None:
        status = response.status_code
        if status in (401, 403):
            raise UpstreamFault("It does not take our token." if self.token else "It wants a token.")
        if status == 404 and self._session_id:
            raise _Over("It knows the session no longer.")
        if 300 <= status < 400:
            raise UpstreamFault("It sends us elsewhere: give the address it leads to.")
        if 400 <= status < 500:
            raise _Refusal(f"It refuses the request ({status}).")
        if status >= 500:
            raise UpstreamFault(f"It does not work ({status}).")


def _session_id(told: str) -> str:
    """As it is to be sent back, if it can be."""
    return told if told.isascii() and told.isprintable() and len(told) <= _LONGEST_SESSION else ""


@asynccontextmanager
async def _at_most(seconds: float) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as fault:
        raise OutOfTime(f"It did not answer within {seconds:g} s.") from fault


async def _answer(response: httpx2.Response, number: int) -> Json:
    """The answer to a request, from JSON or from among a stream's events."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise UpstreamFault("It answers packed, though that was not asked for.")
    if response.headers.get("content-type", "").lower().startswith("text/event-stream"):
        async for data in _events(response):
            if (said := _read(data)).get("id") == number and "method" not in said:
                return said
        raise UpstreamFault("It broke off without an answer.")
    body, is_cut = await beginning(response, _MOST_BYTES)
    if is_cut:
        raise UpstreamFault("Its answer does not end.")
    said = _read(body)
    if said.get("id") != number and "error" not in said:  # a request that can't be read is refused without its number
        raise UpstreamFault("It answers what was not asked.")
    return said


async def _events(response: httpx2.Response) -> AsyncGenerator[bytes]:
    """The data of server-sent events. Source: WHATWG HTML, server-sent events."""
    rest, data, length = b"", list[bytes](), 0
    async for chunk in response.aiter_raw():
        length += len(chunk)
        if length > _MOST_BYTES:
            raise UpstreamFault("Its answer does not end.")
        *lines, rest = (rest + chunk).split(b"\n")
        for line in map(bytes.strip, lines):
            if line.startswith(b"data:"):
                data.append(line[5:].strip())
            elif not line and data:
                yield b"\n".join(data)
                data = []


def _read(data: bytes) -> Json:
    try:
        said: object = json.loads(data)
    except (ValueError, RecursionError) as fault:
        raise UpstreamFault("Its answer can't be read: it is no JSON.") from fault
    return cast(Json, said) if isinstance(said, dict) else {}


def _result(answer: Json) -> Json:
    match answer:
        case {"error": {"message": str(message)}}:
            raise _Refusal(f"It refuses: {one_line(message[:1000])[:300]}")
        case {"result": dict()}:
            return answer["result"]
        case _:
            raise UpstreamFault("Its answer can't be used.")
