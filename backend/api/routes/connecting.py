"""Connecting an account elsewhere, for tips: out to the provider, and back with what it grants."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from backend.api import forms
from backend.db import reading, transaction
from backend.errors import NotConfirmed, PequerokuError, Unauthenticated
from backend.rules.config_keys import PUBLIC_URL
from backend.rules.policy import Actor
from backend.services import identity
from backend.services.config import value_of
from backend.settings import settings
from backend.tips.connections import accounts, oauth
from backend.tips.connections.providers import Provider, provider_of

router = APIRouter(prefix="/auth/connect", include_in_schema=False)

_COOKIE = "connecting"
_PATH = "/auth/connect"
_PAGE = "/me/privacy"


@router.get("/{provider_name}/begin")
async def begin(request: Request, provider_name: str, ticket: str = "") -> RedirectResponse:
    """Send the browser to the provider. `ticket`: from the page, of this very session."""
    try:
        actor = await _actor(request)
        if actor.session_id is None or oauth.session_of_ticket(ticket) != actor.session_id:
            raise NotConfirmed("Begin to connect it on the page Privacy.")
        provider, callback = await _provider(request, provider_name)
        url, begun = oauth.begin(provider, callback, actor.session_id)
    except PequerokuError as refusal:
        return forms.back(_PAGE, refusal)
    response = forms.see_other(url)
    forms.set_cookie(response, _COOKIE, begun.sealed(), int(oauth.LASTS.total_seconds()), path=_PATH)
    return response


@router.get("/{provider_name}/callback")
async def callback(
    request: Request, provider_name: str, state: str = "", code: str = "", error: str = ""
) -> RedirectResponse:
    """The provider sends the browser back: keep what it grants."""
    try:
        begun = oauth.resumed(request.cookies.get(_COOKIE, ""), provider_name, state)
        actor = await _actor(request)
        if actor.session_id != begun.session_id:
            raise Unauthenticated("Your session has ended. Sign in, and connect it again.")
        if error or not code:
            raise NotConfirmed("The other service was not let in.")
        provider, here = await _provider(request, provider_name)
        grant = await oauth.redeem(provider, here, begun, code)
        async with transaction() as tx:
            await accounts.make(tx, actor, provider_name, grant)
        response = forms.see_other(_PAGE)
    except PequerokuError as refusal:
        response = forms.back(_PAGE, refusal)
    forms.drop_cookie(response, _COOKIE, path=_PATH)
    return response


async def _actor(request: Request) -> Actor:
    who = forms.visitor(request)
    sid = request.cookies.get(forms.SESSION_COOKIE, "")
    actor = await identity.actor_for(sid, ip=who.ip, user_agent=who.user_agent)
    if actor is None:
        raise Unauthenticated
    return actor


async def _provider(request: Request, name: str) -> tuple[Provider, str]:
    """The provider, and the address it sends people back to: one of ours, whatever the request's Host says."""
    async with reading() as tx:
        provider = await provider_of(tx, name)
        home = await value_of(tx, PUBLIC_URL)
    here = f"{'https' if settings().https else 'http'}://{request.headers.get('host', '')}"
    base = home.rstrip("/") or (here if here in settings().origins else settings().origins[0])
    return provider, f"{base}{_PATH}/{provider.name}/callback"
