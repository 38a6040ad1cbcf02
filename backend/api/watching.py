"""A transfer may take an hour: whoever loses the right to it in the midst of it is cut off."""

import time
from collections.abc import AsyncGenerator, Callable

from starlette.requests import HTTPConnection

from backend.api.doors import actor_of
from backend.db import reading
from backend.events.bus import Event, bus, concerns
from backend.rules.policy import Actor
from backend.services import files as service

RECHECK_S = 60.0
"""How often one that hears of no change asks whether its session or key still holds."""


class Access:
    """The right to a container's files, looked at again when something has changed. A context: it listens inside.

    Enter it before the right is asked for: what changes while a slow machine is reached counts, too.
    """

    def __init__(self, connection: HTTPConnection, actor: Actor, container_id: int) -> None:
        self._connection, self._actor, self._container_id = connection, actor, container_id
        self._has_changed, self._checked_at = False, time.monotonic()
        self._unsubscribe: Callable[[], None] = lambda: None

    def __enter__(self) -> "Access":
        self._unsubscribe = bus().subscribe(self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        self._unsubscribe()

    async def check(self) -> None:
        """Raises Unauthenticated, NotFound or Forbidden once it has ended."""
        if self._has_changed or time.monotonic() - self._checked_at >= RECHECK_S:
            self._has_changed, self._checked_at = False, time.monotonic()
            actor = await actor_of(self._connection)
            async with reading() as tx:
                await service.look(tx, actor, self._container_id)

    async def guarding(self, source: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """The same, as long as it may go on."""
        try:
            async for piece in source:
                await self.check()
                yield piece
        finally:
            await source.aclose()

    def _hear(self, event: Event) -> None:
        self._has_changed |= concerns(event, self._actor, self._container_id)
