"""A machine that does not run: who has a terminal is asked whether to start it, and waits; others are told how."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from backend.db import transaction
from backend.errors import OutOfTime, Unavailable
from backend.rules.policy import Actor
from backend.services import containers
from backend.services.ssh_gateway import Way
from backend.settings import settings

_AGAIN_S = 2.0
_LONGER_S = 60.0
"""Beyond the time that a machine has for its boot: it may have to wait for others."""
_YES = {b"\r", b"\n", b"y", b"Y"}
_NO = {b"n", b"N", b"\x03", b"\x04", b"q"}


class Waiting(Protocol):
    """Who waits."""

    actor: Actor
    container_id: int

    async def look(self) -> Way: ...
    async def news(self, within_s: float) -> None: ...


class Keys:
    """What is pressed while there is no shell yet."""

    def __init__(self, say: Callable[[bytes], None]) -> None:
        self.say = say
        self._pressed = asyncio.Queue[bytes](64)

    def press(self, data: bytes) -> None:
        """More than anybody types is dropped."""
        for code in data[:64]:
            if not self._pressed.full():
                self._pressed.put_nowait(bytes([code]))

    async def is_yes(self, question: str) -> bool:
        """Ask, and wait for one key that answers."""
        self.say(f"{question} [Y/n] ".encode())
        while True:
            key = await self._pressed.get()
            if key in _YES | _NO:
                self.say(b"yes\r\n" if key in _YES else b"no\r\n")
                return key in _YES

    async def until_no(self) -> None:
        """Wait until it is broken off."""
        while await self._pressed.get() not in (b"\x03", b"\x04"):
            pass


async def until_running(who: Waiting, way: Way, keys: Keys | None) -> Way:
    """Wait until the container runs, after it was started if it has to be.

    Raises:
        Unavailable: it does not run, and was not to be started, or did not start.
        PequerokuError: it may not be started, or not by them.
    """
    if not way.is_wanted:
        state = "asleep" if way.is_asleep else "stopped"
        if keys is None:
            raise Unavailable(f"“{way.name}” is {state}. Start it on its page, or with a terminal: ssh -t …")
        if not await keys.is_yes(f"“{way.name}” is {state}. {'Wake' if way.is_asleep else 'Start'} it?"):
            raise Unavailable(f"“{way.name}” stays as it is.")
        async with transaction() as tx:
            await containers.power_on(tx, who.actor, who.container_id)
    if keys is None:
        return await _started(who, way.name)
    keys.say(f"Waiting for “{way.name}” … (Ctrl-C to leave; it starts all the same)\r\n".encode())
    waiting: list[asyncio.Task[Way | None]] = [
        asyncio.create_task(each) for each in (_started(who, way.name), keys.until_no())
    ]
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if (result := task.result()) is not None:
                return result
        raise Unavailable(f"“{way.name}” is on its way.")
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _started(who: Waiting, name: str) -> Way:
    try:
        async with asyncio.timeout(settings().boot_timeout_s + _LONGER_S):
            while True:
                way = await who.look()
                if way.door.is_running:
                    return way
                if not way.is_wanted:
                    raise Unavailable(f"“{name}” does not start: {way.fault or 'somebody stopped it.'}")
                await who.news(_AGAIN_S)
    except TimeoutError as fault:
        raise OutOfTime(f"“{name}” took too long to start. Its page says more.") from fault
