"""What no route under /api/ takes: an address without its last slash, another method, or nothing at all."""

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from backend.api.problems import answer_for

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class _Elsewhere:
    def __init__(self, api: FastAPI) -> None:
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"])
        if takes := self._methods(scope, path):
            answer = answer_for(HTTPException(405, headers={"Allow": ", ".join(takes)}))
        elif not path.endswith("/") and scope["method"] in self._methods(scope, f"{path}/"):
            query = scope["query_string"].decode("latin-1")
            answer = RedirectResponse(f"{path}/{'?' if query else ''}{query}", 307)
        else:
            answer = answer_for(HTTPException(404))
        await answer(scope, receive, send)

    def _methods(self, scope: Scope, path: str) -> list[str]:
        """The methods for which there is a route."""
        plain: Scope = {"type": "http", "path": path, "root_path": scope.get("root_path", ""), "headers": []}
        return [each for each in _METHODS if any(_takes(route, {**plain, "method": each}) for route in self._routes())]

    def _routes(self) -> list[BaseRoute]:
        """All that come before this one."""
        routes = self._api.router.routes
        here = next(at for at, each in enumerate(routes) if isinstance(each, Route) and each.endpoint is self)
        return routes[:here]


def _takes(route: BaseRoute, scope: Scope) -> bool:
    return route.matches(scope)[0] is Match.FULL


def answer_elsewhere(api: FastAPI) -> None:
    """Call it when every route is there."""
    api.router.routes.append(Route("/api/{rest:path}", _Elsewhere(api)))
