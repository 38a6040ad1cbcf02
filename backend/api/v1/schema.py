"""All of `/api/v1/`, and its own description: as OpenAPI 3.1, and as a page on which requests can be tried."""

from functools import cache
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from backend.api.limits import count_stranger
from backend.api.openapi import described
from backend.api.routes.docs import page
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.v1 import commands, containers, events, files, runs

router = routes("/api/v1/schema", "schema")
ROUTERS = (
    containers.router,
    containers.types_router,
    commands.router,
    files.router,
    runs.router,
    events.router,
    router,
)

_ABOUT = """The stable part of the API, for programs: fields may be added to it, none is taken away or changed.

Send `Authorization: Bearer pk_…` with an API key (page Account, Keys). Addresses work with and without the last slash.
Every refusal is `{"error": {"code", "message"}}`. docs/api-v1.md has examples."""


@cache
def openapi() -> dict[str, Any]:
    """The description of `/api/v1/` alone: what clients are typed from."""
    alone = FastAPI()
    for each in ROUTERS:
        alone.include_router(each)
    return described("Pequeroku API v1", "1.0", _ABOUT, alone.routes)


@router.get("/", **does(None))
async def read_schema(request: Request) -> dict[str, Any]:
    """This description, as OpenAPI 3.1."""
    count_stranger(request)
    return openapi()


@router.get("/swagger-ui/", include_in_schema=False, **does(None))
async def swagger_ui() -> Response:
    """The description as a page on which requests can be tried."""
    return page("swagger-ui-v1.html")
