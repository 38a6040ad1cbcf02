"""The HTTP and WebSocket doors, as one FastAPI app that the user interface mounts."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from backend.api.bodies import BoundedBodies
from backend.api.routes import account, admin_token, audit, auth, health, oidc, terminals
from backend.api.ws import terminals as terminal_sockets
from backend.errors import Invalid, PequerokuError, Throttled


def make_api() -> FastAPI:
    """Every route, with one form of error: {"error": {"code", "message"}}."""
    api = FastAPI(title="Pequeroku", docs_url=None, redoc_url=None, openapi_url=None)
    api.add_middleware(BoundedBodies)
    for router in (
        health.router,
        auth.router,
        account.router,
        admin_token.router,
        audit.router,
        oidc.router,
        terminals.router,
        terminal_sockets.router,
    ):
        api.include_router(router)
    api.add_exception_handler(PequerokuError, _refuse)
    api.add_exception_handler(RequestValidationError, _refuse_shape)
    return api


async def _refuse(_request: Request, fault: Exception) -> JSONResponse:
    if not isinstance(fault, PequerokuError):
        raise fault
    headers = {"Retry-After": str(fault.after_s)} if isinstance(fault, Throttled) else None
    return JSONResponse({"error": {"code": fault.code, "message": fault.message}}, fault.status, headers)


async def _refuse_shape(request: Request, fault: Exception) -> JSONResponse:
    if not isinstance(fault, RequestValidationError):
        raise fault
    first = fault.errors()[0]
    where = ".".join(str(each) for each in first.get("loc", ()) if each not in ("body", "query", "path"))
    return await _refuse(
        request, Invalid(f"{where or 'The request'}: {first.get('msg', 'not understood')}.", field=where)
    )
