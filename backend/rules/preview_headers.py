"""What of a request a program in a guest gets to see, and what of its answer a browser does. Pure.

The program believes to be visited at `localhost:<port>`, where its developer would. It never sees our cookies, and can
say nothing that reaches beyond the origin of its own preview.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

Headers = list[tuple[bytes, bytes]]

COOKIE = "pqk_preview"
"""The cookie that lets a browser at a preview; on the preview's own origin alone."""
_NOT_FOR_THE_GUEST = {COOKIE.encode(), b"sid"}
_HOP = {
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
    b"trailer", b"transfer-encoding", b"upgrade",
}  # fmt: skip
_OURS_TO_SAY = {
    b"host", b"cookie", b"expect", b"forwarded", b"origin", b"referer", b"via", b"x-forwarded-for",
    b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto", b"x-real-ip",
}  # fmt: skip
_TOO_FAR = {
    b"alt-svc", b"clear-site-data", b"nel", b"origin-agent-cluster", b"public-key-pins", b"report-to",
    b"reporting-endpoints", b"service-worker-allowed", b"strict-transport-security", b"x-frame-options",
}  # fmt: skip
"""Answers that would reach beyond this origin, its browser or this moment. Framing is ours to say, with the CSP."""
_LOCAL = re.compile(rb"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::(\d+))?(?=[/?#]|$)", re.IGNORECASE)
_SAME_SITE = (b"domain", b"samesite", b"secure", b"partitioned")


@dataclass(frozen=True, slots=True)
class Between:
    """Who speaks with whom: the preview's own origin, the port behind it, where the browser is, and who may frame."""

    origin: str
    port: int
    client_ip: str
    frames: tuple[str, ...]
    """Origins that may show it in a frame: the dashboard's."""
    is_secure: bool
    """Browsers keep cookies that are Secure: then the program's work in a frame, too."""

    @property
    def scheme(self) -> str:
        return self.origin.partition(":")[0]

    @property
    def host(self) -> str:
        return self.origin.partition("//")[2]


def cookies_of(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """All values that a browser sends for our cookie: other pages of its domain may have added some."""
    found = [_named(each) for each in _crumbs(headers)]
    return [value.decode("ascii", "replace") for name, value in found if name == COOKIE.encode()]


def is_elsewhere(headers: Iterable[tuple[bytes, bytes]], origin: str) -> bool:
    """Whether another site's page has the browser send this, with our cookie perhaps."""
    return any(name == b"origin" and value != origin.encode() for name, value in headers)


def wants_tunnel(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether it asks to go on as a WebSocket: the one protocol that we switch to."""
    given = {name: value.strip().lower() for name, value in headers}
    asks = b"upgrade" in [each.strip() for each in given.get(b"connection", b"").split(b",")]
    return asks and given.get(b"upgrade") == b"websocket" and b"sec-websocket-key" in given


def to_guest(headers: Headers, between: Between) -> Headers:
    """A request's headers as the program gets them."""
    at_home = f"{between.port}"
    kept = [
        (name, value)
        for name, value in _without_hops(headers)
        if name not in _OURS_TO_SAY and not (name == b"content-length" and _is_chunked(headers))
    ]
    said: Headers = [(b"Host", f"localhost:{at_home}".encode())]
    for name, value in headers:
        if name in (b"origin", b"referer"):
            said.append((name, _homeward(value, between)))
    if crumbs := [each for each in _crumbs(headers) if _named(each)[0] not in _NOT_FOR_THE_GUEST]:
        said.append((b"Cookie", b"; ".join(crumbs)))
    if _is_chunked(headers):
        said.append((b"Transfer-Encoding", b"chunked"))
    said += [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")] if wants_tunnel(headers) else _LAST
    return [*said, *kept, *_forwarded(between)]


_LAST: Headers = [(b"Connection", b"close")]
"""One connection for each request: nothing that one visitor sends can end up in another's answer."""


def to_browser(headers: Headers, between: Between) -> Headers:
    """An answer's headers as the browser gets them."""
    kept: Headers = []
    for name, value in _without_hops(headers):
        if name in _TOO_FAR or (name == b"content-length" and _is_chunked(headers)):
            continue
        if name == b"set-cookie":
            kept += [(name, cookie)] if (cookie := _own_cookie(value, between)) else []
        elif name == b"location":
            kept.append((name, _outward(value, between)))
        else:
            kept.append((name, value))
    return [*kept, (b"Content-Security-Policy", framing(between.frames).encode())]


def framing(frames: Iterable[str]) -> str:
    """Who may show a preview in a frame: itself and the dashboard. A program's own, stricter word counts beside it."""
    return " ".join(["frame-ancestors 'self'", *frames])


def cookie_for(token: str, max_age_s: int, *, is_secure: bool) -> str:
    """The Set-Cookie that lets a browser in. In a frame it is kept apart for each site that shows the frame."""
    # Partitioned and Secure: else a browser sends no cookie to a frame on another site than the dashboard's.
    reach = "SameSite=None; Secure; Partitioned" if is_secure else "SameSite=Lax"
    return f"{COOKIE}={token}; Path=/; Max-Age={max_age_s}; HttpOnly; {reach}"


def _without_hops(headers: Headers) -> Headers:
    """What is not said to the next hop alone."""
    named = {each.strip().lower() for name, value in headers if name == b"connection" for each in value.split(b",")}
    return [(name, value) for name, value in headers if name not in _HOP | (named - {b"content-length"})]


def _is_chunked(headers: Headers) -> bool:
    return any(name == b"transfer-encoding" for name, _ in headers)


def _crumbs(headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    return [each.strip() for name, value in headers if name == b"cookie" for each in value.split(b";") if each.strip()]


def _named(crumb: bytes) -> tuple[bytes, bytes]:
    name, _, value = crumb.partition(b"=")
    return name.strip(), value.strip().strip(b'"')


def _homeward(address: bytes, between: Between) -> bytes:
    """An address of the preview, as one of the program's."""
    own = between.origin.encode()
    rest = address.removeprefix(own)
    return (
        f"http://localhost:{between.port}".encode() + rest if address.startswith(own) and rest[:1] in b"/" else address
    )


def _outward(address: bytes, between: Between) -> bytes:
    """An address of the program, as one of the preview; others stay."""
    found = _LOCAL.match(address)
    if found is None or int(found[1] or (443 if address[:5].lower() == b"https" else 80)) != between.port:
        return address
    return between.origin.encode() + address[found.end() :]


def _own_cookie(cookie: bytes, between: Between) -> bytes | None:
    """A program's cookie, for its own origin alone; None where it must not set it."""
    crumb, *attributes = cookie.split(b";")
    if _named(crumb)[0].lower() in _NOT_FOR_THE_GUEST:
        return None
    dropped = _SAME_SITE if between.is_secure else (b"domain",)
    kept = [each for each in attributes if _named(each.strip())[0].lower() not in dropped]
    reach = [b" SameSite=None", b" Secure", b" Partitioned"] if between.is_secure else []
    return b";".join([crumb, *kept, *reach])


def _forwarded(between: Between) -> Headers:
    ip, host, scheme = between.client_ip, between.host, between.scheme
    node = f'"[{ip}]"' if ":" in ip else ip
    pairs = {
        "Forwarded": f'for={node};host="{host}";proto={scheme}',
        "X-Forwarded-For": ip,
        "X-Forwarded-Host": host,
        "X-Forwarded-Proto": scheme,
    }
    return [(name.encode(), value.encode()) for name, value in pairs.items()]
