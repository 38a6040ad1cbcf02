"""Signing in through somebody else, against a certified provider that runs on loopback."""

import time
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OctKey
from sqlmodel import select

from backend.db import reading, transaction
from backend.models import ExternalIdentity, Session, User
from backend.rules.policy import SYSTEM, Actor
from backend.services import config, external, identity, invitations, oidc, second_factor, users
from backend.services.oidc import Begun, Provider
from tests.asgi import ORIGIN
from tests.oidc_server import CLIENT_ID, CLIENT_SECRET, OidcServer, serve
from tests.people import PASSWORD, a_user, signed_in, visitor
from tests.unit.test_second_factor import _code

_LOGIN = "/auth/oidc/oidc/login"


@pytest.fixture(scope="module")
def provider() -> Generator[OidcServer]:
    with serve(f"{ORIGIN}/auth/oidc/oidc/callback") as server:
        yield server


async def _configure(**values: str) -> None:
    async with transaction() as tx:
        for name, value in values.items():
            await config.set_config(tx, SYSTEM, name, value)


@pytest.fixture
async def browser(database: str, provider: OidcServer) -> AsyncGenerator[httpx.AsyncClient]:
    """A browser that is not signed in, of an installation that knows the provider."""
    await _configure(oidc_issuer=provider.issuer, oidc_client_id=CLIENT_ID, oidc_client_secret=CLIENT_SECRET)
    async with visitor() as client:
        yield client


async def _sent(browser: httpx.AsyncClient, **query: str) -> str:
    """Where the log-in button sends the browser."""
    return (await browser.get(f"{_LOGIN}?{urlencode(query)}")).headers["location"]


async def _vouched(address: str) -> str:
    """Where the provider sends the browser back to, in the end."""
    async with httpx.AsyncClient() as outside:
        for _ in range(10):
            answer = await outside.get(address)
            address = str(httpx.URL(address).join(answer.headers["location"]))
            if address.startswith(ORIGIN):
                return address
    raise AssertionError(f"the provider sends nobody back: {address}")


async def _arrive(browser: httpx.AsyncClient, **query: str) -> str:
    """Sign in through the provider; returns where that ends."""
    back = await _vouched(await _sent(browser, **query))
    return (await browser.get(back)).headers["location"]


def _with(address: str, **changes: str) -> str:
    parts = urlsplit(address)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()} | changes
    return urlunsplit(parts._replace(query=urlencode(query)))


async def _linked(name: str, provider: OidcServer, subject: str) -> Actor:
    actor = await a_user(name)
    async with transaction() as tx:
        await external.link(tx, actor, external.Person(provider.issuer, subject, "", "", ""))
    return actor


async def _sessions() -> int:
    async with reading() as tx:
        return len((await tx.exec(select(Session))).all())


async def test_who_is_linked_comes_in_and_goes_on_to_where_they_were_going(
    browser: httpx.AsyncClient, provider: OidcServer
) -> None:
    ana = await _linked("ana", provider, "sub-1")
    provider.person("sub-1", email="ana@example.org")
    assert await _arrive(browser, next="/containers/7") == "/containers/7"
    actor = await identity.actor_for(browser.cookies["sid"])
    assert actor is not None
    assert actor.user_id == ana.user_id


