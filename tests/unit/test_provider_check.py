"""Whether the provider of models works, as an administrator asks."""

import pytest

from backend.ai.faults import ModelFault
from backend.ai.provider_check import check_provider
from backend.db import transaction
from backend.errors import Forbidden
from backend.rules.policy import SYSTEM
from backend.services.config import set_config
from tests.factories import an_actor
from tests.model_server import Reply, model_server, says

pytestmark = pytest.mark.usefixtures("database")


async def _set(**values: str) -> None:
    for name, value in values.items():
        async with transaction() as tx:
            await set_config(tx, SYSTEM, name, value)


async def test_it_says_what_answers_or_what_is_wrong() -> None:
    async with transaction() as tx:
        admin = await an_actor(tx, is_superuser=True)
    with pytest.raises(ModelFault, match="No AI provider is set up"):
        await check_provider(admin)
    async with model_server() as provider:
        await _set(openai_api_url=provider.url, openai_model="otter-1")
        await _set(openai_api_key="sk-secret")
        provider.will(says("ready"), Reply(status=401))
        assert await check_provider(admin) == "“otter-1” answers: ready"
        with pytest.raises(ModelFault) as fault:
            await check_provider(admin)
    assert fault.value.reason == "key-refused"


async def test_nobody_else_may_spend_on_it() -> None:
    async with transaction() as tx:
        somebody = await an_actor(tx)
    with pytest.raises(Forbidden):
        await check_provider(somebody)
