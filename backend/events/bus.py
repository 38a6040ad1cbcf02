"""Typed events, published after the commit that made them true, to whoever listens in any process.

In one process they pass through memory; with REDIS_URL, through Redis pub/sub. An event says that something
changed, never what it is now: a listener looks for itself, so a lost event costs freshness, not truth.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast, get_args

from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.rules.policy import Actor
from backend.settings import settings

if TYPE_CHECKING:
    from backend.db import Tx

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ContainerChanged:
    """The row of a container changed, appeared or went."""

    container_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class WishChanged:
    """Somebody wants something of a node: its reconciler should look now."""

    node_id: int


@dataclass(frozen=True, slots=True)
class NodeChanged:
    """A node became healthy or stopped being so, or its facts changed."""

    node_id: int


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A browser session was signed out or revoked: what it holds open must close."""

    session_id: int


@dataclass(frozen=True, slots=True)
class AccessChanged:
    """What these users may see or do became more or less, or the teams they are in changed."""

    user_ids: list[int]


@dataclass(frozen=True, slots=True)
class KeyUsed:
    """A program has come in with one of the user's API keys for the first time."""

    user_id: int


@dataclass(frozen=True, slots=True)
class InboxChanged:
    """A user has something new to read, or has read it."""

    user_id: int


@dataclass(frozen=True, slots=True)
class SignalsWanted:
    """What a user's signals for tips are read from changed, or they agreed to more or to less."""

    user_id: int


@dataclass(frozen=True, slots=True)
class FeaturesChanged:
    """What is known about a user for tips was derived anew."""

    user_id: int


@dataclass(frozen=True, slots=True)
class ConsoleWritten:
    """A container's machine wrote to its console."""

    container_id: int


@dataclass(frozen=True, slots=True)
class UsageSampled:
    """New figures of a node's containers are in services/usage.py."""

    node_id: int
    figures: dict[str, list[float | None]]
    """By container id, in the order of rules/downsampling.py's FIGURES. A measurement is the one thing events carry."""


@dataclass(frozen=True, slots=True)
class StreamWritten:
    """These rows of the stream are there now (events/durable.py)."""

    ids: list[int]


@dataclass(frozen=True, slots=True)
class TipSettled:
    """What a person's tip was worth is known: there is something to learn."""

    user_id: int


@dataclass(frozen=True, slots=True)
class RunChanged:
    """A one-shot run was asked for, has begun, or is over."""

    run_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class FeedWritten:
    """There is more to be told of these users' things, and of these containers to whom they are shared with."""

    user_ids: list[int]
    container_ids: list[int]


Event = (
    ContainerChanged
    | WishChanged
    | NodeChanged
    | SessionEnded
    | AccessChanged
    | KeyUsed
    | InboxChanged
    | SignalsWanted
    | FeaturesChanged
    | ConsoleWritten
    | UsageSampled
    | StreamWritten
    | TipSettled
    | RunChanged
    | FeedWritten
)
Listener = Callable[[Event], Awaitable[None] | None]
_BY_NAME: dict[str, type[Event]] = {each.__name__: each for each in get_args(Event)}


def concerns(event: Event, actor: Actor, container_id: int) -> bool:
    """Whether it may have changed what the actor may do with the container, or what that is."""
    match event:
        case SessionEnded(session_id=session_id):
            return session_id == actor.session_id
        case AccessChanged(user_ids=user_ids):
            return actor.user_id in user_ids
        case ContainerChanged(container_id=changed_id):
            return changed_id == container_id
        case _:
            return False


class Bus:
    """The process's end of the bus: `start`, `subscribe`, `publish`, `stop`."""

    def __init__(self, redis_url: str = "", prefix: str = "") -> None:
        self._listeners: list[Listener] = []
        self._channel = f"{prefix}events"
        self._redis: Any = (
            cast(Any, Redis).from_url(redis_url) if redis_url else None
        )  # its own types are full of holes
        self._reader: asyncio.Task[None] | None = None

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event from now on; returns what ends it. Listeners must be quick."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def publish(self, event: Event) -> None:
        """Tell everybody. With Redis gone, this process still hears it; the others look again on their own clock."""
        if self._redis is None:
            await self._deliver(event)
            return
        try:
            await self._redis.publish(self._channel, json.dumps({"event": type(event).__name__, **asdict(event)}))
        except RedisError as fault:
            log.warning("Redis does not take events (%s); delivering to this process alone", fault)
            await self._deliver(event)

    async def start(self) -> None:
        """Begin to hear other processes. Without Redis there is nothing to do."""
        if self._redis is not None and self._reader is None:
            self._reader = asyncio.create_task(self._read(self._redis), name="events")

    async def answers(self) -> bool:
        """Whether events get to other processes. Without Redis there are none."""
        try:
            return self._redis is None or bool(await self._redis.ping())
        except RedisError:
            return False

    async def stop(self) -> None:
        """Stop hearing, and let go of Redis."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._reader = None
        if self._redis is not None:
            await self._redis.aclose()

    async def _read(self, redis: Any) -> None:
        while True:
            try:
                async with redis.pubsub() as pubsub:
                    await pubsub.subscribe(self._channel)
                    async for message in pubsub.listen():
                        if message["type"] == "message" and (event := _parsed(message["data"])):
                            await self._deliver(event)
            except RedisError as fault:
                log.warning("lost Redis (%s); listening again in a second", fault)
            except Exception:
                log.exception("could not hear other processes; listening again in a second")
            await asyncio.sleep(1)

    async def _deliver(self, event: Event) -> None:
        for listener in list(self._listeners):
            try:
                outcome = listener(event)
                if outcome is not None:
                    await outcome
            except Exception:
                log.exception("a listener failed on %r", event)


def _parsed(data: bytes) -> Event | None:
    """None for what another version of us may say."""
    try:
        fields: dict[str, Any] = json.loads(data)
        return _BY_NAME[fields.pop("event")](**fields)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        log.warning("an event that is not understood: %r", data[:200])
        return None


@lru_cache
def bus() -> Bus:
    """The process's bus."""
    return Bus(settings().redis_url, settings().redis_prefix)


def announce(tx: "Tx", event: Event) -> None:
    """Publish once the transaction has committed; never, if it does not."""
    tx.after_commit.append(lambda: bus().publish(event))
