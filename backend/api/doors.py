"""Who stands at the door: the actor of a request or a socket, and whether a browser came from our own pages."""

from starlette.requests import HTTPConnection

from backend.errors import Forbidden, Unauthenticated
from backend.rules.policy import Actor, Via
from backend.services import identity, keys
from backend.settings import settings


async def actor_of(connection: HTTPConnection) -> Actor:
    """Who shows an API key with this request or socket, or is signed in with its session cookie.

    A browser sends cookies by itself, and so for any page; a key's header it never does.

    Raises:
        Unauthenticated: nobody is.
        Forbidden: it is a browser's, from a page that is not ours, and could do something.
    """
    if authorization := connection.headers.get("authorization", ""):
        return await _key_holder(connection, authorization)
    if connection.scope["type"] == "websocket" or connection.scope["method"] not in ("GET", "HEAD"):
        check_origin(connection)
    actor = await identity.actor_for(
        connection.cookies.get("sid", ""),
        ip=address_of(connection),
        user_agent=connection.headers.get("user-agent", ""),
        via=Via.WEB,
    )
    if actor is None:
        raise Unauthenticated
    return actor


async def _key_holder(connection: HTTPConnection, authorization: str) -> Actor:
    user_agent = connection.headers.get("user-agent", "")
    actor = await keys.actor_for_key(authorization, ip=address_of(connection), user_agent=user_agent)
    if actor is None:
        raise Unauthenticated("That API key is not good, or not any more. Make another on the page Account, Keys.")
    return actor


def address_of(connection: HTTPConnection) -> str:
    """Where it comes from: the peer, or what the outermost of our own proxies says. Others' words don't count."""
    hops = settings().trusted_proxy_hops
    said = [each.strip() for each in ",".join(connection.headers.getlist("x-forwarded-for")).split(",")]
    if hops and len(said) >= hops and said[-hops]:
        return said[-hops][:64]
    return connection.client.host if connection.client else ""


def check_origin(connection: HTTPConnection) -> None:
    """A cookie is sent by any page of the world: only ours may use it.

    Raises:
        Forbidden: the Origin header is missing or another's.
    """
    if connection.headers.get("origin", "") not in settings().origins:
        raise Forbidden("This can only be done from Pequeroku's own pages.")
