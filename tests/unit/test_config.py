"""Config: typed, bounded, sealed where it is secret, and in force at the next use."""

import pytest
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import Forbidden, Invalid, NotFound
from backend.models import AuditLog, Config
from backend.rules.config_keys import DEFAULT_CREDITS, KEYS, OPENAI_API_KEY, TOKEN_INPUT_PRICE
from backend.rules.policy import SYSTEM
from backend.services import config
from tests.factories import an_actor, make_quota_of

SEEDS = {
    "token_input_price": 1.5e-7,
    "token_output_price": 7.5e-7,
    "default_ai_use_per_day": 5,
    "default_credits": 3,
    "openai_model": "openai/gpt-oss-120b",
    "openai_api_url": "https://api.groq.com/openai/v1",
    "openai_api_key": "",
}


@pytest.mark.parametrize("name", SEEDS)
def test_the_seeds_keys_have_the_seeds_defaults(name: str) -> None:
    assert KEYS[name].default == SEEDS[name]


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.name)
def test_every_default_is_a_value_for_its_key(key: config.Key) -> None:
    assert key.parse(key.write(key.default)) == key.default


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("default_credits", "-1"), ("default_credits", "many"), ("default_credits", "1.5"), ("default_credits", ""),
        ("token_input_price", "nan"), ("token_input_price", "inf"), ("token_input_price", "-1e-9"),
        ("openai_api_url", "ftp://somewhere"), ("openai_api_url", "http://["), ("sign_up", "maybe"),
        ("webhooks_to_private", "perhaps"), ("smtp_port", "65536"), ("smtp_port", "9" * 400), ("oidc_name", "x" * 3000),
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused_with_what_would_be(name: str, said: str) -> None:
    with pytest.raises(Invalid, match=f"{name} must be"):
        KEYS[name].parse(said)


@pytest.mark.usefixtures("database")
async def test_a_change_holds_at_the_next_use_and_a_reset_puts_the_default_back() -> None:
    async with transaction() as tx:
        await config.set_config(tx, SYSTEM, "default_credits", " 7 ")
    async with transaction() as tx:
        assert await config.value_of(tx, DEFAULT_CREDITS) == 7
        assert (await make_quota_of(tx)).credits == 7
        await config.set_config(tx, SYSTEM, "default_credits", None)
    async with transaction() as tx:
        assert await config.value_of(tx, DEFAULT_CREDITS) == 3


@pytest.mark.usefixtures("database")
async def test_a_secret_is_sealed_and_neither_shown_nor_logged() -> None:
    async with transaction() as tx:
        await config.set_config(tx, SYSTEM, "openai_api_key", "sk-very-secret")
    async with reading() as tx:
        assert await config.value_of(tx, OPENAI_API_KEY) == "sk-very-secret"
        stored = (await tx.exec(select(Config))).one()
        views = {view.key.name: view for view in await config.list_config(tx, SYSTEM)}
        row = (await tx.exec(select(AuditLog).where(AuditLog.action == "config.set"))).one()
    assert "very-secret" not in stored.value
    assert (views["openai_api_key"].value, views["openai_api_key"].is_set) == ("", True)
    assert "very-secret" not in repr((row.message, row.details))


@pytest.mark.usefixtures("database")
async def test_who_changed_what_is_audited() -> None:
    async with transaction() as tx:
        admin = await an_actor(tx, is_superuser=True)
        await config.set_config(tx, admin, "token_input_price", "2e-7")
    async with reading() as tx:
        row = (await tx.exec(select(AuditLog).where(AuditLog.action == "config.set"))).one()
        assert await config.value_of(tx, TOKEN_INPUT_PRICE) == 2e-7
    assert (row.user_id, row.actor_name) == (admin.user_id, admin.username)
    assert row.details == {"before": "1.5e-07", "after": "2e-07"}


@pytest.mark.usefixtures("database")
async def test_only_admins_and_only_known_keys() -> None:
    async with transaction() as tx:
        user = await an_actor(tx)
    async with transaction() as tx:
        with pytest.raises(Forbidden):
            await config.set_config(tx, user, "default_credits", "100")
    async with transaction() as tx:
        with pytest.raises(NotFound):
            await config.set_config(tx, SYSTEM, "no_such_key", "1")