async def test_the_way_there_carries_state_nonce_and_a_challenge(browser: httpx.AsyncClient) -> None:
    asked = parse_qs(urlsplit(await _sent(browser)).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert all(len(asked[each][0]) >= 32 for each in ("state", "nonce", "code_challenge"))
    kept = browser.cookies["oidc"]
    assert not [each for each in ("state", "nonce") if asked[each][0] in kept]


async def test_an_address_links_nobody(browser: httpx.AsyncClient, provider: OidcServer) -> None:
    ana = await a_user("ana")
    async with transaction() as tx:
        await users.update_profile(tx, ana, display_name="", email="ana@example.org")
    provider.person("mallory", email="ana@example.org", email_verified=True, preferred_username="ana")
    assert await _arrive(browser) == "/login?error=not-linked"
    assert await _sessions() == 0


@pytest.mark.parametrize(("mode", "ends"), [("open", "/"), ("closed", "/login?error=not-linked")])
async def test_a_new_account_is_made_only_where_sign_up_is_open(
    browser: httpx.AsyncClient, provider: OidcServer, mode: str, ends: str
) -> None:
    await a_user("bea")
    await _configure(sign_up=mode)
    provider.person("sub-2", email="bea@example.org", name="Bea B.", preferred_username="bea")
    assert await _arrive(browser) == ends
    if mode == "open":
        async with reading() as tx:
            user = (await tx.exec(select(User).join(ExternalIdentity))).one()
        assert (user.username, user.display_name, user.email) == ("bea-2", "Bea B.", "bea@example.org")
        assert user.password_hash == ""
        for guess in ("", PASSWORD):
            assert (
                (await browser.post("/auth/login", data={"username": "bea-2", "password": guess}))
                .headers["location"]
                .startswith("/login?error=")
            )


async def test_an_invitation_opens_the_way_once(browser: httpx.AsyncClient, provider: OidcServer) -> None:
    await _configure(sign_up="invitation")
    async with transaction() as tx:
        token = (await invitations.invite(tx, SYSTEM)).link.rpartition("/")[2]
    provider.person("sub-3", preferred_username="cleo")
    assert await _arrive(browser, invitation=token) == "/"
    provider.person("sub-4", preferred_username="dora")
    assert await _arrive(browser, invitation=token) == "/login?error=invitation-spent"
    assert await _arrive(browser) == "/login?error=not-linked"


async def test_who_is_disabled_stays_out(browser: httpx.AsyncClient, provider: OidcServer) -> None:
    ana = await _linked("ana", provider, "sub-1")
    async with transaction() as tx:
        await users.set_user_active(tx, SYSTEM, ana.person_id, False)
    provider.person("sub-1")
    assert await _arrive(browser) == "/login?error=user-disabled"
    assert await _sessions() == 0


async def test_a_second_factor_is_asked_for_here_too(browser: httpx.AsyncClient, provider: OidcServer) -> None:
    await _linked("ana", provider, "sub-1")
    actor, _ = await signed_in("ana")
    async with transaction() as tx:
        secret = (await second_factor.begin_totp(tx, actor)).secret
    async with transaction() as tx:
        await second_factor.enable_totp(tx, actor, _code(secret))
    before = await _sessions()
    provider.person("sub-1")
    assert await _arrive(browser) == "/login/code"
    assert await _sessions() == before
    assert (await browser.post("/auth/code", data={"code": _code(secret, 1)})).headers["location"] == "/"


async def test_who_says_no_there_is_told_so_here(browser: httpx.AsyncClient, provider: OidcServer) -> None:
    provider.person("sub-1", refuses=True)
    assert await _arrive(browser) == "/login?error=not-confirmed"


async def test_another_state_or_browser_or_a_second_time_is_refused(
    browser: httpx.AsyncClient, provider: OidcServer
) -> None:
    await _linked("ana", provider, "sub-1")
    provider.person("sub-1")
    back = await _vouched(await _sent(browser))
    async with visitor() as other:
        assert (await other.get(back)).headers["location"] == "/login?error=not-confirmed"
    for wrong in (_with(back, state="x"), _with(back, state=""), _with(back, state="é"), _with(back, code="x")):
        kept = browser.cookies["oidc"]
        assert (await browser.get(wrong)).headers["location"] == "/login?error=not-confirmed"
        browser.cookies.set("oidc", kept, domain="localhost.local", path="/auth/oidc")
    assert await _sessions() == 0


async def test_a_code_of_a_sign_in_that_somebody_else_began_is_refused(
    browser: httpx.AsyncClient, provider: OidcServer
) -> None:
    """An attacker's own code, put into the victim's way back: state fits, the nonce and the verifier do not."""
    await _linked("mallory", provider, "mallory")
    provider.person("mallory")
    async with visitor() as attacker:
        theirs = await _vouched(await _sent(attacker))
    mine = await _sent(browser)
    state = parse_qs(urlsplit(mine).query)["state"][0]
    assert (await browser.get(_with(theirs, state=state))).headers["location"] == "/login?error=not-confirmed"
    assert await _sessions() == 0


@pytest.mark.parametrize("change", [{"nonce": "another"}, {"code_challenge": "A" * 43}])
async def test_what_was_changed_on_the_way_there_is_noticed_on_the_way_back(
    browser: httpx.AsyncClient, provider: OidcServer, change: dict[str, str]
) -> None:
    await _linked("ana", provider, "sub-1")
    provider.person("sub-1")
    back = await _vouched(_with(await _sent(browser), **change))
    assert (await browser.get(back)).headers["location"] == "/login?error=not-confirmed"


async def test_an_issuer_that_says_it_is_another_is_not_believed(
    browser: httpx.AsyncClient, provider: OidcServer
) -> None:
    await _configure(oidc_issuer=provider.issuer.replace("127.0.0.1", "localhost"))
    assert await _sent(browser) == "/login?error=not-confirmed"


async def test_a_provider_that_is_silent_or_unknown_is_told(browser: httpx.AsyncClient) -> None:
    await _configure(oidc_issuer="http://127.0.0.1:1")
    assert await _sent(browser) == "/login?error=upstream-fault"
    for name in ("google", "nothing", "%00"):
        answer = await browser.get(f"/auth/oidc/{name}/login")
        assert answer.headers["location"] == "/login?error=not-found"


async def test_a_signed_in_person_links_it_and_then_comes_in_with_it(
    browser: httpx.AsyncClient, provider: OidcServer
) -> None:
    await a_user("ana")
    ana, sid = await signed_in("ana")
    provider.person("sub-9")
    async with visitor(sid=sid) as mine:
        assert await _arrive(mine, link=oidc.link_ticket(ana.session_id)) == "/account/security"
    assert await _arrive(browser) == "/"
    async with transaction() as tx:
        (linked,) = await external.list_identities(tx, ana)
        await external.unlink(tx, ana, linked.id)
    assert await _arrive(browser) == "/login?error=not-linked"


async def test_nobody_can_be_made_to_link_somebody_elses_sign_in(
    browser: httpx.AsyncClient, provider: OidcServer
) -> None:
    await a_user("victim")
    await a_user("mallory")
    _, victims = await signed_in("victim")
    mallory, _ = await signed_in("mallory")
    provider.person("mallory")
    async with visitor(sid=victims) as victim:
        for ticket in (oidc.link_ticket(mallory.session_id), "x", oidc.link_ticket(999)):
            assert (await _sent(victim, link=ticket)).startswith("/account/security?error=not-confirmed")
    async with reading() as tx:
        assert (await tx.exec(select(ExternalIdentity))).all() == []


async def test_one_sign_in_belongs_to_one_person(browser: httpx.AsyncClient, provider: OidcServer) -> None:
    await _linked("ana", provider, "sub-1")
    await a_user("bob")
    bob, sid = await signed_in("bob")
    provider.person("sub-1")
    async with visitor(sid=sid) as mine:
        ends = await _arrive(mine, link=oidc.link_ticket(bob.session_id))
    assert ends == "/account/security?error=sign-in-taken"


_PROVIDER = Provider("oidc", "x", "https://issuer.example", "us", "a secret")
_BEGUN = Begun("oidc", "state", "the nonce", "verifier", 0.0)
_KEY = ECKey.generate_key("P-256", {"kid": "1", "alg": "ES256", "use": "sig"})


def _claims(**changes: Any) -> dict[str, Any]:
    at = int(time.time())
    good = {"iss": "https://issuer.example", "sub": "1", "aud": "us", "exp": at + 60, "iat": at, "nonce": "the nonce"}
    return {name: value for name, value in (good | changes).items() if value is not None}


def _judge(claims: dict[str, Any], key: Any = _KEY, header: dict[str, str] | None = None) -> dict[str, Any]:
    header = header or {"alg": "ES256", "kid": "1"}
    token = jwt.encode(header, claims, key, algorithms=["ES256", "HS256"])
    return oidc._checked(token, KeySet([_KEY]).as_dict(private=False), _PROVIDER, _BEGUN)


def test_a_token_for_us_from_them_now_is_believed() -> None:
    assert _judge(_claims())["sub"] == "1"
    assert _judge(_claims(aud=["us", "others"], azp="us"))["sub"] == "1"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"}, {"iss": "https://issuer.example/"}, {"iss": None}, {"aud": "others"},
        {"aud": None}, {"aud": ["us", "others"]}, {"aud": ["us", "others"], "azp": "others"}, {"nonce": "another"},
        {"nonce": None}, {"exp": 1}, {"exp": None}, {"iat": None}, {"sub": None}, {"sub": ""}, {"sub": "x" * 256},
    ],
)  # fmt: skip
def test_a_token_with_anything_wrong_is_not(changes: dict[str, Any]) -> None:
    with pytest.raises((JoseError, ValueError, KeyError)):
        _judge(_claims(**changes))


def test_a_token_that_they_did_not_sign_is_not() -> None:
    other = ECKey.generate_key("P-256", {"kid": "1", "alg": "ES256", "use": "sig"})
    with pytest.raises((JoseError, ValueError)):
        _judge(_claims(), other)
    with pytest.raises((JoseError, ValueError)):
        _judge(_claims(), OctKey.import_key("a secret that is long enough for HS256"), {"alg": "HS256"})
    unsigned = "eyJhbGciOiJub25lIn0." + jwt.encode({"alg": "ES256"}, _claims(), _KEY).split(".")[1] + "."
    with pytest.raises((JoseError, ValueError)):
        oidc._checked(unsigned, KeySet([_KEY]).as_dict(private=False), _PROVIDER, _BEGUN)


def test_what_a_browser_kept_is_good_for_one_provider_and_not_for_long() -> None:
    late = replace(_BEGUN, until=time.time() - 1)
    for cookie, name in (
        (late.sealed(), "oidc"),
        (replace(late, until=time.time() + 60).sealed(), "google"),
        ("", "oidc"),
    ):
        with pytest.raises(oidc.NotConfirmed):
            oidc.resumed(cookie, name, "state")
