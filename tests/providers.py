"""What stands in for other services in tests, at one address of the loopback (PROVIDERS_AT in docs/config.md)."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from backend import settings
from backend.db import transaction
from backend.rules.policy import SYSTEM
from backend.services.config import set_config
from tests import calendar_server, todoist_server
from tests.calendar_server import Google
from tests.todoist_server import Todoist
from tests.web_server import Asked, Sent, Site, served


class Elsewhere(Site):
    """Todoist, Google, and files at addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.todoist, self.google = Todoist(), Google()

    async def answer(self, asked: Asked) -> Sent:
        if asked.path.startswith(todoist_server.HOME):
            return self.todoist.answer(asked)
        if asked.path.startswith(calendar_server.HOME):
            return self.google.answer(asked)
        return await super().answer(asked)


@dataclass(frozen=True, slots=True)
class _Said:
    name: str
    value: str


CONFIG = (
    _Said("todoist_client_id", todoist_server.CLIENT_ID),
    _Said("todoist_client_secret", todoist_server.CLIENT_SECRET),
    _Said("google_client_id", "google-client"),
    _Said("google_client_secret", "google-secret"),
    _Said("google_calendar", "true"),
)


@asynccontextmanager
async def stood_in_for() -> AsyncGenerator[Elsewhere]:
    """While the block runs, other services are here, and configured. Take the fixture `database` first."""
    async with served(Elsewhere(), "127.0.0.1") as site:
        os.environ["PROVIDERS_AT"] = site.url
        settings.settings.cache_clear()
        try:
            async with transaction() as tx:
                for each in CONFIG:
                    await set_config(tx, SYSTEM, each.name, each.value)
            yield site  # type: ignore[misc]
        finally:
            os.environ.pop("PROVIDERS_AT")
            settings.settings.cache_clear()
