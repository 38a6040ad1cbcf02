"""Every test that takes `database` runs twice: on SQLite and on PostgreSQL, each time on a fresh, migrated one."""

import os
import shutil
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backend import db, settings
from backend.events.bus import bus
from backend.migrations import migrate
from backend.seed import seed
from tests import stores


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test was told may hold half characters, which no process can hand to another."""
    report = yield
    report.sections = [(name, text.encode(errors="replace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Nothing of the developer's own installation is read or written, whatever a test does."""
    kept = dict(os.environ)
    home = tmp_path_factory.mktemp("home")
    os.environ |= {"PEQUEROKU_HOME": str(home), "SECRET_KEY": "a key for tests", "LOCAL_NODE_URI": "", "SSH_PORT": "0"}
    for name in ("DATABASE_URL", "DB_NAME", "REDIS_URL", "SUPERUSER_PASSWORD"):
        os.environ.pop(name, None)
    settings.settings.cache_clear()
    yield
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(scope="session")
def postgres_server() -> Generator[str]:
    with stores.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def redis_server() -> Generator[str]:
    with stores.redis() as url:
        yield url


@pytest.fixture(scope="session")
async def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated and seeded SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    await _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
async def kept_postgresql(postgres_server: str) -> AsyncGenerator[stores.Kept]:
    """A migrated and seeded PostgreSQL database."""
    url = stores.create_database(postgres_server, "pequeroku")
    await _migrate(url)
    kept = stores.Kept(url)
    yield kept
    kept.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, migrated database, of each kind."""
    return request.getfixturevalue(f"fresh_{request.param}")


@pytest.fixture
async def database(fresh_url: str) -> AsyncGenerator[str]:
    """A fresh database in the settings of this process; gives its URL."""
    async with in_use(fresh_url):
        yield fresh_url


@pytest.fixture
def fresh_sqlite(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "test.sqlite3"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def fresh_postgresql(kept_postgresql: stores.Kept) -> str:
    kept_postgresql.begin_again()
    return kept_postgresql.url


@asynccontextmanager
async def in_use(url: str) -> AsyncGenerator[None]:
    """Make `url` the database of this process for the length of a block."""
    os.environ["DATABASE_URL"] = url
    settings.settings.cache_clear()
    bus.cache_clear()
    try:
        yield
    finally:
        await db.dispose()
        os.environ.pop("DATABASE_URL")
        settings.settings.cache_clear()
        bus.cache_clear()


async def _migrate(url: str) -> None:
    async with in_use(url):
        await migrate()
        await seed()
