"""The door at `/mcp`: a key is asked for, once a request, and each request is answered by itself.

Nothing is kept between requests, so any process may answer any of them; what takes long tells of its progress in the
answer's own stream.
"""

import asyncio
import importlib
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.api import limits
from backend.api.doors import actor_of
from backend.api.problems import answer_for
from backend.api.ws.seat import Seats
from backend.errors import PequerokuError, Unauthenticated
from backend.rules.policy import Actor
from backend.rules.policy import Scope as KeyScope
from backend.settings import settings

_PATH = "/mcp"
_CALLS = Seats(20, "calls of agents")
_METADATA = "/.well-known/oauth-protected-resource"


class _Door:
    """The ASGI app of the path."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            caller = request.state.caller = await limits.admitted(request, _key_holder)
            with _CALLS.one_more(caller):
                await (await asyncio.to_thread(_behind))(scope, receive, send)
        except Unauthenticated as refusal:
            answer = answer_for(refusal)
            answer.headers["WWW-Authenticate"] = f'Bearer resource_metadata="{_home(request)}{_METADATA}{_PATH}"'
            await answer(scope, receive, send)
        except PequerokuError as refusal:
            await answer_for(refusal)(scope, receive, send)


@lru_cache
def _behind() -> ASGIApp:
    """Loaded when the first key is shown: the SDK takes half a second, and 16 MB."""
    return importlib.import_module("backend.api.mcp.server").answer


async def _key_holder(request: Request) -> Actor:
    """Who shows a key. A session's cookie opens nothing here: any page could send it.

    Raises:
        Unauthenticated: nobody does.
    """
    if not request.headers.get("authorization"):
        raise Unauthenticated("Send an API key: Authorization: Bearer pk_… Make one on the page Account, Connect.")
    return await actor_of(request)


async def _metadata(request: Request) -> Response:
    """What this resource is and how one gets in (RFC 9728). Keys are made by people, so no server gives them out."""
    home = _home(request)
    said = {
        "resource": f"{home}{_PATH}",
        "resource_name": "Pequeroku",
        "authorization_servers": [],
        "scopes_supported": [each.value for each in KeyScope],
        "bearer_methods_supported": ["header"],
        "resource_documentation": f"{home}/me/connect",
    }
    return JSONResponse(said, headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"})


def _home(request: Request) -> str:
    """Where we are, as the client sees it."""
    origin = f"{request.url.scheme}://{request.url.netloc}"
    return origin if origin in settings().origins else settings().dashboard


def routes() -> list[Route]:
    """The path itself, and what tells about it."""
    door = _Door()
    return [
        *(Route(path, door, methods=["POST"]) for path in (_PATH, f"{_PATH}/")),
        *(Route(path, _metadata, methods=["GET"]) for path in (_METADATA, f"{_METADATA}{_PATH}")),
    ]
