"""Taking back at a provider what it gave us."""

import asyncio

import httpx
from todoist_api_python.authentication import revoke_auth_token_async

from backend.models import ConnectedAccount
from backend.sealing import unseal
from backend.tips import vault
from backend.tips.connections import http
from backend.tips.connections.providers import TODOIST, Provider, google_revoke_url

__all__ = ["Provider", "revoke"]

_GONE_ALREADY = frozenset({400, 401, 403, 404})
"""What is said of a token that is none any more."""


async def revoke(provider: Provider, account: ConnectedAccount) -> None:
    """Have the provider forget the account's tokens.

    Raises:
        UpstreamFault: it does not answer as it should.
        Unavailable: what opens the account can't be opened here.
    """
    if provider.name == TODOIST:
        await _revoke_todoist(provider, vault.opened(account))
        return
    sealed = account.refresh_sealed or account.access_sealed
    token = unseal(sealed, purpose=vault.PURPOSE)
    async with http.asking(provider.label) as client:
        answer = await client.post(google_revoke_url(), data={"token": token})
        if answer.status_code not in _GONE_ALREADY:
            answer.raise_for_status()


async def _revoke_todoist(provider: Provider, token: str) -> None:
    try:
        async with asyncio.timeout(http.TIMEOUT_S), http.todoist_client() as client:
            await revoke_auth_token_async(provider.client_id, provider.client_secret, token, client)
    except httpx.HTTPStatusError as fault:
        if fault.response.status_code not in _GONE_ALREADY:
            raise http.silent(provider.label) from fault
    except (*http.SILENCE, *http.NONSENSE) as fault:
        raise http.silent(provider.label) from fault
