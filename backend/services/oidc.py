"""OpenID Connect: the way to a provider and back (authorization code with PKCE, state and nonce).

What has to be remembered between the two ends is sealed into a cookie of the browser that began: no other can go on.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import httpx2
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from backend.db import Tx
from backend.errors import Invalid, NotConfirmed, NotFound, Unavailable, UpstreamFault
from backend.models.base import now
from backend.rules import names
from backend.rules.config_keys import (
    GOOGLE_CLIENT_ID,
    GOOGLE_CLIENT_SECRET,
    OIDC_CLIENT_ID,
    OIDC_CLIENT_SECRET,
    OIDC_ISSUER,
    OIDC_NAME,
)
from backend.sealing import seal, unseal
from backend.services.config import value_of
from backend.services.external import Person

log = logging.getLogger(__name__)

LASTS = timedelta(minutes=10)
_GOOGLE_ISSUER = "https://accounts.google.com"
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
"""Signatures that only the provider can make; never “none”, and never one keyed with our own secret."""
_TIMEOUT_S = 10.0
_MOST_BYTES = 1024 * 1024
_PLAIN = {"Accept-Encoding": "identity"}
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_SILENCE = (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError)
_NONSENSE = (KeyError, ValueError, TypeError, AttributeError, RecursionError)
"""What taking something apart raises that a provider said in another form than it should have."""
_LEEWAY_S = 60
_PURPOSE = "oidc"
_LINK_PURPOSE = "oidc link"


@dataclass(frozen=True, slots=True)
class Provider:
    """Somebody who vouches for people. `name` is what our addresses call it."""

    name: str
    label: str
    issuer: str
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class Begun:
    """What the browser that began keeps, sealed, until it comes back."""

    provider: str
    state: str
    nonce: str
    verifier: str
    until: float
    onward: str = "/"
    invitation: str = ""
    session_id: int | None = None
    """Of who links the sign-in to their account; None: somebody signs in."""

    def sealed(self) -> str:
        return seal(json.dumps(asdict(self)), purpose=_PURPOSE)


async def providers(tx: Tx) -> list[Provider]:
    """Those that are configured, in the order their buttons stand."""
    google = Provider(
        "google",
        "Google",
        _GOOGLE_ISSUER,
        await value_of(tx, GOOGLE_CLIENT_ID),
        await value_of(tx, GOOGLE_CLIENT_SECRET),
    )
    own = Provider(
        "oidc",
        await value_of(tx, OIDC_NAME),
        await value_of(tx, OIDC_ISSUER),
        await value_of(tx, OIDC_CLIENT_ID),
        await value_of(tx, OIDC_CLIENT_SECRET),
    )
    return [each for each in (google, own) if each.issuer and each.client_id]


async def provider_of(tx: Tx, name: str) -> Provider:
    """The provider of that name.

    Raises:
        NotFound: it is not configured.
    """
    for each in await providers(tx):
        if each.name == name:
            return each
    raise NotFound("That sign-in")


async def begin(
    provider: Provider, callback: str, *, onward: str = "/", invitation: str = "", session_id: int | None = None
) -> tuple[str, Begun]:
    """Where to send the browser, and what it keeps meanwhile.

    Raises:
        UpstreamFault: the provider does not answer.
    """
    begun = Begun(
        provider.name,
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=generate_token(64),
        until=(now() + LASTS).timestamp(),
        onward=onward,
        invitation=invitation,
        session_id=session_id,
    )
    found = await _metadata(provider)
    async with _client(provider, callback) as client:
        url, _ = client.create_authorization_url(
            found["authorization_endpoint"], state=begun.state, nonce=begun.nonce, code_verifier=begun.verifier
        )
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
        raise NotConfirmed("That sign-in was not begun in this browser, or took too long. Begin again.")
    return begun


def link_ticket(session_id: int) -> str:
    """What lets this session, and no other, begin to link a sign-in, for a few minutes."""
    facts = {"session": session_id, "until": (now() + LASTS).timestamp()}
    return seal(json.dumps(facts), purpose=_LINK_PURPOSE)


def session_of_ticket(ticket: str) -> int | None:
    """The session that the ticket was made for; None where it is none, or too old."""
    try:
        facts = json.loads(unseal(ticket, purpose=_LINK_PURPOSE))
    except (Unavailable, ValueError):
        return None
    return int(facts["session"]) if facts["until"] > now().timestamp() else None


async def redeem(provider: Provider, callback: str, begun: Begun, code: str) -> Person:
    """Ask the provider whom the code stands for, and believe only what it signed, for us, now, in this sign-in.

    Raises:
        NotConfirmed: it does not say, or something about it does not fit.
        UpstreamFault: the provider does not answer.
    """
    found = await _metadata(provider)
    try:
        async with asyncio.timeout(_TIMEOUT_S), _client(provider, callback) as client:
            token = await client.fetch_token(found["token_endpoint"], code=code, code_verifier=begun.verifier)
        keys = await _fetched(found["jwks_uri"], provider)
        claims = _checked(str(token["id_token"]), keys, provider, begun)
    except (OAuthError, JoseError, *_NONSENSE) as fault:
        log.warning("%s did not confirm a sign-in: %s", provider.issuer, type(fault).__name__)
        raise NotConfirmed from fault
    except _SILENCE as fault:
        raise _silent(provider) from fault
    return Person(
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        email=_email(str(claims.get("email") or "")),
        name=str(claims.get("name") or ""),
        handle=str(claims.get("preferred_username") or ""),
    )


def _checked(id_token: str, keys: Any, provider: Provider, begun: Begun) -> dict[str, Any]:
    """The claims, if the signature and everything about them holds (OpenID Connect Core, 3.1.3.7)."""
    claims = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=_ALGORITHMS).claims
    jwt.JWTClaimsRegistry(
        leeway=_LEEWAY_S,
        iss={"essential": True, "value": provider.issuer},
        sub={"essential": True},
        aud={"essential": True, "value": provider.client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": begun.nonce},
    ).validate(claims)
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != provider.client_id:  # type: ignore[arg-type]
        raise ValueError("it is for others, too, and not from them")
    if not 0 < len(str(claims["sub"])) <= 255 or not str(claims["sub"]).isprintable():
        raise ValueError("the subject is out of bounds")
    return claims


def _client(provider: Provider, callback: str) -> Any:  # it has no types of its own
    return AsyncOAuth2Client(
        provider.client_id,
        provider.client_secret or None,
        scope="openid email profile",
        redirect_uri=callback,
        code_challenge_method="S256",
        timeout=_TIMEOUT_S,
        headers=_PLAIN,
        event_hooks={"response": [_bound]},
    )


async def _metadata(provider: Provider) -> dict[str, Any]:
    """What the provider says of itself; it has to be the one we asked for (OpenID Connect Discovery, 4.3)."""
    found = await _fetched(provider.issuer.rstrip("/") + "/.well-known/openid-configuration", provider)
    if found.get("issuer") != provider.issuer:
        log.error(
            "%s says that it is %s: set oidc_issuer to exactly what it says", provider.issuer, found.get("issuer")
        )
        raise NotConfirmed("The other service is not set up right. Tell your administrator.")
    if not all(str(found.get(each)).startswith(("https://", "http://")) for each in _ENDPOINTS):
        raise _silent(provider)
    return {each: str(found[each]) for each in _ENDPOINTS}


async def _fetched(address: str, provider: Provider) -> dict[str, Any]:
    try:
        hooks = {"response": [_bound]}
        async with (
            asyncio.timeout(_TIMEOUT_S),
            httpx2.AsyncClient(timeout=_TIMEOUT_S, headers=_PLAIN, event_hooks=hooks) as client,
        ):
            return dict((await client.get(address)).raise_for_status().json())
    except (*_SILENCE, *_NONSENSE) as fault:
        raise _silent(provider) from fault


async def _bound(response: httpx2.Response) -> None:
    """Of what the provider says no more is read than it can have to say; nothing packed, which could unfold."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.DecodingError("it is packed, though that was not asked for")
    response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for chunk in self._inner:
            read += len(chunk)
            if read > _MOST_BYTES:
                raise httpx2.ReadError("it does not stop talking")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def _email(said: str) -> str:
    """What the provider has for an address, if it is one."""
    try:
        return names.email(said)
    except Invalid:
        return ""


def _silent(provider: Provider) -> UpstreamFault:
    return UpstreamFault(f"{provider.label} does not answer. Try again in a moment.")
