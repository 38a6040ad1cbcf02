"""A server whose people connect accounts at stand-ins for other services."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from backend.db import transaction
from backend.rules.policy import SYSTEM
from backend.services.config import set_config
from tests.conftest import in_use
from tests.e2e import served
from tests.providers import CONFIG, Elsewhere
from tests.web_server import served as standing_in


@pytest.fixture(scope="module")
async def elsewhere() -> AsyncGenerator[Elsewhere]:
    async with standing_in(Elsewhere(), "127.0.0.1") as site:
        yield site  # type: ignore[misc]


@pytest.fixture(scope="module")
async def home(elsewhere: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[served.Served]:
    """A server of our own, which takes the stand-ins for the other services."""
    if not Path(served.CHROMIUM).exists():  # noqa: ASYNC240 - once
        pytest.skip("chromium is not installed")
    served.build()
    folder = tmp_path_factory.mktemp("signals")
    extra = {**served.memory_node(folder), "PROVIDERS_AT": elsewhere.url}
    with served.serve(folder, extra, users=3) as running:
        async with in_use(f"sqlite:///{folder}/pequeroku.sqlite3"), transaction() as tx:
            for each in CONFIG:
                await set_config(tx, SYSTEM, each.name, each.value)
        yield running
