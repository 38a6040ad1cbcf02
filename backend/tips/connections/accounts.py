"""A person's connected accounts: made, shown, ended. An end is a wish: backend/tasks revokes at the provider."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select, update

from backend.db import Tx, reading, transaction
from backend.errors import Conflict, Invalid, NotFound, PequerokuError
from backend.models import ConnectedAccount, SignalRun, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.outward import host_of
from backend.rules.policy import Action, Actor
from backend.rules.signals.kinds import KINDS
from backend.services.targets import owned
from backend.tips import stream, vault
from backend.tips.connections import revoking
from backend.tips.connections.oauth import Grant
from backend.tips.connections.providers import ICS, LABELS, SIGNAL_OF, provider_of
from backend.tips.events import signals_wanted
from backend.tips.features import forget

log = logging.getLogger(__name__)

_LONGEST_TRY = timedelta(hours=24)
_LONGEST_URL = 1000


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """One connected account. `state`: live, or revoked at the provider; `fault`: what is wrong, as a sentence."""

    id: int
    provider: str
    label: str
    state: str
    fault: str
    connected_at: datetime
    read_at: datetime | None


@operation(Action.CONNECTION_LIST)
async def list_connections(tx: Tx, actor: Actor) -> list[ConnectionView]:
    """The actor's connected accounts; what opens them is never shown."""
    require(actor, Action.CONNECTION_LIST)
    mine = (ConnectedAccount.user_id == actor.user_id, ConnectedAccount.state != "leaving")
    rows = (await tx.exec(select(ConnectedAccount).where(*mine).order_by(col(ConnectedAccount.id)))).all()
    runs = (await tx.exec(select(SignalRun).where(SignalRun.user_id == actor.user_id))).all()
    by_kind = {each.kind: each for each in runs}
    return [_view(row, by_kind.get(SIGNAL_OF[row.provider])) for row in rows]


@operation(Action.CONNECTION_MAKE)
async def make(tx: Tx, actor: Actor, provider: str, grant: Grant) -> None:
    """Keep what a provider granted, in place of what it had granted before.

    Raises:
        Invalid: no such provider.
    """
    require(actor, Action.CONNECTION_MAKE)
    if provider not in LABELS:
        raise Invalid("There is no such service to connect.", field="provider")
    await _keep(tx, actor, provider, grant, LABELS[provider])


@operation(Action.CONNECTION_CALENDAR)
async def add_calendar(tx: Tx, actor: Actor, url: str) -> None:
    """Read when the actor is busy from the address of a calendar (ICS). Whoever has it can read the calendar: it is
    sealed, and never shown again.

    Raises:
        Invalid: that is no address of the web.
    """
    require(actor, Action.CONNECTION_CALENDAR)
    said = url.strip()
    address = "https://" + said.partition("://")[2] if said.lower().startswith(("webcal://", "webcals://")) else said
    if len(address) > _LONGEST_URL:
        raise Invalid(f"An address has at most {_LONGEST_URL} characters.", field="url")
    await _keep(tx, actor, ICS, Grant(address, "", None, "read"), host_of(address)[:100])


@operation(Action.CONNECTION_END)
async def end(tx: Tx, actor: Actor, connection_id: int) -> None:
    """Read nothing from it any more, and have it revoked at the provider. What was derived is gone with this.

    Raises:
        NotFound: no such account, or somebody else's.
    """
    note("connection", connection_id)
    row = await owned(Action.CONNECTION_END, tx, actor, ConnectedAccount, connection_id, "That account")
    note(message=row.provider)
    row.state, row.left_at = "leaving", now()
    await forget(tx, row.user_id, KINDS[SIGNAL_OF[row.provider]].scope)
    await _read_soon(tx, row.user_id, row.provider)
    await stream.revoked(tx, row.user_id, row.provider, by_provider=False)


async def leaving() -> list[int]:
    """The accounts that are to be revoked at their providers."""
    async with reading() as tx:
        query = select(ConnectedAccount.id).where(ConnectedAccount.state == "leaving")
        return list((await tx.exec(query.order_by(col(ConnectedAccount.id)).limit(50))).all())


async def let_go(account_id: int) -> bool:
    """Revoke an account at its provider and remove its row. False: the provider does not answer; later, for a day."""
    async with reading() as tx:
        account = await tx.get(ConnectedAccount, account_id)
        provider = None
        if account is not None and account.provider != ICS:
            provider = await _provider_or_none(tx, account.provider)
    if account is None or account.state != "leaving":
        return True
    try:
        if provider is not None and account.access_sealed:
            await revoking.revoke(provider, account)
    except PequerokuError as fault:
        if account.left_at is not None and now() - account.left_at < _LONGEST_TRY:
            log.info("an account at %s can't be revoked yet: %s", account.provider, fault.message)
            return False
        log.warning("an account at %s could not be revoked for a day; its tokens are removed here", account.provider)
    async with transaction() as tx:
        row = await tx.get(ConnectedAccount, account_id, with_for_update=True)
        if row is not None and row.state == "leaving":
            await tx.delete(row)
    return True


async def let_go_of_all(user_id: int, *, within_s: float) -> None:
    """A person leaves: revoke what they connected, as far as that is done in time; their rows go with the account."""
    async with transaction() as tx:
        theirs = update(ConnectedAccount).where(col(ConnectedAccount.user_id) == user_id)
        await tx.exec(theirs.values(state="leaving", left_at=now()))
    async with reading() as tx:
        ids = (await tx.exec(select(ConnectedAccount.id).where(ConnectedAccount.user_id == user_id))).all()
    try:
        async with asyncio.timeout(within_s):
            await asyncio.gather(*(let_go(each) for each in ids))
    except TimeoutError:
        log.warning("not all accounts of user %s were revoked at their providers in time", user_id)


async def _keep(tx: Tx, actor: Actor, provider: str, grant: Grant, label: str) -> None:
    user_id = actor.person_id
    await tx.get(User, user_id, with_for_update=True)
    query = select(ConnectedAccount).where(ConnectedAccount.user_id == user_id, ConnectedAccount.provider == provider)
    row = (await tx.exec(query.with_for_update())).first()
    if row is not None and row.state == "leaving" and provider != ICS:
        raise Conflict(f"{LABELS[provider]} is being disconnected. Try again in a moment.")
    row = row or ConnectedAccount(user_id=user_id, provider=provider)
    vault.put(row, grant)
    row.state, row.fault, row.label, row.external_id = "live", "", label, grant.external_id
    row.connected_at, row.left_at, row.refresh_until = now(), None, None
    tx.add(row)
    await tx.flush()
    note("connection", row.id, provider)
    await _read_soon(tx, user_id, provider)
    await stream.connected(tx, user_id, provider)


async def _read_soon(tx: Tx, user_id: int, provider: str) -> None:
    """If there is consent: without one there is no run."""
    run = update(SignalRun).where(col(SignalRun.user_id) == user_id, col(SignalRun.kind) == SIGNAL_OF[provider])
    await tx.exec(run.values(due_at=now(), failures=0, fault=""))
    signals_wanted(tx, user_id)


async def _provider_or_none(tx: Tx, name: str) -> "revoking.Provider | None":
    """It may not be configured any more: then nobody can be told."""
    try:
        return await provider_of(tx, name)
    except NotFound:
        return None


def _view(row: ConnectedAccount, run: SignalRun | None) -> ConnectionView:
    fault = row.fault or (run.fault if run is not None else "")
    read_at = run.read_at if run is not None else None
    return ConnectionView(row.id, row.provider, row.label, row.state, fault, row.connected_at, read_at)
