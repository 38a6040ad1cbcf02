"""Who is to be woken when something on a node may have changed."""

import asyncio
from collections.abc import Callable
from contextlib import suppress


class Wakers:
    """Each is called in the thread of the event loop in which it was added."""

    def __init__(self) -> None:
        self._known: list[tuple[asyncio.AbstractEventLoop, Callable[[], None]]] = []

    def add(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` from now on; returns what ends it, which is safe to repeat."""
        waker = (asyncio.get_running_loop(), wake)
        self._known.append(waker)

        def end() -> None:
            with suppress(ValueError):
                self._known.remove(waker)

        return end

    def ring(self) -> None:
        """Wake everybody. May be called in any thread."""
        for loop, wake in [*self._known]:
            with suppress(RuntimeError):  # that loop has been closed
                loop.call_soon_threadsafe(wake)

    def clear(self) -> None:
        """Nobody is woken any more."""
        self._known.clear()
