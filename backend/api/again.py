"""`Idempotency-Key`: a POST that is sent again is answered again, not done again. services/repeats.py keeps answers."""

from collections.abc import Awaitable, Callable
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from backend.api.deps import caller
from backend.errors import BrokenOff, Invalid
from backend.services import repeats

HEADER = "Idempotency-Key"
_LONGEST = 200

Handle = Callable[[Request], Awaitable[Response]]


async def once(request: Request, handle: Handle) -> Response:
    """Handle the request, unless it was handled already. What is refused was not done, and may be sent again;
    what was broken off may have been done, and is not.

    Raises:
        Invalid: the header is none.
        Conflict: as `repeats.begin`.
    """
    key = request.headers.get(HEADER, "")
    if request.method != "POST" or not key or not _is_somebodys(request):
        return await handle(request)
    if len(key) > _LONGEST or not key.isascii() or not key.isprintable():
        raise Invalid(f"An Idempotency-Key has 1 to {_LONGEST} printable ASCII characters.", field=HEADER)
    named = await _named(request, key)
    if (before := await repeats.begin(named)) is not None:
        headers = {"Idempotent-Replayed": "true"}
        return Response(before.body, before.status, headers, media_type=before.media_type or None)
    try:
        response = await handle(request)
    except BrokenOff:  # it may have been done: its key stays taken
        raise
    except Exception:
        await repeats.forget(named)
        raise
    body = bytes(response.body).decode()
    await repeats.finish(named, repeats.Answer(response.status_code, response.headers.get("content-type", ""), body))
    return response


def _is_somebodys(request: Request) -> bool:
    """Who signs in is nobody yet."""
    return "authorization" in request.headers or bool(request.cookies.get("sid"))


async def _named(request: Request, key: str) -> repeats.Request:
    actor = await caller(request)
    said = (actor.scope, request.url.query, request.headers.get("content-type", ""))
    what = "\n".join((*said, "")).encode() + await request.body()  # what one key is told may be too much for another
    route = f"{request.method} {request.url.path}"[:200]
    return repeats.Request(actor.person_id, route, key, sha256(what).hexdigest())
