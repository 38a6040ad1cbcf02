"""What every HTTP answer carries, and the quick turn to the log-in page for browsers without a session cookie."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.services import admin_token
from pequeroku_ui import tip_face
from pequeroku_ui.guard import login_path, sid_of

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_HASHED = "/assets/"
_PAGES = frozenset(
    {
        "/account",
        "/account/activity",
        "/account/data",
        "/account/invitations",
        "/account/keys",
        "/account/new-password",
        "/account/security",
        "/account/webhooks",
        "/admin",
        "/admin/login",
        "/admin/reconciler",
        "/admin/tips/candidates",
        "/admin/tips/events",
        "/admin/tips/freshness",
        "/admin/tips/policies",
        "/admin/tips/rewards",
        "/inbox",
        "/me/connect",
        "/me/habits",
        "/me/notifications",
        "/me/privacy",
        "/login",
        "/login/code",
        "/signup",
        "/teams",
        "/templates",
    }
)
_PRIVATE = ("/account", "/admin", "/containers", "/inbox", "/me", "/teams", "/templates", "/tip")
_OPEN = "/admin/login"
"""Under a private path, and for who is not signed in."""
_NOWHERE = "/nowhere/"


def at_the_edge(inner: ASGIApp) -> ASGIApp:
    """Wrap the whole app."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        path = str(scope["path"])

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(MutableHeaders(scope=message), path, int(message["status"]))
            await send(message)

        if path.rstrip("/") == _OPEN and not admin_token.is_offered():
            scope = {**scope, "path": _NOWHERE, "raw_path": _NOWHERE.encode()}
        elif path in _PAGES:  # the static files would answer with a redirect to a folder of that name
            scope = {**scope, "path": f"{path}/", "raw_path": f"{path}/".encode()}
        if _is_stranger(scope, path):
            await RedirectResponse(login_path(path), status_code=303)(scope, receive, send_with_headers)
        elif path in tip_face.PATHS and scope["method"] == "GET":
            await tip_face.serve(inner, scope, receive, send_with_headers)
        else:
            await inner(scope, receive, send_with_headers)

    return serve


def _add_headers(headers: MutableHeaders, path: str, status: int) -> None:
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    is_file = path.startswith(_HASHED) and status in (200, 206, 304)
    if is_file:
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        headers.setdefault("Cache-Control", "no-store" if _is_document(path) else "no-cache")


def _is_document(path: str) -> bool:
    return "." not in path.rpartition("/")[2]


def _is_stranger(scope: Scope, path: str) -> bool:
    """A page was asked for without any session cookie. Whether a cookie is any good, the guard looks up."""
    is_private = path == "/" or any(path == each or path.startswith(f"{each}/") for each in _PRIVATE)
    if not is_private or path.rstrip("/") == _OPEN or scope["method"] not in ("GET", "HEAD"):
        return False
    return not sid_of(Headers(scope=scope).get("cookie", ""))
