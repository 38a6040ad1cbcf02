"""The engine, and `transaction()`: the only place that commits.

On SQLite a writing transaction takes the write lock at its start (BEGIN IMMEDIATE), so that what it
read still holds when it writes; on PostgreSQL services lock the rows they decide on.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.errors import DatabaseBusy, Invalid
from backend.patient_sqlite import open_sqlite
from backend.settings import settings

log = logging.getLogger(__name__)

T = TypeVar("T")

_LOCK_WAIT_S = 10
_TURN_WAIT_S = 30
"""Who waits for others of this process comes to their turn: as long as one waits for a connection."""


class Tx(AsyncSession):
    """One transaction: a session that also carries what must happen at its end, and once it is over."""

    def __init__(self, bind: AsyncEngine) -> None:
        super().__init__(bind, expire_on_commit=False, autoflush=True)
        self.before_commit: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self.after_commit: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self.after_refusal: list[Callable[[], Coroutine[Any, Any, None]]] = []

    async def get(self, entity: type[T], ident: object, **options: Any) -> T | None:  # type: ignore[reportIncompatibleMethodOverride]
        """The row with that key. An id is anybody's guess: one that no column can hold is no row's."""
        if isinstance(ident, int) and not 0 < ident < 2**31:
            return None
        return await super().get(entity, ident, **options)


@lru_cache
def engine() -> AsyncEngine:
    """The process's engine, made at the first call. Its errors show no values: hashes and keys don't belong in logs."""
    url = settings().url
    if url.get_backend_name() != "sqlite":
        made = create_async_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True, hide_parameters=True)
        event.listen(made.sync_engine, "handle_error", _say_if_typed)
        return made
    opener = partial(open_sqlite, str(url.database), timeout_s=_LOCK_WAIT_S)
    made = create_async_engine(url, async_creator=opener, pool_size=8, max_overflow=8, hide_parameters=True)
    event.listen(made.sync_engine, "handle_error", _say_if_typed)
    event.listen(made.sync_engine, "connect", _prepare_sqlite)
    event.listen(made.sync_engine, "begin", _begin_sqlite)
    return made


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={_LOCK_WAIT_S * 1000}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@asynccontextmanager
async def transaction() -> AsyncGenerator[Tx]:
    """All or nothing: commit at the end, roll back on any exception.

    What was queued in `before_commit` is part of it (the audit log's chain). After the commit what was queued in
    `after_commit` runs (events); after a rollback, `after_refusal` (the audit row of a refused operation).

    Raises:
        DatabaseBusy: the database stayed locked; nothing was changed.
        Invalid: somebody typed, or sent, what no database keeps.
    """
    tx = Tx(engine())
    try:
        async with _turn_to_write(), tx:
            await tx.connection(execution_options={"writes": True})
            yield tx
            for last_thing in tx.before_commit:
                await last_thing()
            await tx.commit()
    except OperationalError as fault:
        if _is_lock_timeout(fault):
            raise DatabaseBusy from fault
        raise
    except PoolTimeout as fault:
        raise DatabaseBusy from fault
    finally:
        await _leave_traces(tx)
    for follow_up in tx.after_commit:
        await follow_up()


@asynccontextmanager
async def _turn_to_write() -> AsyncGenerator[None]:
    """Where there is one writer at a time, this process's take turns, in the order in which they came.

    SQLite lets who waits ask again and again, and whoever is unlucky never gets it; meanwhile each of them keeps a
    connection from those who only look.

    Raises:
        DatabaseBusy: it takes too long.
    """
    if engine().dialect.name != "sqlite":
        yield
        return
    writers = _writers()
    try:
        async with asyncio.timeout(_TURN_WAIT_S):
            await writers.acquire()
    except TimeoutError as fault:
        raise DatabaseBusy from fault
    try:
        yield
    finally:
        writers.release()


@lru_cache
def _writers() -> asyncio.Lock:
    """Who may write now; as old as the engine."""
    return asyncio.Lock()


@asynccontextmanager
async def reading(*, snapshot: bool = False) -> AsyncGenerator[Tx]:
    """A transaction that only looks and takes no lock. Refusals in it leave their traces all the same.

    Args:
        snapshot: all its queries see one moment, the first's (SQLite does so anyway).
    """
    tx = Tx(engine())
    try:
        async with tx:
            if snapshot and tx.get_bind().dialect.name == "postgresql":
                await tx.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield tx
    finally:
        await _leave_traces(tx)


async def insert_if_absent(tx: Tx, row: SQLModel) -> None:
    """Insert the row unless one with its key is there, or is just being made by somebody else."""
    insert = postgresql.insert if tx.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(type(row)).values(row.model_dump()).on_conflict_do_nothing()
    await (await tx.connection()).execute(statement)


async def _leave_traces(tx: Tx) -> None:
    """A trace that can't be written must not take the place of the refusal itself."""
    for follow_up in tx.after_refusal:
        try:
            await follow_up()
        except Exception:
            log.exception("the trace of a refusal was lost")


def _say_if_typed(context: ExceptionContext) -> None:
    """Half a character (a lone surrogate) fits into no database, and NUL not into PostgreSQL. All else is a bug.

    Raises:
        Invalid: it was one of those.
    """
    fault = context.original_exception
    if isinstance(fault, UnicodeEncodeError) or "NUL (0x00)" in str(fault):
        raise Invalid("There is a character in it that can't be kept, or looked for.") from fault


def _is_lock_timeout(fault: OperationalError) -> bool:
    if isinstance(fault.orig, sqlite3.OperationalError):
        return "locked" in str(fault.orig) or "busy" in str(fault.orig)
    return getattr(fault.orig, "sqlstate", None) in {"55P03", "40P01", "40001"}


async def dispose() -> None:
    """Close every connection; the next use opens new ones."""
    await engine().dispose()
    engine.cache_clear()
    _writers.cache_clear()
