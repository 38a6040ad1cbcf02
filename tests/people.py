"""Accounts as they are: made, signed in, and with something to their name."""

from typing import Any

import httpx

from backend.api.app import make_api
from backend.db import transaction
from backend.rules.policy import SYSTEM, Actor
from backend.services import identity
from tests.asgi import ORIGIN

PASSWORD = "correct horse battery"


async def a_user(name: str, *, is_superuser: bool = False) -> Actor:
    """A user with PASSWORD, without a session."""
    async with transaction() as tx:
        user = await identity.create_user(tx, SYSTEM, username=name, password=PASSWORD, is_superuser=is_superuser)
    return Actor(user.id, name, is_superuser)


async def signed_in(name: str, password: str = PASSWORD) -> tuple[Actor, str]:
    """The user with a session, and its cookie."""
    async with transaction() as tx:
        sid, _ = await identity.sign_in(tx, Actor(None), name, password)
    actor = await identity.actor_for(sid)
    assert actor is not None
    return actor, sid


def visitor(*, sid: str = "", api_key: str = "", origin: str | None = ORIGIN, **more: Any) -> httpx.AsyncClient:
    """A client of the API's routes, in the test's own loop: a browser by its cookie, or a program by its key."""
    headers = {"Origin": origin} if origin is not None else {}
    headers |= {"Authorization": f"Bearer {api_key}"} if api_key else {}
    transport = httpx.ASGITransport(make_api(), client=("203.0.113.7", 1))
    cookies = {"sid": sid} if sid else {}
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers, cookies=cookies, **more)
