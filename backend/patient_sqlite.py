"""SQLite connections whose statements can't be broken off.

aiosqlite runs statements in a thread. A task that is cancelled while it waits for one leaves the statement running
with nobody to answer for it; when that statement was the BEGIN of a writer, the write lock stayed taken for good.
Here a cancellation waits until the statement is through, and then hits the next thing that is no statement.

Going to that thread and back takes longer than most statements. So one trip brings a statement's first rows along, and
what neither reads nor waits for anything is done where it is asked for: making and closing cursors, beginning a
transaction that only looks, and ending it.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, cast

import aiosqlite

_FIRST_ROWS = 256
_BEGINS_A_LOOK, _BEGINS_TO_WRITE = "BEGIN", "BEGIN IMMEDIATE"


class _Statement(asyncio.Future[Any]):
    """What a statement gives. Who waits for it and is cancelled hears of that when it is through."""

    def cancel(self, msg: Any = None) -> bool:
        return False


class _Cursor(aiosqlite.Cursor):
    """One whose first rows come with the statement."""

    _conn: "_PatientConnection"
    _rows: list[Any]

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self._conn._execute(fn, *args, **kwargs)  # type: ignore[reportPrivateUsage]  # as aiosqlite does

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> "_Cursor":
        def run() -> list[Any]:
            self._cursor.execute(sql, cast(Any, parameters or ()))
            return self._cursor.fetchmany(_FIRST_ROWS) if self._cursor.description else []

        if sql in (_BEGINS_A_LOOK, _BEGINS_TO_WRITE):
            self._conn.only_looks = sql == _BEGINS_A_LOOK
        self._rows = run() if sql == _BEGINS_A_LOOK else await self._execute(run)
        return self

    async def fetchall(self) -> list[Any]:
        if len(self._rows) < _FIRST_ROWS:
            return self._taken(len(self._rows))
        return self._taken(_FIRST_ROWS) + await self._execute(self._cursor.fetchall)

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        return self._taken(size or 1) or list(await super().fetchmany(size))

    async def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else await super().fetchone()

    async def close(self) -> None:
        self._cursor.close()

    def _taken(self, number: int) -> list[Any]:
        taken, self._rows = self._rows[:number], self._rows[number:]
        return taken


class _PatientConnection(aiosqlite.Connection):
    only_looks = False
    """The transaction under way was not begun to write: ending it is no work."""

    def cursor(self) -> _Cursor:  # type: ignore[reportIncompatibleMethodOverride]  # it can be entered, too
        return _Cursor(self, self._conn.cursor())

    async def rollback(self) -> None:
        if self.only_looks:
            self._conn.rollback()
        else:
            await super().rollback()

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self._running or not self._connection:
            raise ValueError("Connection closed")
        work = _Statement()
        cast(Any, self)._tx.put_nowait((work, partial(fn, *args, **kwargs)))  # as aiosqlite does
        try:
            return await work
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not work.done():
                raise
            task.uncancel()
            asyncio.get_running_loop().call_soon(task.cancel)
            return work.result()


async def open_sqlite(path: str, *_: object, timeout_s: float, **__: object) -> aiosqlite.Connection:
    """Open a database file, which is for nobody else's eyes; a lock is waited for `timeout_s` seconds."""

    def connect() -> sqlite3.Connection:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))  # what SQLite puts beside it gets the same mode
        return sqlite3.connect(path, timeout=timeout_s, check_same_thread=False)

    connection = _PatientConnection(connect, iter_chunk_size=64)
    connection._thread.daemon = True  # type: ignore[reportPrivateUsage]  # an idle connection holds up no exit
    return await connection
