"""The API's description, and two pages that show it. All they load comes from here.

The scripts are those of the package fastapi-offline, which requirements.txt pins; it is not imported.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import FileResponse
from starlette.responses import Response

from backend.api.limits import count_stranger
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.errors import NotFound

router = routes("/api/schema", "schema")

_OURS = Path(__file__).parents[1] / "static"
_FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "redoc.standalone.js": "text/javascript",
    "swagger-ui-start.js": "text/javascript",
    "redoc-start.js": "text/javascript",
    "swagger-ui-v1-start.js": "text/javascript",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
"""Only our own files. Both pages write styles, and no scripts, into themselves."""


@router.get("/", **does(None))
async def read_schema(request: Request) -> dict[str, Any]:
    """This description, as OpenAPI 3.1."""
    count_stranger(request)
    return request.app.openapi()


@router.get("/swagger-ui/", include_in_schema=False, **does(None))
async def swagger_ui() -> Response:
    """The description as a page on which requests can be tried."""
    return page("swagger-ui.html")


@router.get("/redoc/", include_in_schema=False, **does(None))
async def redoc() -> Response:
    """The description as a page to read."""
    return page("redoc.html")


@router.get("/files/{name}", include_in_schema=False, **does(None))
async def read_file(name: str) -> Response:
    """A script or a style of the two pages."""
    if name not in _FILES:
        raise NotFound("That file")
    folder = _OURS if (_OURS / name).is_file() else _theirs()
    return FileResponse(folder / name, media_type=_FILES[name], headers={"Cache-Control": "public, max-age=3600"})


def page(name: str) -> Response:
    """A page of ours that loads only our own files."""
    return FileResponse(_OURS / name, media_type="text/html", headers={"Content-Security-Policy": _POLICY})


@cache
def _theirs() -> Path:
    found = find_spec("fastapi_offline")
    if found is None or found.origin is None:
        raise RuntimeError("fastapi-offline is not installed: `make run` installs what requirements.txt names")
    return Path(found.origin).parent / "static"
