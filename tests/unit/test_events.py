"""The bus between processes, over a real Redis."""

from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from backend.events.bus import Bus, ContainerChanged, Event, NodeChanged
from tests.stores import eventually


@pytest.fixture
async def ends(redis_server: str) -> AsyncGenerator[tuple[Bus, Bus, list[Event]]]:
    """Two processes' ends, and what the second hears."""
    first, second, heard = Bus(redis_server, "t:"), Bus(redis_server, "t:"), list[Event]()
    second.subscribe(lambda event: heard.append(event))
    await second.start()

    async def listens() -> bool:
        await first.publish(NodeChanged(0))
        return bool(heard)

    await eventually("the second to listen", listens)
    heard.clear()
    yield first, second, heard
    await first.stop()
    await second.stop()


async def test_an_event_reaches_another_process_as_it_was(ends: tuple[Bus, Bus, list[Event]]) -> None:
    first, _, heard = ends
    await first.publish(ContainerChanged(7, 8))
    await eventually("the event", lambda: ContainerChanged(7, 8) in heard)


async def test_what_another_version_says_is_skipped(ends: tuple[Bus, Bus, list[Event]], redis_server: str) -> None:
    first, _, heard = ends
    redis = cast(Any, Redis).from_url(redis_server)
    strange = (b'{"event": "NodeChanged", "more": 1}', b"[" * 200_000)
    for nonsense in (b"", b"\xff", b"[]", b"{}", b'{"event": "OfTomorrow"}', *strange):
        await redis.publish("t:events", nonsense)
    await redis.aclose()
    await first.publish(NodeChanged(9))
    await eventually("the event", lambda: NodeChanged(9) in heard)
