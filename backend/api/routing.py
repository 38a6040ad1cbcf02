"""How a route of the API is made: `router(…)`, and `**does(Action.…)` in its decorator.

    things = router("/api/things", "things")

    @things.get("/", response_model=Page[ThingOut], **does(Action.THING_LIST))
    async def list_things(actor: Caller, paging: Paged) -> dict[str, Any]:
        "What the caller's things are, newest first."
        async with reading() as tx:
            return paging.cut(await service.list_things(tx, actor))

Refusals raised in it become the API's answers; GETs get ETags; a POST with an Idempotency-Key is done once.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from backend.api.again import once
from backend.api.etags import tagged
from backend.api.problems import RESPONSES, answer_for
from backend.rules.policy import Action, scope_of

SCOPE, ACTION, ALSO = "x-scope", "x-action", "x-also"
NO_SCOPE = "none"
"""Of a route that asks nobody who they are."""


class ApiRoute(APIRoute):
    """A route that answers in the API's form, whatever happens."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return tagged(request, await once(request, handle))
            except Exception as fault:  # noqa: BLE001 - the edge: answer_for logs whatever is no refusal
                return answer_for(fault)

        return guarded


def router(prefix: str, tag: str) -> APIRouter:
    """The routes of one noun."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=ApiRoute, responses=RESPONSES)


def does(action: Action | None, *also: Action) -> dict[str, Any]:
    """What a route does; None: something that anybody may. The description says the scope that a key needs for it.

    Args:
        also: what else is done where it is asked for, by operations that ask the gate themselves.
    """
    if action is None:
        return {"openapi_extra": {SCOPE: NO_SCOPE}}
    said: dict[str, Any] = {SCOPE: scope_of(action).value, ACTION: action.value}
    return {"openapi_extra": said | ({ALSO: [each.value for each in also]} if also else {})}
