"""What every signal is: read, derived from, kept; and never read without a consent that holds."""

import asyncio
from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, Generic, TypeVar, final

from sqlmodel import select

from backend.db import Tx, reading, transaction
from backend.errors import Conflict, Forbidden, OutOfTime
from backend.events.bus import FeaturesChanged, announce
from backend.models import SignalRun
from backend.models.base import now
from backend.rules.features import FEATURES
from backend.rules.signals.kinds import KINDS, SignalKind
from backend.rules.signals.readings import Reading
from backend.tips import stream
from backend.tips.consents import live
from backend.tips.features import Feature, replace

Raw = TypeVar("Raw")


class NoConsent(Forbidden):
    """The person did not agree to it, or not any more: nothing was read, or nothing of it kept."""

    code = "no-consent"


class NotConnected(Conflict):
    """There is no account that it could be read through, or it has to be connected anew."""

    code = "not-connected"


class Signal(ABC, Generic[Raw]):
    """One way to learn of a person. `fetch` asks for what `derive` turns into numbers; what was fetched is let go."""

    def __init__(self, name: str) -> None:
        self.kind: SignalKind = KINDS[name]

    @abstractmethod
    async def fetch(self, user_id: int, at: datetime) -> Raw:
        """Ask for what there is. It may take as long as the kind's deadline, and holds no transaction meanwhile."""

    @abstractmethod
    def derive(self, raw: Raw, at: datetime) -> list[Reading]:
        """What follows from it. Touches nothing."""

    @final
    async def refresh(self, user_id: int, at: datetime) -> int:
        """Read the signal anew and keep what follows; returns how many numbers that were.

        Raises:
            NoConsent: there is none, or it was withdrawn meanwhile. Without one nothing is fetched.
            OutOfTime: it took too long.
            PequerokuError: it can't be read now.
        """
        async with reading() as tx:
            if self.kind.scope not in await live(tx, user_id):
                raise NoConsent
        try:
            async with asyncio.timeout(self.kind.deadline.total_seconds()):
                raw = await self.fetch(user_id, at)
        except TimeoutError as fault:
            raise OutOfTime(f"It did not answer within {self.kind.deadline.total_seconds():g} s.") from fault
        derived = self.derive(raw, at)
        async with transaction() as tx:
            await self._keep(tx, user_id, derived, at)
        return len(derived)

    async def _keep(self, tx: Tx, user_id: int, derived: list[Reading], at: datetime) -> None:
        """With the run's row held: who withdraws takes that away first, and waits for us to be done."""
        mine = (SignalRun.user_id == user_id, SignalRun.kind == self.kind.name)
        run = (await tx.exec(select(SignalRun).where(*mine).with_for_update())).first()
        if run is None or self.kind.scope not in await live(tx, user_id):
            raise NoConsent
        if run.read_at is not None and run.read_at > at:
            return  # somebody began later, and was quicker: what they know is newer
        run.read_at, run.failures, run.fault = at, 0, ""
        if run.due_at is None or run.due_at > now():  # else something happened meanwhile, and it is read again
            run.due_at = at + self.kind.every
        features = [_feature(each, at) for each in derived]
        await replace(tx, user_id, self.kind.scope, features)
        await stream.observed(tx, user_id, self.kind.scope, features)
        announce(tx, FeaturesChanged(user_id))


def _feature(each: Reading, at: datetime) -> Feature:
    ends = at + FEATURES[each.name].ttl
    until = min(each.until, ends) if each.until is not None else ends
    return Feature(each.name, float(each.value), each.detail, each.event_at or at, at, until)


AnySignal = Signal[Any]
