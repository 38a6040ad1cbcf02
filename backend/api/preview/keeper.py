"""Who may stay at a preview: looked up at each request, and again and again for what goes on longer."""

import asyncio
import logging
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from backend.db import reading
from backend.errors import DatabaseBusy, PequerokuError, Unauthenticated
from backend.events.bus import Event, bus, concerns
from backend.rules.previews import Place
from backend.services import activity, previews
from backend.services.doors import Door
from backend.services.preview_passes import Holder, holder_of

log = logging.getLogger(__name__)

_FRESH_S = 2.0
"""How long an answer is believed that no event has put in doubt: a page asks for a hundred things at once."""
_RECHECK_S = 5.0
_MOST_KNOWN = 5000


@dataclass(slots=True)
class _Known:
    """A pass that was good when we looked, and what goes on by it."""

    holder: Holder
    door: Door
    looked_at: float
    tasks: set["asyncio.Task[object]"] = field(default_factory=set["asyncio.Task[object]"])

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.looked_at < _FRESH_S


class Keeper:
    """Lets holders of passes in, and puts them out."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._doubt = asyncio.Event()

    async def admit(self, secrets: Iterable[str], place: Place) -> tuple[str, Door]:
        """The pass among these that is good for this place, and the way into its guest.

        Raises:
            Unauthenticated: none is.
            NotFound, NotShown, Forbidden: one was, and its holder may not see the place any more.
        """
        for secret in list(secrets)[:5]:
            known = self._known.get(secret)
            if known is None or not known.is_fresh:
                known = await self._looked_up(secret)
            if known is not None and known.holder.place == place:
                await activity.note_use_now(known.door.container_id)
                return secret, known.door
        raise Unauthenticated("This preview is not open to you yet.")

    @contextmanager
    def staying(self, secret: str) -> Generator[None]:
        """Around what goes on by a pass: it is cancelled when the pass is not good any more."""
        task, known = asyncio.current_task(), self._known.get(secret)
        if task is None or known is None:
            raise Unauthenticated
        known.tasks.add(task)
        try:
            yield
        finally:
            known.tasks.discard(task)

    async def run(self) -> None:
        """Look again at all that goes on, every few seconds and whenever something happened, until cancelled."""
        unsubscribe = bus().subscribe(self._hear)
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_RECHECK_S):
                        await self._doubt.wait()
                self._doubt.clear()
                await self._look_again()
        finally:
            unsubscribe()

    def _hear(self, event: Event) -> None:
        for known in self._known.values():
            if concerns(event, known.holder.actor, known.holder.container_id):
                known.looked_at = float("-inf")
                self._doubt.set()

    async def _looked_up(self, secret: str) -> _Known | None:
        """Look, and keep what was found; what goes on by a pass that is not good ends.

        Raises:
            PequerokuError: its holder may not see the place any more, or the database does not answer.
        """
        known = self._known.get(secret)
        began = time.monotonic()
        try:
            holder = await holder_of(secret)
            if holder is None:
                self._put_out(secret)
                return None
            async with reading() as tx:
                door = await previews.look(tx, holder.actor, holder.container_id, holder.place.port)
        except DatabaseBusy:
            raise
        except PequerokuError:
            self._put_out(secret)
            raise
        if known is None:
            self._make_room()
            known = self._known.setdefault(secret, _Known(holder, door, began))
        known.holder, known.door, known.looked_at = holder, door, began
        return known

    async def _look_again(self) -> None:
        for secret, known in list(self._known.items()):
            if known.tasks and not known.is_fresh:
                try:
                    await self._looked_up(secret)
                    await activity.note_use_now(known.door.container_id)
                except PequerokuError as refusal:
                    log.debug("a preview ends: %s", refusal.message)
                except Exception:
                    log.exception("could not look whether a preview may go on")

    def _put_out(self, secret: str) -> None:
        known = self._known.pop(secret, None)
        for task in known.tasks if known else ():
            task.cancel()

    def _make_room(self) -> None:
        if len(self._known) >= _MOST_KNOWN:
            for secret in [secret for secret, known in self._known.items() if not known.tasks]:
                del self._known[secret]
