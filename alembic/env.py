"""Runs migrations on the database of the settings, or on a connection it is handed (backend/migrations.py)."""

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlmodel import AutoString, SQLModel

import backend.models  # noqa: F401 - registers the tables
from backend.db import engine
from backend.models.base import UtcDateTime


def _render(kind: str, item: object, _context: object) -> str | bool:
    """Write plain SQLAlchemy types into migrations: they must not change when our classes do."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return False


def _is_ours(_object: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    """What the audit log is searched by stands in its migration alone: each database has its own way."""
    return not str(name).startswith(("audit_search", "ix_audit_log_words")) and (kind, name) != ("column", "words")


def _run(connection: Connection) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=is_sqlite,
        compare_type=True,
        render_item=_render,
        include_object=_is_ours,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _connect_and_run() -> None:
    async with engine().connect() as connection:
        connection = await connection.execution_options(writes=True)
        await connection.run_sync(_run)
        await connection.commit()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    asyncio.run(_connect_and_run())
