"""Signing in through somebody else (OpenID Connect): out to the provider, and back with what it says."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from backend.api import forms
from backend.api.routes.auth import to_the_second_step
from backend.db import reading, transaction
from backend.errors import NotConfirmed, PequerokuError, SecondStep, Unauthenticated
from backend.rules.config_keys import PUBLIC_URL
from backend.services import external, identity, oidc
from backend.services.config import value_of
from backend.services.oidc import Begun, Provider
from backend.settings import settings

router = APIRouter(prefix="/auth/oidc", include_in_schema=False)

_COOKIE = "oidc"
_PATH = "/auth/oidc"
_SECURITY_PAGE = "/account/security"


@router.get("/{provider_name}/login")
async def login(request: Request, provider_name: str, invitation: str = "", link: str = "") -> RedirectResponse:
    """Send the browser to the provider. `link`: a ticket from the account page, of this very session."""
    onward = forms.same_site_path(request.query_params.get("next", "/"))
    try:
        provider, callback = await _provider(request, provider_name)
        session_id = await _session_of(request, link) if link else None
        url, begun = await oidc.begin(
            provider, callback, onward=onward, invitation=invitation[:100], session_id=session_id
        )
    except PequerokuError as refusal:
        return forms.back(_SECURITY_PAGE if link else "/login", refusal, next=onward)
    response = forms.see_other(url)
    forms.set_cookie(response, _COOKIE, begun.sealed(), int(oidc.LASTS.total_seconds()), path=_PATH)
    return response


@router.get("/{provider_name}/callback")
async def callback(
    request: Request, provider_name: str, state: str = "", code: str = "", error: str = ""
) -> RedirectResponse:
    """The provider sends the browser back: sign in, sign up, or link."""
    try:
        begun = oidc.resumed(request.cookies.get(_COOKIE, ""), provider_name, state)
    except PequerokuError as refusal:
        return forms.back("/login", refusal)
    try:
        response = await _finish(request, begun, code, error)
    except SecondStep as more:
        response = to_the_second_step(more, begun.onward)
    except PequerokuError as refusal:
        response = forms.back("/login" if begun.session_id is None else _SECURITY_PAGE, refusal)
    forms.drop_cookie(response, _COOKIE, path=_PATH)
    return response


async def _finish(request: Request, begun: Begun, code: str, error: str) -> RedirectResponse:
    if error or not code:
        raise NotConfirmed("The other service was not let say who you are.")
    provider, callback = await _provider(request, begun.provider)
    person = await oidc.redeem(provider, callback, begun, code)
    if begun.session_id is None:
        async with transaction() as tx:
            sid, expires_at = await external.enter(tx, forms.visitor(request), person, begun.invitation)
        return forms.signed_in(sid, expires_at, begun.onward)
    who = forms.visitor(request)
    sid = request.cookies.get(forms.SESSION_COOKIE, "")
    actor = await identity.actor_for(sid, ip=who.ip, user_agent=who.user_agent)
    if actor is None or actor.session_id != begun.session_id:
        raise Unauthenticated("Your session has ended. Sign in, and link it again.")
    async with transaction() as tx:
        await external.link(tx, actor, person)
    return forms.see_other(_SECURITY_PAGE)


async def _provider(request: Request, name: str) -> tuple[Provider, str]:
    """The provider, and the address it sends people back to: one of ours, whatever the request's Host says."""
    async with reading() as tx:
        provider = await oidc.provider_of(tx, name)
        home = await value_of(tx, PUBLIC_URL)
    here = f"{'https' if settings().https else 'http'}://{request.headers.get('host', '')}"
    base = home.rstrip("/") or (here if here in settings().origins else settings().origins[0])
    return provider, f"{base}{_PATH}/{provider.name}/callback"


async def _session_of(request: Request, ticket: str) -> int:
    """The session that wants to be linked: the one that the account page made the ticket for, and no other."""
    actor = await identity.actor_for(request.cookies.get(forms.SESSION_COOKIE, ""))
    if actor is None or actor.session_id is None or oidc.session_of_ticket(ticket) != actor.session_id:
        raise NotConfirmed("Begin to link it on the page Account, Security.")
    return actor.session_id
