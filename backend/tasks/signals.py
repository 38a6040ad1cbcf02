"""Reads the signals for tips when they are due: each kind in its own room, so a slow provider holds up only itself.

Any number of processes may do so: a run is claimed in one statement.
"""

import asyncio
import logging

from backend.errors import DatabaseBusy, PequerokuError
from backend.events.bus import ContainerChanged, Event, NodeChanged, SignalsWanted, bus
from backend.rules.signals.kinds import SignalKind
from backend.tips.connections import accounts
from backend.tips.signals import runs
from backend.tips.signals.all import signals

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 5.0
_BREATH_S = 0.05
"""Events come in flocks; so long the first waits for the others."""


class Watch:
    """Reads in the background. Subscribe `hear` to the bus: what happens on the platform is read at once."""

    def __init__(self) -> None:
        self._busy: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._changed: set[int] = set()
        self._nodes_changed = False

    def hear(self, event: Event) -> None:
        """Something changed that signals are read from."""
        if isinstance(event, ContainerChanged | SignalsWanted):
            self._changed.add(event.user_id)
        elif isinstance(event, NodeChanged):
            self._nodes_changed = True
        else:
            return
        self._wake.set()

    async def run(self) -> None:
        """Read what is due until cancelled."""
        try:
            while True:
                await asyncio.sleep(_BREATH_S)
                self._wake.clear()
                await self._look_safely()
                try:
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def look(self) -> None:
        """Begin to read what is due, as far as there is room."""
        await self._hurry()
        known = signals()
        for name in sorted(await runs.due_kinds() & known.keys()):
            kind = known[name].kind
            reading = [user_id for each, user_id in self._busy if each == name]
            room = kind.at_once - len(reading)
            if room > 0:
                for user_id in await runs.claim(kind, room, besides=reading):
                    self._begin(kind, user_id)

    async def settled(self) -> None:
        """Wait until nothing is read any more."""
        while self._busy:
            await asyncio.wait(list(self._busy.values()))
            await asyncio.sleep(0)

    async def _look_safely(self) -> None:
        try:
            await self.look()
        except DatabaseBusy:
            log.warning("the database is busy; looking for due signals again soon")
        except Exception:
            log.exception("could not look for due signals; looking again soon")

    async def _hurry(self) -> None:
        changed, nodes_changed = self._changed, self._nodes_changed
        if not changed and not nodes_changed:
            return
        self._changed, self._nodes_changed = set(), False
        try:
            await runs.hurry(changed, admins=nodes_changed)
        except BaseException:  # whatever it was: what had changed has changed still
            self._changed |= changed
            self._nodes_changed |= nodes_changed
            raise

    def _begin(self, kind: SignalKind, user_id: int) -> None:
        key = kind.name, user_id
        task = asyncio.create_task(runs.read(signals()[kind.name], user_id), name=f"signal-{kind.name}-{user_id}")
        self._busy[key] = task
        task.add_done_callback(lambda done: self._is_done(key, done))

    def _is_done(self, key: tuple[str, int], task: asyncio.Task[None]) -> None:
        self._busy.pop(key, None)
        self._wake.set()
        if not task.cancelled() and (fault := task.exception()):
            log.error("reading the signal %s of user %s broke off", *key, exc_info=fault)


async def run() -> None:
    """Read signals for as long as the process lives, and let go of what was disconnected."""
    watch = Watch()
    unsubscribe = bus().subscribe(watch.hear)
    letting_go = asyncio.create_task(_let_go(), name="signals-let-go")
    try:
        await watch.run()
    finally:
        unsubscribe()
        letting_go.cancel()
        await asyncio.gather(letting_go, return_exceptions=True)


async def let_go() -> None:
    """Revoke what people have disconnected, one after the other; what can't be done now is tried again later."""
    for account_id in await accounts.leaving():
        await accounts.let_go(account_id)


async def _let_go() -> None:
    while True:
        try:
            await let_go()
        except PequerokuError as fault:
            log.warning("accounts are not revoked now: %s; trying again soon", fault)
        except Exception:
            log.exception("accounts could not be revoked; trying again soon")
        await asyncio.sleep(_LOOK_EVERY_S)
