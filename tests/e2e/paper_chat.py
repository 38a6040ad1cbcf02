"""The assistant on paper: what docs/ai.md says of its socket, told by a test, in the place of a browser's own.

The real one is tried in test_chat_real.py; this one makes looks of it that a model would have to be talked into.
"""

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Page, Route, WebSocketRoute, expect

CALM = "2026-11-22T10:00:00.000Z"


@dataclass
class PaperChat:
    """One conversation, `events` its kept ones. What a page says is in `said`, but for which conversation it opens."""

    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    said: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    turns: dict[int, str] = field(default_factory=dict[int, str])
    """Their statuses."""
    text: str = ""
    """What the turn that goes on has written."""
    mode: str = "ask"
    is_set_up: bool = True
    uses_left: int = 5
    is_slow: bool = False
    """It says hello, and not yet which conversation is open."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Unset: a socket to it does not open yet."""
    _sockets: list[WebSocketRoute] = field(default_factory=list[WebSocketRoute])

    def __post_init__(self) -> None:
        self.reached.set()

    async def serve(self, page: Page) -> None:
        """From now on this page's assistant is this one."""
        await page.route_web_socket(re.compile("/ws/ai/"), self._take)
        await page.route(re.compile("/api/containers/[0-9]+/conversations/"), self._list)

    def tell(self, event: str, **fields: Any) -> None:
        """Something that is not kept."""
        self._tell({"event": event, **fields})

    def happen(self, kind: str, turn: int = 1, **fields: Any) -> int:
        """Something that is kept; its number."""
        seq = len(self.events) + 1
        event = {"event": kind, "seq": seq, "turn": turn, "at": CALM, **fields}
        self.events.append(event)
        self._tell(event)
        return seq

    def remember(self, turns: int) -> None:
        """As many questions with their answers, code among them."""
        for turn in range(1, turns + 1):
            self.ask(f"Question {turn}", turn)
            self.happen("said", turn, text=CODE)
            self.turn("done", turn)

    def turn(self, status: str, turn: int = 1) -> None:
        """A turn has come so far."""
        self.turns[turn] = status
        self.tell("turn", turn=turn, number=turn, status=status)

    @property
    def _id(self) -> int | None:
        return 7 if self.events else None

    def ask(self, text: str, turn: int = 1) -> None:
        """As if it had been asked, and the turn had begun."""
        if not self.events:
            self.tell("titled", conversation=7, title="A small service")
        self.happen("user", turn, text=text)
        self.turn("running", turn)

    def write(self, text: str, turn: int = 1) -> None:
        """A whole text, as it comes: in pieces, then kept."""
        self.tell("start_text")
        for piece in re.findall(r"\S*\s*", text):
            self.tell("text", content=piece)
        self.tell("finish_text")
        self.happen("said", turn, text=text)

    def use(self, call: str, tool: str, title: str, turn: int = 1, **given: Any) -> None:
        """A call of a tool that waits for nothing yet."""
        self.happen("tool_call", turn, call=call, tool=tool, title=title, arguments=given)

    def result(self, call: str, content: str, turn: int = 1, *, ok: bool = True, **more: Any) -> None:
        """What it gave."""
        self.happen("tool_result", turn, call=call, ok=ok, content=content, duration_ms=1200, **more)

    async def cut(self) -> None:
        """Drop every connection."""
        for socket in self._sockets:
            await socket.close(code=1012)
        self._sockets.clear()

    async def _take(self, socket: WebSocketRoute) -> None:
        await self.reached.wait()
        self._sockets.append(socket)
        socket.on_message(lambda text: self._hear(json.loads(text)))
        socket.send(json.dumps({"event": "connected", "ai_uses_left_today": self.uses_left}))
        if not self.is_slow:
            self.open_now()

    def open_now(self) -> None:
        """Say which conversation is open."""
        for message in ({"event": "memory_data", "memory": []}, self._opened()):
            self._sockets[-1].send(json.dumps(message))

    def _opened(self) -> dict[str, Any]:
        turns = [{"turn": turn, "number": turn, "status": status} for turn, status in self.turns.items()]
        going_on = next((each for each in turns if each["status"] in ("running", "waiting")), None)
        return {
            "event": "conversation",
            "id": self._id,
            "title": "A small service" if self._id else "",
            "mode": self.mode,
            "events": self.events,
            "turns": turns,
            "turn": going_on and {**going_on, "text": self.text},
            "is_set_up": self.is_set_up,
            "ai_uses_left_today": self.uses_left,
            "budget_left": None,
        }

    def _hear(self, said: dict[str, Any]) -> None:
        if said.get("type") == "open":
            nothing: dict[str, Any] = {"id": None, "title": "", "events": [], "turns": [], "turn": None}
            self._tell({**self._opened(), **({} if said["conversation"] else nothing)})
        else:
            self.said.append(said)
        if said.get("type") == "mode":
            self.tell("mode", mode=said["mode"])

    def _tell(self, message: dict[str, Any]) -> None:
        for socket in self._sockets:
            socket.send(json.dumps(message))

    async def _list(self, route: Route) -> None:
        talk = {"id": 7, "title": "A small service", "mode": "ask", "created_at": CALM, "updated_at": CALM, "turns": 1}
        await route.fulfill(json={"items": [talk] if self._id else [], "next_cursor": None})


