"""Whether this process was asked to end: what would stay open for as long as anybody listens ends by itself, then."""

from collections.abc import Callable
from functools import lru_cache


class Ending:
    """Told once, by who serves; heard by whatever is open."""

    def __init__(self) -> None:
        self.is_near = False
        self._listeners: list[Callable[[], None]] = []

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when it is near; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self) -> None:
        """It is."""
        self.is_near = True
        for listener in list(self._listeners):
            listener()


@lru_cache
def ending() -> Ending:
    """The process's."""
    return Ending()
