"""The description of the API, as OpenAPI 3.1: made from the routes, with what they don't say by themselves."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from backend.api.problems import Problem
from backend.api.routing import NO_SCOPE, SCOPE

VERSION = "1"
_ABOUT = """What can be done on the pages, for programs.

Send `Authorization: Bearer pk_…` with an API key (page Account, Keys), or be signed in with the session cookie; a
browser that uses the cookie to change something has to come from one of our own pages. Every refusal is
`{"error": {"code", "message"}}`. docs/api.md has examples."""
_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key: `pk_<prefix>_<secret>`"},
    "session": {"type": "apiKey", "in": "cookie", "name": "sid", "description": "The session of a browser"},
}
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})


def describe(api: FastAPI, *, besides: Sequence[APIRouter] = ()) -> None:
    """Have the app describe itself in our way.

    Args:
        besides: routers that have a description of their own.
    """

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            rest = [each for each in api.routes if getattr(each, "original_router", None) not in besides]
            api.openapi_schema = described("Pequeroku", VERSION, _ABOUT, rest)
        return api.openapi_schema

    api.openapi = openapi


def described(title: str, version: str, about: str, routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The description of these routes."""
    made = get_openapi(title=title, version=version, openapi_version="3.1.0", description=about, routes=routes)
    components: dict[str, Any] = made.setdefault("components", {})
    components["securitySchemes"] = _SCHEMES
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {**problem.pop("$defs", {}), Problem.__name__: problem}
    for path in made["paths"].values():
        for method, operation in path.items():
            if method in _METHODS:
                _say_scope(operation)
    return made


def _say_scope(operation: dict[str, Any]) -> None:
    scope = operation.get(SCOPE, NO_SCOPE)
    if scope == NO_SCOPE:
        said, operation["security"] = "Scope: none; anybody may ask.", []
    else:
        said = f"Scope: an API key needs `{scope}`."
        operation["security"] = [{"key": []}, {"session": []}]
    operation["description"] = f"{operation.get('description', '')}\n\n{said}".strip()