async def open_chat(page: Page) -> None:
    """Show the assistant beside the workspace."""
    await page.get_by_role("button", name=re.compile("^Assistant")).click()
    await expect(page.get_by_role("textbox", name="Ask the assistant")).to_be_focused()


CODE = '''Here is a service:

```python
from http.server import HTTPServer, BaseHTTPRequestHandler


class Hello(BaseHTTPRequestHandler):
    """Answers every question alike."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")


HTTPServer(("0.0.0.0", 8000), Hello).serve_forever()
```

It does three things:

1. listens on **port 8000**,
2. answers `hello` to everything,
3. goes on until it is stopped.

| Path | Answer |
|---|---|
| `/` | hello |

See [the docs](https://docs.python.org/3/library/http.server.html).
'''
DIFF = """--- a/app/service.py
+++ b/app/service.py
@@ -1,4 +1,5 @@
 import sys
-PORT = 80
+PORT = 8000
+HOST = "0.0.0.0"

 print("starting")
@@ -20,3 +21,3 @@
 def main():
-    serve()
+    serve(HOST, PORT)
     return 0
"""


def a_day_of_work(chat: PaperChat) -> None:
    """A turn with a little of everything, which waits for a click."""
    chat.ask("Write a small web service in /app, and show that it answers.")
    chat.happen("checkpoint", files=True, disk=True)
    chat.write("I look at what is there first.")
    chat.use("a1", "list", "List /app", path="/app")
    chat.happen("began", call="a1")
    chat.result("a1", "README.md  (120 bytes)\nsrc/")
    chat.use("a2", "run", "Run `pytest -q`", command="cd /app && pytest -q")
    chat.happen("began", call="a2")
    chat.result("a2", "F\n1 failed in 0.02s\n\n(exit code 1)", ok=False)
    chat.happen("todos", items=[
        {"text": "Look at what is there", "status": "done"},
        {"text": "Write the service", "status": "doing"},
        {"text": "Show that it answers", "status": "open"},
    ])  # fmt: skip
    chat.write(CODE)
    chat.use("a3", "edit", "Edit /app/service.py", path="/app/service.py", old="PORT = 80", new="PORT = 8000")
    chat.happen("approval", call="a3", why="", diff=DIFF)
    chat.turn("waiting")


def finish(chat: PaperChat) -> None:
    """It was allowed, and came to its end."""
    chat.happen("answered", call="a3", allow=True)
    chat.turn("running")
    chat.happen("began", call="a3")
    chat.result("a3", "/app/service.py: 3 lines added, 2 removed.", path="/app/service.py", diff=DIFF)
    chat.write("It listens on port 8000 and answers `hello`.")
    files = [
        {"path": "/app/service.py", "status": "modified", "added": 3, "removed": 2},
        {"path": "/app/README.md", "status": "added", "added": 12, "removed": 0},
    ]
    programs = [{"id": "p1", "command": "python3 service.py", "change": "began"}]
    ports = [{"port": 8000, "process": "python3", "change": "began"}]
    chat.happen("changes", files=files, processes=programs, ports=ports)
    chat.happen(
        "usage", model="gpt-oss-120b", prompt_tokens=8200, completion_tokens=910, cost=0.0019,
        ai_uses_left_today=4, budget_left=None, duration_ms=14_200,
    )  # fmt: skip
    chat.turn("done")
