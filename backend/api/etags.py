"""ETags: who has an answer already is not sent it again, and nobody overwrites what they have not seen."""

from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from backend.errors import Invalid


def tagged(request: Request, response: Response) -> Response:
    """The answer with its ETag, or 304 where the asker has it. Streams have none."""
    body = getattr(response, "body", None)
    if request.method != "GET" or response.status_code != 200 or not isinstance(body, bytes):
        return response
    response.headers.setdefault("Cache-Control", "private, no-cache")
    response.headers.setdefault("Vary", "Authorization, Cookie")
    etag = response.headers.setdefault("ETag", f'"{sha256(body).hexdigest()[:24]}"')
    if not _names(request.headers.get("if-none-match", ""), etag):
        return response
    kept = {name: response.headers[name] for name in ("ETag", "Cache-Control", "Vary")}
    return Response(status_code=304, headers=kept)


def of_version(version: int) -> str:
    """The ETag of a row that counts its changes."""
    return f'"v{version}"'


def version_of(request: Request) -> int | None:
    """The version that `If-Match` names; None without that header, or with `*`.

    Raises:
        Invalid: it is no ETag of such a row.
    """
    said = request.headers.get("if-match", "*").strip()
    if said == "*":
        return None
    number = said.removeprefix('"v').removesuffix('"')
    if not number.isdecimal() or said != f'"v{number}"' or len(number) > 9:
        raise Invalid("If-Match has to be the ETag that the row was read with.", field="If-Match")
    return int(number)


def _names(said: str, etag: str) -> bool:
    return said.strip() == "*" or etag in [each.strip().removeprefix("W/") for each in said.split(",")]
