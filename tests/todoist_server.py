"""A Todoist for tests: OAuth, tasks and done tasks as API v1 says them, on the loopback; well, down, slow or lying."""

import base64
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.web_server import Asked, Sent

CLIENT_ID, CLIENT_SECRET = "todoist-client", "todoist-secret"
HOME = "/todoist"


def a_task(title: str, due: str | None = None, *, done_at: str | None = None) -> dict[str, Any]:
    """A task as the API says it."""
    return {
        "id": title.replace(" ", "-"), "content": title, "description": f"about {title}", "project_id": "p1",
        "section_id": None, "parent_id": None, "labels": [], "priority": 1, "duration": None, "deadline": None,
        "due": None if due is None else {"date": due, "string": due, "lang": "en", "is_recurring": False},
        "is_collapsed": False, "child_order": 1, "responsible_uid": None, "assigned_by_uid": None,
        "completed_at": done_at, "added_by_uid": "7", "added_at": "2026-01-01T00:00:00.000000Z",
        "updated_at": "2026-01-01T00:00:00.000000Z",
    }  # fmt: skip


@dataclass
class Todoist:
    """What the person has there, and how it behaves: `well`, `down`, `lying` or `endless`."""

    mode: str = "well"
    tasks: list[dict[str, Any]] = field(default_factory=list)
    done: list[dict[str, Any]] = field(default_factory=list)
    good_tokens: set[str] = field(default_factory=set)
    lifetime_s: int | None = None
    """Of access tokens; None: for ever, as Todoist's are."""
    renewals: int = 0
    revoked: list[str] = field(default_factory=list)
    page: int = 50
    refuses_renewal: bool = False
    refresh: str = "refresh-0"

    def answer(self, asked: Asked) -> Sent:
        parts = urlsplit(asked.path)
        path, query = parts.path.removeprefix(HOME), {k: v[-1] for k, v in parse_qs(parts.query).items()}
        if path == "/oauth/authorize":
            onward = {"code": "a-code", "state": query["state"]}
            return Sent(status=302, headers={"Location": f"{query['redirect_uri']}?{urlencode(onward)}"})
        if self.mode == "down":
            return Sent(b"Bad gateway", 502)
        if self.mode == "lying":
            return _json({"results": [{"id": 1, "content": "an untold title"}], "next_cursor": None, "id": None})
        if self.mode == "endless":
            return Sent(headers={"Content-Type": "application/json"}, endless=b" " * 65536)
        if path == "/oauth/access_token":
            return self._token(asked)
        if path == "/api/v1/access_tokens" and asked.method == "DELETE":
            self.revoked.append(query["access_token"])
            self.good_tokens.discard(query["access_token"])
            return Sent(status=204)
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.good_tokens:
            return Sent(b'{"error": "Unauthorized"}', 401)
        if path == "/api/v1/user":
            return _json({"id": "4242", "email": "somebody@example.com"})
        if path == "/api/v1/tasks":
            return self._page(self.tasks, "results", query)
        if path == "/api/v1/tasks/completed/by_completion_date":
            return self._page(self.done, "items", query)
        return Sent(b"{}", 404)

    def _token(self, asked: Asked) -> Sent:
        said = {name: values[-1] for name, values in parse_qs(asked.body.decode()).items()}
        if (said.get("client_id"), said.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _json({"error": "invalid_client"}, 400)
        if said.get("grant_type") == "refresh_token":
            if self.refuses_renewal or said.get("refresh_token") != self.refresh:
                return _json({"error": "invalid_grant"}, 400)
            self.renewals += 1
            self.refresh = f"refresh-{self.renewals}"
        elif said.get("code") != "a-code":
            return _json({"error": "invalid_grant"}, 400)
        token = f"access-{self.renewals}"
        self.good_tokens.add(token)
        more = {} if self.lifetime_s is None else {"expires_in": self.lifetime_s, "refresh_token": self.refresh}
        return _json({"access_token": token, "token_type": "Bearer", **more})

    def _page(self, rows: list[dict[str, Any]], name: str, query: dict[str, str]) -> Sent:
        begin = int(query.get("cursor", "0"))
        end = begin + min(self.page, int(query.get("limit", "50")))
        return _json({name: rows[begin:end], "next_cursor": str(end) if end < len(rows) else None})


def a_message(user_id: str = "4242", secret: str = CLIENT_SECRET) -> tuple[bytes, str]:
    """What the webhook sends, and how that is signed."""
    said = {"event_name": "item:added", "user_id": user_id, "event_data": {"content": "a title in a message"}}
    body = json.dumps({**said, "triggered_at": datetime.now(UTC).isoformat(), "version": "10"}).encode()
    return body, base64.b64encode(hmac.new(secret.encode(), body, sha256).digest()).decode()


def _json(said: object, status: int = 200) -> Sent:
    return Sent(json.dumps(said).encode(), status, {"Content-Type": "application/json"})
