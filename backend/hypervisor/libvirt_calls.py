"""Blocking calls in a node's own few threads, each with a deadline.

A call that outlives its deadline keeps its thread: nothing can stop it. When every thread is held so, the node is
given up at once, until one of them comes back. Other nodes have threads of their own and do not notice.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from backend.errors import Unavailable

T = TypeVar("T")

_THREADS = 4


class Calls:
    """The threads of one node. They are daemons: a hung one does not keep the process from ending."""

    def __init__(self, node: str, *, threads: int = _THREADS) -> None:
        self._node = node
        self._limit = threads
        self._free = asyncio.Semaphore(threads)
        self._running: set[asyncio.Future[Any]] = set()
        self._overdue: set[asyncio.Future[Any]] = set()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = 0

    async def run(self, call: Callable[[], T], *, deadline_s: float, queue_s: float | None = None) -> T:
        """Run it in a thread and return what it returns, or raise what it raises.

        Args:
            call: what blocks.
            deadline_s: how long it may take.
            queue_s: how long to wait for a free thread before; as long again, unless told.

        Raises:
            Unavailable: no thread became free, or it did not return, in time.
        """
        await self._await_thread(deadline_s if queue_s is None else queue_s)
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._submit(call, result)
        try:
            await asyncio.wait([result], timeout=deadline_s)
            if result.done():
                return result.result()
            self._overdue.add(result)
            raise Unavailable(f"Node “{self._node}” did not answer within {deadline_s:.0f} s.")
        finally:
            result.cancel()

    async def _await_thread(self, within_s: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while len(self._overdue) < self._limit:
            try:
                async with asyncio.timeout(min(1.0, max(0.0, end - loop.time()))):  # wait_for may swallow a cancel
                    await self._free.acquire()
                return
            except TimeoutError as error:
                if loop.time() >= end:
                    raise Unavailable(f"Node “{self._node}” is too busy to answer.") from error
        raise Unavailable(f"Node “{self._node}” does not answer.")

    def close(self) -> None:
        """Let the threads end when they have done what they were given."""
        for _ in range(self._threads):
            self._jobs.put(None)
        self._threads = 0

    def _submit(self, call: Callable[[], T], result: asyncio.Future[T]) -> None:
        def finish(value: Any, error: BaseException | None) -> None:
            self._free.release()
            self._running.discard(result)
            self._overdue.discard(result)
            if result.done():
                return
            if error:
                result.set_exception(error)
            else:
                result.set_result(value)

        def job() -> None:
            value, failure = None, None
            try:
                value = call()
            except BaseException as error:  # noqa: BLE001 - it is raised where the call was made
                failure = error
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(finish, value, failure)

        loop = result.get_loop()
        self._running.add(result)
        if len(self._running) > self._threads:
            self._threads += 1
            threading.Thread(target=self._work, name=f"node {self._node}", daemon=True).start()
        self._jobs.put(job)

    def _work(self) -> None:
        while job := self._jobs.get():
            job()
