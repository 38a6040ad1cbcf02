"""Who stands at the door: the actor of a request or a socket, and whether a browser came from our own pages."""

from starlette.requests import HTTPConnection

from backend.errors import Forbidden, Unauthenticated
from backend.rules.policy import Actor, Via
from backend.services import identity
from backend.settings import settings


async def actor_of(connection: HTTPConnection) -> Actor:
    """Who is signed in with the session cookie of this request or socket.

    Raises:
        Unauthenticated: nobody is.
        Forbidden: it is a browser's, from a page that is not ours, and could do something.
    """
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
