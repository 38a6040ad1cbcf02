"""Calendars for tests: files at addresses, and Google's free/busy with its OAuth, on the loopback."""

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.web_server import Asked, Sent

HOME = "/google"


def ics(*events: str, more: str = "") -> str:
    """A calendar with these events, each the lines between its BEGIN and END."""
    inside = "".join(f"BEGIN:VEVENT\r\nUID:{n}\r\nDTSTAMP:20260101T000000Z\r\n{_lines(each)}END:VEVENT\r\n"
                     for n, each in enumerate(events))  # fmt: skip
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tests//EN\r\n{_lines(more)}{inside}END:VCALENDAR\r\n"


def _lines(text: str) -> str:
    return "".join(f"{line.strip()}\r\n" for line in text.splitlines() if line.strip())


@dataclass
class Google:
    """What the person's calendar says, and how it behaves: `well`, `down` or `lying`."""

    mode: str = "well"
    busy: list[tuple[str, str]] = field(default_factory=list)
    good_tokens: set[str] = field(default_factory=set)
    lifetime_s: int = 3600
    renewals: int = 0
    refuses_renewal: bool = False
    revoked: list[str] = field(default_factory=list)

    def answer(self, asked: Asked) -> Sent:
        parts = urlsplit(asked.path)
        path = parts.path.removeprefix(HOME)
        if path == "/o/oauth2/v2/auth":
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            assert (query["access_type"], query["code_challenge_method"]) == ("offline", "S256")
            onward = {"code": "a-code", "state": query["state"]}
            return Sent(status=302, headers={"Location": f"{query['redirect_uri']}?{urlencode(onward)}"})
        if self.mode != "well":
            return (
                Sent(b"", 503) if self.mode == "down" else _json({"calendars": {"primary": {"busy": [{"start": 1}]}}})
            )
        if path == "/token":
            return self._token({name: values[-1] for name, values in parse_qs(asked.body.decode()).items()})
        if path == "/revoke":
            self.revoked.append(parse_qs(asked.body.decode())["token"][0])
            return _json({})
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.good_tokens:
            return _json({"error": {"code": 401}}, 401)
        if path == "/calendar/v3/freeBusy":
            busy = [{"start": start, "end": end} for start, end in self.busy]
            return _json({"kind": "calendar#freeBusy", "calendars": {"primary": {"busy": busy}}})
        return _json({}, 404)

    def _token(self, said: dict[str, str]) -> Sent:
        is_renewal = said["grant_type"] == "refresh_token"
        if (is_renewal and self.refuses_renewal) or (not is_renewal and "code_verifier" not in said):
            return _json({"error": "invalid_grant"}, 400)
        self.renewals += is_renewal
        token = f"google-access-{self.renewals}"
        self.good_tokens.add(token)
        more = {} if is_renewal else {"refresh_token": "google-refresh"}
        return _json({"access_token": token, "expires_in": self.lifetime_s, "token_type": "Bearer", **more})


def _json(said: object, status: int = 200) -> Sent:
    return Sent(json.dumps(said).encode(), status, {"Content-Type": "application/json"})
