"""The ledger of consents: what a person lets tips know of them. It is only added to; the newest entry of a scope holds.

Withdrawing removes at once what was derived under the scope, and ends the connections it was read through.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, delete, select, update

from backend.db import Tx, insert_if_absent
from backend.errors import Invalid
from backend.models import CommandFailure, ConnectedAccount, ConsentEntry, SignalRun, TipFeature, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules.consents import TERMS_VERSION, Scope
from backend.rules.features import of_scope
from backend.rules.policy import Action, Actor
from backend.rules.signals.kinds import PROVIDERS, kinds_of
from backend.services.agreed import agreed_to as live
from backend.tips import stream
from backend.tips.events import signals_wanted

__all__ = ["ConsentView", "EntryView", "Scope", "give", "list_consents", "live", "withdraw"]

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class EntryView:
    """One line of the ledger."""

    given: bool
    at: datetime
    ip: str
    user_agent: str
    terms_version: int


@dataclass(frozen=True, slots=True)
class ConsentView:
    """A scope, whether it is agreed to now, and what was said before, newest first.

    `is_outdated`: the sentences have changed since.
    """

    scope: Scope
    given: bool
    is_outdated: bool
    history: tuple[EntryView, ...]


@operation(Action.CONSENT_LIST)
async def list_consents(tx: Tx, actor: Actor) -> list[ConsentView]:
    """Every scope there is, with what the actor said to it."""
    require(actor, Action.CONSENT_LIST)
    query = select(ConsentEntry).where(ConsentEntry.user_id == actor.user_id).order_by(col(ConsentEntry.id).desc())
    rows = (await tx.exec(query)).all()
    return [_view(scope, [row for row in rows if row.scope == scope]) for scope in Scope]


@operation(Action.CONSENT_GIVE)
async def give(tx: Tx, actor: Actor, scope: str) -> None:
    """Let tips know of it from now on. Twice is the same as once.

    Raises:
        Invalid: no such scope.
    """
    require(actor, Action.CONSENT_GIVE)
    await _enter(tx, actor, _known(scope), given=True)


@operation(Action.CONSENT_WITHDRAW)
async def withdraw(tx: Tx, actor: Actor, scope: str) -> None:
    """Let tips know of it no more. What was derived is gone with this, and connections for it end.

    Raises:
        Invalid: no such scope.
    """
    require(actor, Action.CONSENT_WITHDRAW)
    await _enter(tx, actor, _known(scope), given=False)


async def _enter(tx: Tx, actor: Actor, scope: Scope, *, given: bool) -> None:
    user_id = actor.person_id
    note("consent", scope)
    await tx.get(User, user_id, with_for_update=True)  # two clicks at once are one after the other
    if (scope in await live(tx, user_id)) is given:
        return
    tx.add(
        ConsentEntry(
            user_id=user_id,
            scope=scope,
            given=given,
            ip=actor.ip[:64],
            user_agent=actor.user_agent[:400],
            terms_version=TERMS_VERSION,
        )
    )
    await tx.flush()
    await (_begin(tx, user_id, scope) if given else _forget(tx, user_id, scope))
    await stream.consented(tx, user_id, scope, given=given)


async def _begin(tx: Tx, user_id: int, scope: Scope) -> None:
    for kind in kinds_of(scope):
        await insert_if_absent(tx, SignalRun(user_id=user_id, kind=kind, due_at=now()))
    signals_wanted(tx, user_id)


async def _forget(tx: Tx, user_id: int, scope: Scope) -> None:
    """The runs go first: who reads a signal now holds its row while writing, and finds none afterwards."""
    table = SignalRun
    await tx.exec(delete(table).where(col(table.user_id) == user_id, col(table.kind).in_(kinds_of(scope))))
    await tx.exec(
        delete(TipFeature).where(col(TipFeature.user_id) == user_id, col(TipFeature.name).in_(of_scope(scope)))
    )
    if scope is Scope.PLATFORM:
        await tx.exec(delete(CommandFailure).where(col(CommandFailure.user_id) == user_id))
    providers = [each for kind in kinds_of(scope) for each in PROVIDERS.get(kind, ())]
    theirs = (col(ConnectedAccount.user_id) == user_id, col(ConnectedAccount.provider).in_(providers))
    await tx.exec(update(ConnectedAccount).where(*theirs).values(state="leaving", left_at=now()))
    signals_wanted(tx, user_id)


def _known(scope: str) -> Scope:
    try:
        return Scope(scope)
    except ValueError:
        raise Invalid(f"Choose one of {', '.join(Scope)}.", field="scope") from None


def _view(scope: Scope, rows: list[ConsentEntry]) -> ConsentView:
    given = bool(rows) and rows[0].given
    history = tuple(EntryView(row.given, row.at, row.ip, row.user_agent, row.terms_version) for row in rows[:_SHOWN])
    return ConsentView(scope, given, given and rows[0].terms_version != TERMS_VERSION, history)
