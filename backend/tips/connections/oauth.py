"""The way to a provider and back (OAuth 2.0, authorization code with state, and PKCE where the provider knows it).

What has to be remembered between the two ends is sealed into a cookie of the browser that began: no other can go on.
"""

import asyncio
import json
import logging
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from backend.errors import NotConfirmed, Unavailable
from backend.models.base import now
from backend.sealing import seal, unseal
from backend.tips.connections import http
from backend.tips.connections.providers import TODOIST, Provider

log = logging.getLogger(__name__)

LASTS = timedelta(minutes=10)
_PURPOSE, _TICKET_PURPOSE = "connection", "connection ticket"
_LONGEST_TOKEN = 4000


class Revoked(NotConfirmed):
    """The provider does not take what it gave us any more: its person took it back there."""

    code = "revoked"


@dataclass(frozen=True, slots=True)
class Begun:
    """What the browser that began keeps, sealed, until it comes back."""

    provider: str
    state: str
    verifier: str
    until: float
    session_id: int

    def sealed(self) -> str:
        return seal(json.dumps(asdict(self)), purpose=_PURPOSE)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a provider gave us for a person. `expires_at` is None where the access token is good until it is revoked."""

    access: str
    refresh: str
    expires_at: datetime | None
    scopes: str
    external_id: str = ""


def ticket(session_id: int) -> str:
    """What lets this session, and no other, begin to connect an account, for a few minutes."""
    facts = {"session": session_id, "until": (now() + LASTS).timestamp()}
    return seal(json.dumps(facts), purpose=_TICKET_PURPOSE)


def session_of_ticket(said: str) -> int | None:
    """The session that the ticket was made for; None where it is none, or too old."""
    try:
        facts = json.loads(unseal(said, purpose=_TICKET_PURPOSE))
    except (Unavailable, ValueError):
        return None
    return int(facts["session"]) if facts["until"] > now().timestamp() else None


def begin(provider: Provider, callback: str, session_id: int) -> tuple[str, Begun]:
    """Where to send the browser, and what it keeps meanwhile."""
    begun = Begun(
        provider.name,
        state=secrets.token_urlsafe(24),
        verifier=generate_token(64),
        until=(now() + LASTS).timestamp(),
        session_id=session_id,
    )
    client = _client(provider, callback)
    more = {**provider.more, **({"code_verifier": begun.verifier} if provider.uses_pkce else {})}
    url, _ = client.create_authorization_url(provider.authorize_url, state=begun.state, **more)
    return str(url), begun


def resumed(cookie: str, provider_name: str, state: str) -> Begun:
    """What the browser kept, if it is the one that began with this provider, a moment ago.

    Raises:
        NotConfirmed: it is not.
    """
    try:
        begun = Begun(**json.loads(unseal(cookie, purpose=_PURPOSE)))
    except (Unavailable, ValueError, TypeError):
        begun = None
    is_it = begun is not None and begun.provider == provider_name and begun.until > now().timestamp()
    if begun is None or not is_it or not secrets.compare_digest(begun.state.encode(), state.encode()):
        raise NotConfirmed("That was not begun in this browser, or took too long. Begin again.")
    return begun


async def redeem(provider: Provider, callback: str, begun: Begun, code: str) -> Grant:
    """What the code stands for.

    Raises:
        NotConfirmed: the provider does not take it.
        UpstreamFault: it does not answer as it should.
    """
    more = {"code_verifier": begun.verifier} if provider.uses_pkce else {}
    grant = await _asked(provider, callback, code=code[:_LONGEST_TOKEN], **more)
    if provider.name != TODOIST:
        return grant
    async with http.asking(provider.label) as client:
        headers = {"Authorization": f"Bearer {grant.access}"}
        user = (await client.get(f"{provider.api_url}/user", headers=headers)).raise_for_status().json()
        return Grant(grant.access, grant.refresh, grant.expires_at, grant.scopes, str(user["id"])[:255])


async def renewed(provider: Provider, refresh: str) -> Grant:
    """A fresh access token; and the refresh token to use from now on.

    Raises:
        Revoked: the provider does not take the old one any more.
        UpstreamFault: it does not answer as it should.
    """
    try:
        return await _asked(provider, "", refresh=refresh)
    except NotConfirmed as fault:
        raise Revoked(f"{provider.label} does not let us in any more. Connect it anew if you want.") from fault


async def _asked(provider: Provider, callback: str, *, refresh: str = "", **what: str) -> Grant:
    try:
        async with asyncio.timeout(http.TIMEOUT_S), _client(provider, callback) as client:
            if refresh:
                token = await client.refresh_token(provider.token_url, refresh_token=refresh)
            else:
                token = await client.fetch_token(provider.token_url, **what)
        return _grant(provider, dict(token), refresh)
    except OAuthError as fault:
        log.warning("%s did not give a token: %s", provider.label, fault.error)
        raise NotConfirmed(f"{provider.label} did not confirm it. Begin again.") from fault
    except (*http.SILENCE, *http.NONSENSE) as fault:
        raise http.silent(provider.label) from fault


def _grant(provider: Provider, token: dict[str, Any], refresh: str) -> Grant:
    access = str(token["access_token"])
    lasts_s = token.get("expires_in")
    expires_at = now() + timedelta(seconds=min(max(int(lasts_s), 0), 10**8)) if lasts_s is not None else None
    kept = str(token.get("refresh_token") or refresh)
    if not access or max(len(access), len(kept)) > _LONGEST_TOKEN:
        raise ValueError("a token is out of bounds")
    return Grant(access, kept, expires_at, str(token.get("scope") or provider.asks)[:300])


def _client(provider: Provider, callback: str) -> Any:  # it has no types of its own
    return AsyncOAuth2Client(
        provider.client_id,
        provider.client_secret or None,
        scope=provider.asks,
        redirect_uri=callback or None,
        code_challenge_method="S256" if provider.uses_pkce else None,
        token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the name of a way
        timeout=http.TIMEOUT_S,
        headers=http.PLAIN,
        event_hooks={"response": [http.bound]},
    )
