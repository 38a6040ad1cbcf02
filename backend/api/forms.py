"""Plain HTML forms and their answers: read with bounds, taken from our own pages alone, answered with a redirect.

The session cookie is set here, over HTTP, so that no script ever sees it.
"""

from datetime import datetime
from urllib.parse import parse_qs, urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from backend.api.doors import address_of
from backend.errors import Forbidden, Invalid, PequerokuError, Throttled
from backend.models.base import now
from backend.rules.policy import Actor
from backend.settings import settings

SESSION_COOKIE = "sid"
_MAX_FORM_BYTES = 8 * 1024


def same_site_path(raw: str) -> str:
    """`raw` if it is a path on this site, else `/`.

    Browsers read `//host` and `/\\host` as another site, and drop tabs and line breaks before they look.
    """
    local = raw.startswith("/") and not raw.startswith("//") and "\\" not in raw
    return raw if local and raw.isprintable() and len(raw) <= 500 else "/"


def refuse_other_sites(request: Request) -> None:
    """Browsers name the origin on every post; one that does not is not signing anybody in here.

    Raises:
        Forbidden: it is another's, or missing.
    """
    if request.headers.get("origin") not in settings().origins:
        raise Forbidden("Sign in from this site's own page.")


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form.

    Raises:
        Forbidden: it comes from another site.
        Invalid: it is too large, or can't be read.
    """
    refuse_other_sites(request)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            raise Invalid("That form is too large.")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=10)
    except ValueError as fault:
        raise Invalid("That form can't be read.") from fault
    return {name: values[-1] for name, values in fields.items()}


def visitor(request: Request) -> Actor:
    """Somebody who is not signed in yet."""
    return Actor(None, ip=address_of(request), user_agent=request.headers.get("user-agent", ""))


def back(page: str, refusal: PequerokuError, **kept: str) -> RedirectResponse:
    """Back to the form, with the reason's code and what had been filled in; the page has the sentences."""
    field = refusal.field if isinstance(refusal, Invalid) else ""
    said = {"error": f"{refusal.code}-{field}" if field else refusal.code}
    if isinstance(refusal, Throttled):
        said["after"] = str(refusal.after_s)
    said |= {name: value for name, value in kept.items() if value and value != "/"}
    return see_other(f"{page}?{urlencode(said)}")


def see_other(path: str) -> RedirectResponse:
    """On to another page."""
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


def signed_in(sid: str, expires_at: datetime, onward: str) -> RedirectResponse:
    """On, with a session."""
    response = see_other(onward)
    set_session(response, sid, expires_at)
    return response


def set_session(response: Response, sid: str, expires_at: datetime) -> None:
    """Hand the session to the browser."""
    set_cookie(response, SESSION_COOKIE, sid, int((expires_at - now()).total_seconds()))


def set_cookie(response: Response, name: str, value: str, max_age_s: int, *, path: str = "/") -> None:
    """Hand something to the browser that no script, and no other site's form, gets at."""
    response.set_cookie(
        name, value, max_age=max_age_s, path=path, httponly=True, samesite="lax", secure=settings().https
    )


def drop_cookie(response: Response, name: str, *, path: str = "/") -> None:
    """Take it back."""
    response.delete_cookie(name, path=path, httponly=True, samesite="lax", secure=settings().https)
