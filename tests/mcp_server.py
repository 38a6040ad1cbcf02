"""An MCP server for tests, over real HTTP: of both dialects, well-behaved or not."""

import json
from collections.abc import Callable
from typing import Any

from tests.web_server import Asked, Sent, Site

Json = dict[str, Any]
_JSON = {"Content-Type": "application/json"}


def a_tool(name: str, words: str = "", **more: Any) -> Json:
    schema = {"type": "object", "properties": {"text": {"type": "string", "description": "What to say."}}}
    return {"name": name, "description": words, "inputSchema": schema} | more


def says(*text: str, **more: Any) -> Json:
    """What a tool answers."""
    return {"content": [{"type": "text", "text": each} for each in text]} | more


class McpServer(Site):
    """`tools` are listed in pages of `page_size`; `called` says what a call gives."""

    def __init__(self, *tools: Json) -> None:
        super().__init__()
        self.tools = list(tools)
        self.page_size = 50
        self.called: Callable[[str, Json], Json] = lambda name, given: says(f"{name}: {json.dumps(given)}")
        self.is_modern = self.streams = False
        self.token = ""
        self.sessions: list[str] = []
        self.version = "2025-06-18"
        self.instead: dict[str, Sent] = {}
        """By method: what is sent in place of an answer."""

    @property
    def calls(self) -> list[Json]:
        return [each for each in self._messages() if each["method"] == "tools/call"]

    @property
    def methods(self) -> list[str]:
        return [each["method"] for each in self._messages()]

    def _messages(self) -> list[Json]:
        return [json.loads(each.body) for each in self.asked if each.method == "POST"]

    async def answer(self, asked: Asked) -> Sent:
        if asked.method == "DELETE":
            self.sessions.remove(asked.headers["mcp-session-id"])
            return Sent(status=204)
        message = json.loads(asked.body)
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            return Sent(status=401)
        if message["method"] in self.instead:
            return self.instead[message["method"]]
        if (wrong := self._wrong(asked, message)) is not None:
            return wrong
        if "id" not in message:
            return Sent(status=202)
        return self._told(message, self._result(message))

    def _wrong(self, asked: Asked, message: Json) -> Sent | None:
        """What the headers have to say, in either dialect."""
        if self.is_modern:
            meta = message.get("params", {}).get("_meta", {})
            wanted = ("2026-07-28", "2026-07-28", message["method"])
            version = meta.get("io.modelcontextprotocol/protocolVersion")
            said = (version, asked.headers.get("mcp-protocol-version"), asked.headers.get("mcp-method"))
            if said == wanted and asked.headers.get("mcp-name") == message["params"].get("name"):
                return None
            error = {"code": -32022, "message": "Unsupported protocol version"}
            return Sent(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}).encode(), 400, _JSON)
        if message["method"] == "initialize":
            return None
        if asked.headers.get("mcp-session-id") not in self.sessions:
            return Sent(status=404)
        return None if asked.headers.get("mcp-protocol-version") == self.version else Sent(status=400)

    def _result(self, message: Json) -> Json:
        params = message.get("params", {})
        match message["method"]:
            case "initialize":
                self.sessions.append(f"session-{len(self.asked)}")
                return {"protocolVersion": self.version, "capabilities": {"tools": {}}, "serverInfo": {"name": "x"}}
            case "tools/list":
                begin = int(params.get("cursor", "0"))
                end = begin + self.page_size
                return {"tools": self.tools[begin:end]} | ({"nextCursor": str(end)} if end < len(self.tools) else {})
            case _:
                return self.called(params["name"], params["arguments"])

    def _told(self, message: Json, result: Json) -> Sent:
        if self.is_modern:
            result = {"resultType": "complete"} | result
        answer = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result})
        session = {"Mcp-Session-Id": self.sessions[-1]} if message["method"] == "initialize" else {}
        if not self.streams:
            return Sent(answer.encode(), headers=_JSON | session)
        note = '{"jsonrpc":"2.0","method":"notifications/progress","params":{}}'
        spaced = json.dumps(json.loads(answer), indent=1).replace("\n", "\r\ndata: ")
        body = f": hello\r\n\r\nevent: message\r\ndata: {note}\r\n\r\nid: 7\r\ndata: {spaced}\r\n\r\n"
        return Sent(body.encode(), headers={"Content-Type": "text/event-stream"} | session)
