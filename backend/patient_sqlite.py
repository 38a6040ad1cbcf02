"""SQLite connections whose statements can't be broken off.

aiosqlite runs statements in a thread. A task that is cancelled while it waits for one leaves the statement running
with nobody to answer for it; when that statement was the BEGIN of a writer, the write lock stayed taken for good.
Here a cancellation waits until the statement is through, and then hits the next thing that is no statement.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiosqlite


class _PatientConnection(aiosqlite.Connection):
    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        work = asyncio.ensure_future(super()._execute(fn, *args, **kwargs))  # type: ignore[reportUnknownMemberType]
        task, cancelled = asyncio.current_task(), False
        while not work.done():
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                if task is None or work.cancelled():
                    raise
                task.uncancel()
                cancelled = True
            except sqlite3.Error:
                break  # told below
        if cancelled and task is not None:
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
