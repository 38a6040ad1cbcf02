"""Bring the database to the newest schema. Safe to run by several processes at once."""

from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from backend.db import engine
from backend.settings import settings

_ROOT = Path(__file__).resolve().parent.parent
_LOCK = 7_305_801  # PostgreSQL advisory lock: any fixed number of ours


def config() -> Config:
    """Alembic's configuration, wherever the process was started."""
    made = Config()
    made.set_main_option("script_location", str(_ROOT / "alembic"))
    made.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(slug)s")
    return made


async def migrate() -> bool:
    """Upgrade to head; returns whether there was anything to do."""
    if settings().url.get_backend_name() == "sqlite" and (name := settings().url.database):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        for path in (Path(name), Path(f"{name}-wal"), Path(f"{name}-shm")):
            if path.exists():
                path.chmod(0o600)  # one of an earlier version, or put back from a backup
    async with engine().connect() as connection:
        writing = await connection.execution_options(writes=True)
        changed = await writing.run_sync(_upgrade)
        await writing.commit()
    return changed


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


@lru_cache
def _head() -> str | None:
    return ScriptDirectory.from_config(config()).get_current_head()


def _upgrade(connection: Connection) -> bool:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    if _revision(connection) == _head():
        return False
    ours = config()
    ours.attributes["connection"] = connection
    command.upgrade(ours, "head")
    return True
