"""SECRET_KEY is changed: what was sealed before still opens, and is sealed anew."""

import os
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from sqlmodel import select

from backend import settings
from backend.db import reading, transaction
from backend.errors import Unavailable
from backend.models import ConnectedAccount, Webhook
from backend.rules.config_keys import TODOIST_CLIENT_SECRET
from backend.rules.policy import SYSTEM
from backend.sealing import key_id, lasting_key_for, seal, unseal
from backend.services.config import set_config, value_of
from backend.services.resealing import reseal
from backend.tips import vault
from backend.tips.connections.oauth import Grant
from tests.factories import an_actor


@contextmanager
def _keys(now: str, *before: str) -> Generator[None]:
    kept = {name: os.environ.get(name) for name in ("SECRET_KEY", "SECRET_KEYS_BEFORE")}
    os.environ |= {"SECRET_KEY": now, "SECRET_KEYS_BEFORE": ",".join(before)}
    settings.settings.cache_clear()
    try:
        yield
    finally:
        for name, value in kept.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
        settings.settings.cache_clear()


def test_a_former_key_opens_and_a_forgotten_one_does_not() -> None:
    with _keys("first"):
        sealed, lasting = seal("a secret", purpose="p"), lasting_key_for("chain")
        first_version = "v1:" + sealed.split(":")[2]
    with _keys("second", "first"):
        assert unseal(sealed, purpose="p") == unseal(first_version, purpose="p") == "a secret"
        assert lasting_key_for("chain") == lasting
        with pytest.raises(Unavailable):
            unseal(sealed, purpose="another")
    with _keys("second"), pytest.raises(Unavailable):
        unseal(sealed, purpose="p")


@pytest.mark.usefixtures("database")
async def test_all_that_is_sealed_is_sealed_anew_once() -> None:
    with _keys("first"):
        async with transaction() as tx:
            actor = await an_actor(tx)
            account = ConnectedAccount(user_id=actor.person_id, provider="todoist")
            vault.put(account, Grant("access", "refresh", None, "data:read"))
            secret = seal("whsec_x", purpose="webhook")
            tx.add_all([account, Webhook(user_id=actor.person_id, url="http://192.0.2.1/", secret_sealed=secret)])
            await set_config(tx, SYSTEM, "todoist_client_secret", "s3cret")
    with _keys("second"), pytest.raises(Unavailable):
        async with transaction() as tx:
            await reseal(tx)
    with _keys("second", "first"):
        for changed in (4, 0):
            async with transaction() as tx:
                assert await reseal(tx) == changed
    with _keys("second"):
        async with reading() as tx:
            account = (await tx.exec(select(ConnectedAccount))).one()
            webhook = (await tx.exec(select(Webhook))).one()
            assert await value_of(tx, TODOIST_CLIENT_SECRET) == "s3cret"
        assert (vault.opened(account), account.key_id) == ("access", key_id())
        assert unseal(account.refresh_sealed, purpose=vault.PURPOSE) == "refresh"
        assert unseal(webhook.secret_sealed, purpose="webhook") == "whsec_x"
