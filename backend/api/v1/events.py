"""What happens to the caller's containers and runs, as server-sent events that one can go on from."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, suppress
from typing import Annotated, Any

from fastapi import Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from backend.api.deps import Caller
from backend.api.doors import actor_of
from backend.api.problems import code_of
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.ws.seat import Seats
from backend.db import reading
from backend.ending import ending
from backend.errors import Invalid, PequerokuError
from backend.events.bus import AccessChanged, Event, FeedWritten, SessionEnded, bus
from backend.rules.policy import Action, Actor
from backend.services import feed
from backend.services.feed import FeedView

router = routes("/api/v1/events", "events")
seats = Seats(20, "streams of events")

_AT_ONCE = 100
_BEAT_S = 15.0
_RECHECK_S = 60.0
"""How often one that hears of no change asks whether its session or key still holds."""
_AGAIN_MS = 2000
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "Events, each with an `id`, a type such as `container.running`, and JSON: `id`, `type`, `at`, "
        "`container_id`, `run_id`, `data`.",
    },
}


class _Listener:
    """Who listens: their right to, and whether there is something new for them."""

    def __init__(self, request: Request, actor: Actor) -> None:
        self.actor, self.news = actor, asyncio.Event()
        self._request, self._shared = request, frozenset[int]()
        self._is_stale, self._checked_at = True, 0.0
        self._subscriptions: list[Callable[[], None]] = []

    def __enter__(self) -> "_Listener":
        self._subscriptions = [bus().subscribe(self._hear), ending().subscribe(self.news.set)]
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._subscriptions:
            end()

    async def after(self, last_id: int) -> list[FeedView]:
        """What came after that.

        Raises:
            Unauthenticated, Forbidden: they may not listen any more.
        """
        self.news.clear()
        is_due = self._is_stale or time.monotonic() - self._checked_at >= _RECHECK_S
        if is_due:
            self._is_stale, self._checked_at = False, time.monotonic()
            self.actor = await actor_of(self._request)
        async with reading() as tx:
            if is_due:
                self._shared = await feed.shared_ids(tx, self.actor.user_id)
            return await feed.read_after(tx, self.actor, last_id, limit=_AT_ONCE)

    def _hear(self, event: Event) -> None:
        match event:
            case FeedWritten(user_ids=users, container_ids=boxes):
                is_news = self.actor.user_id in users or not self._shared.isdisjoint(boxes)
            case AccessChanged(user_ids=users):
                is_news = self._is_stale = self._is_stale or self.actor.user_id in users
            case SessionEnded(session_id=session_id):
                is_news = self._is_stale = self._is_stale or session_id == self.actor.session_id
            case _:
                return
        if is_news:
            self.news.set()


class _Stream(StreamingResponse):
    """A stream, and what is let go of after it, however it ends."""

    def __init__(self, source: AsyncGenerator[str], stack: ExitStack) -> None:
        super().__init__(source, headers=_HEADERS, media_type="text/event-stream")
        self._source, self._stack = source, stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._stack:
            try:
                await super().__call__(scope, receive, send)
            finally:
                await self._source.aclose()


@router.get("/", response_class=Response, responses=_STREAM, **does(Action.FEED_READ))
async def stream_events(
    request: Request,
    actor: Caller,
    last_event_id: Annotated[str, Header(description="Go on after this one; without it, from now on")] = "",
    after: Annotated[str, Query(max_length=10, description="The same, for who can't send the header")] = "",
) -> Response:
    """What happens, as it happens, until the client leaves or may not listen any more.

    The first event is `ready`, whose id is where the stream begins. A comment comes every 15 seconds. The last is
    `end`, with why, where the session or the key is not good any more.
    """
    begins_after = _number(last_event_id or after)
    with ExitStack() as stack:
        stack.enter_context(seats.one_more(actor))
        listener = stack.enter_context(_Listener(request, actor))
        first = begins_after
        async with reading() as tx:
            if first is None:
                first = await feed.last_id(tx)
            await feed.read_after(tx, actor, first, limit=1)
        return _Stream(_told(listener, first), stack.pop_all())


async def _told(listener: _Listener, last_id: int) -> AsyncGenerator[str]:
    yield f"retry: {_AGAIN_MS}\nid: {last_id}\nevent: ready\ndata: {{}}\n\n"
    try:
        while True:
            found = await listener.after(last_id)
            for each in found:
                yield _event(each)
                last_id = each.id
            if ending().is_near:
                return
            if len(found) == _AT_ONCE:
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(_BEAT_S):
                    await listener.news.wait()
            if not listener.news.is_set():
                yield ": still here\n\n"
    except PequerokuError as refusal:
        error = {"error": {"code": code_of(refusal), "message": refusal.message}}
        yield f"event: end\ndata: {json.dumps(error)}\n\n"


def _event(each: FeedView) -> str:
    said = {
        "id": each.id,
        "type": each.kind,
        "at": each.at.isoformat(),
        "container_id": each.container_id,
        "run_id": each.run_id,
        "data": each.data,
    }
    return f"id: {each.id}\nevent: {each.kind}\ndata: {json.dumps(said)}\n\n"  # JSON in ASCII has no line breaks


def _number(said: str) -> int | None:
    if not said:
        return None
    if not (said.isascii() and said.isdecimal() and len(said) <= 10 and int(said) < 2**31):
        raise Invalid("Last-Event-ID is the id of an event of ours, a number.", field="Last-Event-ID")
    return int(said)
