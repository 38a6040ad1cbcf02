"""The description of the API, as OpenAPI 3.1: made from the routes, with what they don't say by themselves."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

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


def describe(api: FastAPI) -> None:
    """Have the app describe itself in our way."""

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = _made(api)
        return api.openapi_schema

    api.openapi = openapi


def _made(api: FastAPI) -> dict[str, Any]:
    made = get_openapi(
        title="Pequeroku", version=VERSION, openapi_version="3.1.0", description=_ABOUT, routes=api.routes
    )
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
