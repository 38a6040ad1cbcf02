"""What all sockets about one container have in common: who may sit there, how many of them, and for how long.

Close codes: 4400 not understood, 4401 not signed in, 4403 may not, or not from our pages, 4404 no such container,
4408 let go.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from typing import Any, cast

from fastapi import WebSocket, WebSocketDisconnect

from backend.api.doors import actor_of
from backend.errors import Conflict, Forbidden, Invalid, NotFound, PequerokuError, Unauthenticated
from backend.events.bus import Event, bus, concerns
from backend.guest.terminals import terminals
from backend.models.base import now
from backend.rules.policy import Actor
from backend.services import activity
from backend.services.doors import Door

ENDED, LET_GO = 1000, 4408
_CODES: dict[type[PequerokuError], int] = {Unauthenticated: 4401, Forbidden: 4403, NotFound: 4404, Invalid: 4400}
_AGAIN_S = 2.0
_RECHECK_S = 60.0
"""How often one that hears of no change asks whether its session and its user still hold."""
_PROMPT_S = 4.0
"""A terminal has this long after the start to say its first words undisturbed."""
_MOST_REASON_BYTES = 120


class Seat:
    """One open socket's place at a container. It hears of its session, its person's rights, and the container."""

    def __init__(self, socket: WebSocket, actor: Actor, container_id: int) -> None:
        self.socket, self.actor, self.container_id = socket, actor, container_id
        self._changed, self._news = asyncio.Event(), asyncio.Event()

    async def while_open(self, *works: Coroutine[Any, Any, None]) -> None:
        """Do all of these at once until the first ends, with whatever it raised."""
        unsubscribe = bus().subscribe(self._hear)
        tasks = {asyncio.create_task(work) for work in works}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            unsubscribe()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def changed(self) -> bool:
        """Wait for a change, or for a minute; then see who sits here. False: nothing was heard of.

        Raises:
            Unauthenticated: nobody any more.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_RECHECK_S):
                await self._changed.wait()
        is_news = self._changed.is_set()
        self._changed.clear()
        self.actor = await actor_of(self.socket)
        return is_news

    def begin_look(self) -> None:
        """What happens from now on is news: say so before a look, and `again` does not wait for what it missed."""
        self._news.clear()

    async def again(self) -> None:
        """Wait until it may be worth looking again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_AGAIN_S):
                await self._news.wait()

    async def note_use(self) -> None:
        """Who does something here keeps the machine from being idle."""
        await activity.note_use_now(self.container_id)

    def _hear(self, event: Event) -> None:
        if concerns(event, self.actor, self.container_id):
            self._changed.set()
            self._news.set()


async def let_prompt_come_first(door: Door) -> None:
    """Wait, if this machine has only just come up, for its first terminal: a person sits before that. What merely
    watches would take the guest's processor from it.
    """
    if door.up_since is not None:
        left_s = _PROMPT_S - (now() - door.up_since).total_seconds()
        if left_s > 0:
            await terminals().first_words(door.domain_name, left_s)


class Seats:
    """How many of a kind each person has."""

    def __init__(self, most: int, what: str) -> None:
        self.most, self._what = most, what
        self.taken: Counter[int | None] = Counter()

    @contextmanager
    def one_more(self, actor: Actor) -> Generator[None]:
        """Take one.

        Raises:
            Conflict: they have as many as anybody may. Each costs memory, and a look at the database now and then.
        """
        if self.taken[actor.user_id] >= self.most:
            raise Conflict(f"You have {self.most} {self._what} open. Close some first.")
        self.taken[actor.user_id] += 1
        try:
            yield
        finally:
            self.taken[actor.user_id] -= 1
            self.taken += Counter()  # forgets who has none


async def welcome(socket: WebSocket, serve: Callable[[Actor], Coroutine[Any, Any, None]]) -> None:
    """Accept a socket, see whose it is, and serve them. A refusal closes it with its code and sentence."""
    await socket.accept()
    try:
        await serve(await actor_of(socket))
    except WebSocketDisconnect:
        return
    except PequerokuError as refusal:
        code = next((_CODES[each] for each in type(refusal).__mro__ if each in _CODES), LET_GO)
        await close(socket, code, refusal.message)


async def close(socket: WebSocket, code: int, reason: str) -> None:
    """Close it, if it still is open."""
    with suppress(RuntimeError):
        await socket.close(code, reason.encode()[:_MOST_REASON_BYTES].decode(errors="ignore"))


def object_in(text: str) -> dict[str, Any]:
    """A JSON object that was sent.

    Raises:
        Invalid: it is none.
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise Invalid("That is no JSON.") from fault
    if not isinstance(said, dict):
        raise Invalid("That is no JSON object.")
    return cast("dict[str, Any]", said)
