"""What goes wrong, as the API says it: `{"error": {"code", "message"}}`. The one place that knows these codes.

Pages and sockets say the sentence alone. docs/api.md lists the codes; a test sees to it that it has them all.
"""

import logging
import secrets
from enum import StrEnum
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request

from backend.errors import (
    AskedEnough,
    Conflict,
    DatabaseBusy,
    Forbidden,
    Invalid,
    NotFound,
    NotRunning,
    OutOfTime,
    PequerokuError,
    QuotaExceeded,
    QuotaFull,
    ScopeTooSmall,
    Throttled,
    TypeNotAllowed,
    Unauthenticated,
    Unavailable,
    UpstreamFault,
)
from backend.rules.file_refusals import FileRefused

log = logging.getLogger(__name__)


class Code(StrEnum):
    """Every code that the API answers with."""

    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    FORBIDDEN_SCOPE = "forbidden_scope"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    QUOTA_EXCEEDED = "quota_exceeded"
    TYPE_NOT_ALLOWED = "type_not_allowed"
    MACHINE_NOT_RUNNING = "machine_not_running"
    RATE_LIMITED = "rate_limited"
    NODE_UNAVAILABLE = "node_unavailable"
    UPSTREAM_ERROR = "upstream_error"
    TIMEOUT = "timeout"
    INTERNAL_ERROR = "internal_error"


_CODES: dict[type[PequerokuError], Code] = {
    Invalid: Code.INVALID_REQUEST,
    Unauthenticated: Code.UNAUTHORIZED,
    Forbidden: Code.FORBIDDEN,
    ScopeTooSmall: Code.FORBIDDEN_SCOPE,
    NotFound: Code.NOT_FOUND,
    Conflict: Code.CONFLICT,
    QuotaExceeded: Code.QUOTA_EXCEEDED,
    QuotaFull: Code.QUOTA_EXCEEDED,
    AskedEnough: Code.QUOTA_EXCEEDED,
    TypeNotAllowed: Code.TYPE_NOT_ALLOWED,
    Throttled: Code.RATE_LIMITED,
    Unavailable: Code.NODE_UNAVAILABLE,
    NotRunning: Code.MACHINE_NOT_RUNNING,
    DatabaseBusy: Code.UPSTREAM_ERROR,
    UpstreamFault: Code.UPSTREAM_ERROR,
    OutOfTime: Code.TIMEOUT,
}
"""By the nearest class that stands here."""
_OF_FILES = {
    404: Code.NOT_FOUND, 409: Code.CONFLICT, 429: Code.RATE_LIMITED, 502: Code.UPSTREAM_ERROR, 504: Code.TIMEOUT,
}  # fmt: skip
"""What is refused of a file has words of its own (docs/files.md): programs find them in `reason`."""


class Wrong(BaseModel):
    """What went wrong: a code for the program, a sentence for the person."""

    code: Code
    message: str


class Problem(BaseModel):
    """The body of every refusal."""

    error: Wrong


_SAID = {
    401: "Nobody is signed in, or the key is not good.",
    403: "Not for this person, or not with this key.",
    404: "Not there, or not yours to see.",
    405: "Not with this method.",
    409: "The state of things forbids it now.",
    413: "The body is too large.",
    422: "What was sent can't be used as it is.",
    429: "Too often. `Retry-After` says when to come back.",
    500: "A fault of ours; the message has a number for the operator.",
    502: "Somebody else's service did not do its part.",
    503: "A machine or a store does not answer.",
    504: "It took too long, and was ended.",
}
_OF_A_PROBLEM = {"application/json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"content": _OF_A_PROBLEM, "description": said} for status, said in _SAID.items()
}
"""What every route may answer beside what it is for. By name: each `model` would be built anew for each route."""


def code_of(fault: PequerokuError) -> Code:
    """The API's code for an error."""
    if isinstance(fault, FileRefused):
        return _OF_FILES.get(fault.status, Code.INVALID_REQUEST)
    return next((_CODES[each] for each in type(fault).__mro__ if each in _CODES), Code.INTERNAL_ERROR)


def said(code: Code, message: str, status: int, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer itself."""
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


def answer_for(fault: Exception) -> JSONResponse:
    """The answer to whatever was raised. What is no refusal is a bug: logged here, once, with an id."""
    match fault:
        case PequerokuError():
            return said(code_of(fault), _storable(fault.message), fault.status, _headers_of(fault))
        case RequestValidationError():
            return answer_for(_as_invalid(fault))
        case HTTPException(status_code=405):
            return said(Code.METHOD_NOT_ALLOWED, _METHOD, 405, dict(fault.headers or {}))
        case HTTPException(status_code=404):
            return said(Code.NOT_FOUND, "There is nothing at this address. /api/schema/ lists what there is.", 404)
        case HTTPException(status_code=400):
            return answer_for(Invalid("The body can't be read: send JSON, in UTF-8."))
        case HTTPException() if fault.status_code < 500:
            return said(Code.INVALID_REQUEST, str(fault.detail), fault.status_code)
        case _:
            bug_id = secrets.token_hex(4)
            log.error("bug %s", bug_id, exc_info=fault)
            sentence = f"Something went wrong on our side. If it happens again, tell your operator the number {bug_id}."
            return said(Code.INTERNAL_ERROR, sentence, 500)


_METHOD = "This address does not take that method. The header Allow has those that it takes."


async def refuse(_request: Request, fault: Exception) -> JSONResponse:
    """`answer_for`, in the form in which the framework asks."""
    return answer_for(fault)


def _headers_of(fault: PequerokuError) -> dict[str, str] | None:
    match fault:
        case Throttled():
            return {"Retry-After": str(fault.after_s)}
        case DatabaseBusy():
            return {"Retry-After": "1"}
        case Unauthenticated():
            return {"WWW-Authenticate": "Bearer"}
        case _:
            return None


def _as_invalid(fault: RequestValidationError) -> Invalid:
    first = fault.errors()[0]
    if first.get("type") == "json_invalid":
        return Invalid("The body is no JSON.")
    where = ".".join(str(each) for each in first.get("loc", ()) if each not in ("body", "query", "path", "header"))
    return Invalid(f"{where or 'The request'}: {first.get('msg', 'not understood')}.", field=where)


def _storable(text: str) -> str:
    """Half a character fits into no JSON that is sent."""
    return text.encode(errors="replace").decode()
