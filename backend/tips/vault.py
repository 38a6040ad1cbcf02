"""What opens people's accounts elsewhere: sealed with the installation's key (sealing.py), renewed when it runs out.

An access token is renewed by one process at a time: who comes second waits, and takes what the first one got.
"""

import asyncio
from datetime import timedelta

from sqlmodel import col, or_, update

from backend.db import reading, transaction
from backend.errors import OutOfTime, PequerokuError
from backend.models import ConnectedAccount
from backend.models.base import now
from backend.rules.notices import Notice
from backend.rules.signals.kinds import KINDS
from backend.sealing import key_id, seal, unseal
from backend.services.inbox import tell
from backend.tips import stream
from backend.tips.connections import oauth
from backend.tips.connections.oauth import Grant, Revoked
from backend.tips.connections.providers import LABELS, SIGNAL_OF, Provider
from backend.tips.features import forget

PURPOSE = "vault"
_EARLY = timedelta(seconds=60)
"""A token is renewed so long before its end: nothing is asked with one that runs out on the way."""
_CLAIM = timedelta(seconds=30)
_PATIENCE_S = 15.0
_LOOK_AGAIN_S = 0.1


def put(account: ConnectedAccount, grant: Grant) -> None:
    """Keep what was granted in the account's row."""
    account.access_sealed = seal(grant.access, purpose=PURPOSE)
    account.refresh_sealed = seal(grant.refresh, purpose=PURPOSE) if grant.refresh else ""
    account.key_id = key_id()
    account.expires_at, account.scopes = grant.expires_at, grant.scopes


def opened(account: ConnectedAccount) -> str:
    """What opens the account.

    Raises:
        Unavailable: the key it was sealed with is gone.
    """
    return unseal(account.access_sealed, purpose=PURPOSE)


async def access_token(account_id: int, provider: Provider) -> str:
    """A token that is good now, renewed if need be.

    Raises:
        Revoked: the provider does not renew it, which is noted; or the account is not connected any more.
        UpstreamFault: the provider does not answer as it should.
        OutOfTime: another process has renewed it for too long.
    """
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                async with reading() as tx:
                    account = await tx.get(ConnectedAccount, account_id)
                if account is None or account.state != "live":
                    raise Revoked(f"{provider.label} is not connected.")
                if account.expires_at is None or account.expires_at > now() + _EARLY:
                    return opened(account)
                if await _is_ours_to_renew(account_id):
                    return await _renewed(account, provider)
                await asyncio.sleep(_LOOK_AGAIN_S)
    except TimeoutError as fault:
        raise OutOfTime(f"The token for {provider.label} could not be renewed in time.") from fault


async def note_revoked(account_id: int, why: str) -> None:
    """The provider does not let us in: say so, once, and forget what was read there."""
    async with transaction() as tx:
        account = await tx.get(ConnectedAccount, account_id, with_for_update=True)
        if account is None or account.state != "live":
            return
        account.state, account.fault = "revoked", why[:300]
        account.access_sealed = account.refresh_sealed = account.key_id = ""
        label, signal = LABELS[account.provider], SIGNAL_OF[account.provider]
        await forget(tx, account.user_id, KINDS[signal].scope)
        text = "Nothing is read from it any more. Connect it anew if you want tips about it."
        title = f"{label[:1].upper()}{label[1:]} was disconnected there"
        await tell(tx, account.user_id, Notice.DISCONNECTED, title, text, link="/me/privacy")
        await stream.revoked(tx, account.user_id, account.provider, by_provider=True)


async def _is_ours_to_renew(account_id: int) -> bool:
    """In one statement: whoever comes second, in whatever process, gets nothing."""
    free = or_(col(ConnectedAccount.refresh_until).is_(None), col(ConnectedAccount.refresh_until) < now())
    claim = update(ConnectedAccount).where(col(ConnectedAccount.id) == account_id, free)
    async with transaction() as tx:
        return (await tx.exec(claim.values(refresh_until=now() + _CLAIM))).rowcount == 1


async def _renewed(account: ConnectedAccount, provider: Provider) -> str:
    """The claim is ours. What came of it is kept before anybody else looks."""
    async with reading() as tx:  # who had the claim before us may just have been done
        fresh = await tx.get(ConnectedAccount, account.id)
    if fresh is not None and fresh.expires_at is not None and fresh.expires_at > now() + _EARLY:
        await _let_go(account.id)
        return opened(fresh)
    if not account.refresh_sealed:
        await note_revoked(account.id, "Its time was over, and there is no way to renew it.")
        raise Revoked(f"{provider.label} has to be connected anew.")
    try:
        grant = await oauth.renewed(provider, unseal(account.refresh_sealed, purpose=PURPOSE))
    except Revoked as fault:
        await note_revoked(account.id, fault.message)
        raise
    except PequerokuError:
        await _let_go(account.id)
        raise
    async with transaction() as tx:  # the claim ends together with this: nobody uses the old refresh token again
        row = await tx.get(ConnectedAccount, account.id, with_for_update=True)
        if row is not None and row.state == "live":
            put(row, grant)
            row.fault, row.refresh_until = "", None
    return grant.access


async def _let_go(account_id: int) -> None:
    async with transaction() as tx:
        free = update(ConnectedAccount).where(col(ConnectedAccount.id) == account_id)
        await tx.exec(free.values(refresh_until=None))
