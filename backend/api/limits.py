"""How often a person may ask, and an address from which nobody known asks. Counted in each web process by itself."""

import time
from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.doors import address_of
from backend.errors import Throttled, Unauthenticated
from backend.rules import rates
from backend.rules.policy import Actor
from backend.rules.rates import Standing
from backend.rules.throttle import source_of
from backend.settings import settings

_PERIOD_S = 60.0
_MOST_KNOWN = 20_000
_STATE = "rate_standing"


class Gauge:
    """Who has asked how often lately. Whoever owes nothing any more is forgotten when it gets crowded."""

    def __init__(self) -> None:
        self._debts: dict[str, float] = {}

    def look(self, who: str, limit: int) -> Standing | None:
        """Where a request would stand, without counting it; None: no limit is set."""
        return self._taken(who, limit)[1] if limit else None

    def take(self, who: str, limit: int) -> Standing | None:
        """Count a request."""
        if not limit:
            return None
        if len(self._debts) >= _MOST_KNOWN:
            at_s = time.monotonic()
            self._debts = {each: until_s for each, until_s in self._debts.items() if until_s > at_s}
        self._debts[who], standing = self._taken(who, limit)
        return standing

    def _taken(self, who: str, limit: int) -> tuple[float, Standing]:
        return rates.take(self._debts.get(who, 0.0), limit=limit, period_s=_PERIOD_S, at_s=time.monotonic())


_people, _strangers = Gauge(), Gauge()


async def admitted(request: Request, who_is_it: Callable[[Request], Awaitable[Actor]]) -> Actor:
    """The actor, if neither they nor the strangers at their address ask too often.

    Raises:
        Throttled: they do. For strangers it comes before anything is looked up.
        Unauthenticated, Forbidden: as `who_is_it`.
    """
    source = source_of(address_of(request))
    _check(request, _strangers.look(source, settings().api_rate_strangers))
    try:
        actor = await who_is_it(request)
    except Unauthenticated:
        _check(request, _strangers.take(source, settings().api_rate_strangers))
        raise
    _check(request, _people.take(f"{actor.user_id} {actor.api_key}", settings().api_rate))
    return actor


def count_by_ssh(person_id: int) -> None:
    """Count what is written down of a person who came by SSH, all their keys together: apart from their requests.

    Raises:
        Throttled: there is too much of it.
    """
    standing = _people.take(f"{person_id} by SSH", settings().api_rate)
    if standing is not None and standing.retry_s:
        raise Throttled(standing.retry_s)


def count_stranger(request: Request) -> None:
    """Count a request that anybody may make.

    Raises:
        Throttled: too many come from there.
    """
    _check(request, _strangers.take(source_of(address_of(request)), settings().api_rate_strangers))


def _check(request: Request, standing: Standing | None) -> None:
    if standing is None:
        return
    setattr(request.state, _STATE, standing)
    if standing.retry_s:
        raise Throttled(standing.retry_s)


class SaysTheRate:
    """Adds RateLimit-Limit, -Remaining and -Reset to the answer of whoever was counted."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_rate(message: Message) -> None:
            standing = scope.get("state", {}).get(_STATE)
            if message["type"] == "http.response.start" and isinstance(standing, Standing):
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Limit"] = str(standing.limit)
                headers["RateLimit-Remaining"] = str(standing.remaining)
                headers["RateLimit-Reset"] = str(standing.reset_s)
            await send(message)

        await self._app(scope, receive, send_with_rate)
