"""Signing in and out with plain HTML forms: the cookie is set over HTTP, so that no script ever sees it.

Both routes answer with a redirect, work without JavaScript, and take posts from our own pages alone.
"""

from datetime import datetime
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from backend.api.doors import address_of
from backend.db import transaction
from backend.errors import Forbidden, Invalid, PequerokuError, Throttled
from backend.models.base import now
from backend.rules.policy import Actor
from backend.services import identity
from backend.settings import settings

router = APIRouter(prefix="/auth", include_in_schema=False)

COOKIE = "sid"
_MAX_FORM_BYTES = 8 * 1024


@router.post("/login")
async def login(request: Request) -> RedirectResponse:
    """Check a name and password; go on to `next` with a session, or back to the form with the reason's code."""
    onward = "/"
    try:
        _refuse_other_sites(request)
        form = await _form(request)
        onward = same_site_path(form.get("next", ""))
        async with transaction() as tx:
            sid, expires_at = await identity.sign_in(
                tx, _visitor(request), form.get("username", ""), form.get("password", "")
            )
    except PequerokuError as refusal:
        return _see_other(_back_to_form(refusal, onward))
    response = _see_other(onward)
    _set_cookie(response, sid, expires_at)
    return response


@router.post("/logout")
async def logout(request: Request) -> RedirectResponse:
    """End the session. Whatever happens to it, this browser forgets the cookie."""
    try:
        _refuse_other_sites(request)
    except Forbidden:
        return _see_other("/")
    visitor = _visitor(request)
    actor = await identity.actor_for(request.cookies.get(COOKIE, ""), ip=visitor.ip, user_agent=visitor.user_agent)
    if actor is not None:
        async with transaction() as tx:
            await identity.sign_out(tx, actor)
    response = _see_other("/login")
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=settings().https)
    return response


def same_site_path(raw: str) -> str:
    """`raw` if it is a path on this site, else `/`.

    Browsers read `//host` and `/\\host` as another site, and drop tabs and line breaks before they look.
    """
    local = raw.startswith("/") and not raw.startswith("//") and "\\" not in raw
    return raw if local and raw.isprintable() and len(raw) <= 500 else "/"


def _refuse_other_sites(request: Request) -> None:
    """Browsers name the origin on every post; one that does not is not signing anybody in here."""
    if request.headers.get("origin") not in settings().origins:
        raise Forbidden("Sign in from this site's own page.")


async def _form(request: Request) -> dict[str, str]:
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


def _visitor(request: Request) -> Actor:
    return Actor(None, ip=address_of(request), user_agent=request.headers.get("user-agent", ""))


def _back_to_form(refusal: PequerokuError, onward: str) -> str:
    said: dict[str, str | int] = {"error": refusal.code}
    if isinstance(refusal, Throttled):
        said["after"] = refusal.after_s
    if onward != "/":
        said["next"] = onward
    return f"/login?{urlencode(said)}"


def _see_other(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


def _set_cookie(response: RedirectResponse, sid: str, expires_at: datetime) -> None:
    response.set_cookie(
        COOKIE,
        sid,
        max_age=int((expires_at - now()).total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings().https,
    )
