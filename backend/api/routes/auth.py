"""Signing in, up and out with plain HTML forms: they work before any script has run.

Every route answers with a redirect and takes posts from our own pages alone; what is refused goes back to its page.
"""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from backend.api import forms
from backend.db import transaction
from backend.errors import BadCredentials, Forbidden, NotFound, PequerokuError, SecondStep, Throttled
from backend.services import admin_token, identity, second_factor
from backend.services import sign_up as signing_up

router = APIRouter(prefix="/auth", include_in_schema=False)

STEP_COOKIE = "step"
CODE_PAGE = "/login/code"


@router.post("/login")
async def login(request: Request) -> RedirectResponse:
    """Check a name and password; go on to `next` with a session, or to the second step."""
    onward = "/"
    try:
        form = await forms.form_of(request)
        onward = forms.same_site_path(form.get("next", ""))
        async with transaction() as tx:
            sid, expires_at = await identity.sign_in(
                tx, forms.visitor(request), form.get("username", ""), form.get("password", "")
            )
    except SecondStep as more:
        return to_the_second_step(more, onward)
    except PequerokuError as refusal:
        return forms.back("/login", refusal, next=onward)
    return forms.signed_in(sid, expires_at, onward)


@router.post("/code")
async def code(request: Request) -> RedirectResponse:
    """The second step: check a code; go on with a session."""
    onward = "/"
    try:
        form = await forms.form_of(request)
        onward = forms.same_site_path(form.get("next", ""))
        async with transaction() as tx:
            ticket = request.cookies.get(STEP_COOKIE, "")
            sid, expires_at = await second_factor.second_step(tx, forms.visitor(request), ticket, form.get("code", ""))
    except (BadCredentials, Throttled) as refusal:
        return forms.back(CODE_PAGE, refusal, next=onward)
    except PequerokuError as refusal:
        return forms.back("/login", refusal, next=onward)
    response = forms.signed_in(sid, expires_at, onward)
    forms.drop_cookie(response, STEP_COOKIE, path="/auth")
    return response


@router.post("/signup")
async def signup(request: Request) -> RedirectResponse:
    """Make an account, and go on with a session."""
    form: dict[str, str] = {}
    try:
        form = await forms.form_of(request)
        async with transaction() as tx:
            sid, expires_at = await signing_up.sign_up(
                tx,
                forms.visitor(request),
                username=form.get("username", ""),
                password=form.get("password", ""),
                email=form.get("email", ""),
                invitation=form.get("invitation", ""),
            )
    except PequerokuError as refusal:
        kept = {name: form.get(name, "")[:300] for name in ("username", "email", "invitation")}
        return forms.back("/signup", refusal, **kept)
    return forms.signed_in(sid, expires_at, "/")


@router.post("/token")
async def token(request: Request) -> RedirectResponse:
    """The form of the admin's log-in page."""
    if not admin_token.is_offered():
        raise NotFound("That page")
    onward = "/admin/"
    try:
        form = await forms.form_of(request)
        async with transaction() as tx:
            sid, expires_at = await admin_token.sign_in_with_token(tx, forms.visitor(request), form.get("token", ""))
    except PequerokuError as refusal:
        return forms.back("/admin/login", refusal)
    return forms.signed_in(sid, expires_at, onward)


@router.post("/logout")
async def logout(request: Request) -> RedirectResponse:
    """End the session. Whatever happens to it, this browser forgets the cookie."""
    try:
        forms.refuse_other_sites(request)
    except Forbidden:
        return forms.see_other("/")
    who = forms.visitor(request)
    sid = request.cookies.get(forms.SESSION_COOKIE, "")
    actor = await identity.actor_for(sid, ip=who.ip, user_agent=who.user_agent)
    if actor is not None:
        async with transaction() as tx:
            await identity.sign_out(tx, actor)
    response = forms.see_other("/login")
    forms.drop_cookie(response, forms.SESSION_COOKIE)
    return response


def to_the_second_step(more: SecondStep, onward: str) -> RedirectResponse:
    """On to where a code is asked for, with what stands for the first step."""
    response = forms.see_other(CODE_PAGE + (f"?{urlencode({'next': onward})}" if onward != "/" else ""))
    lasts_s = int(second_factor.TICKET_LASTS.total_seconds())
    forms.set_cookie(response, STEP_COOKIE, more.ticket, lasts_s, path="/auth")
    return response
