"""What a command prints, on its way to who watches: a few times a second, and of what comes faster only the end."""

import asyncio
from collections.abc import Callable

_EVERY_S = 0.05
_MOST_AT_ONCE = 8_000
_SKIPPED = "\n… (faster than it can be shown) …\n"


class Saying:
    """One command's words. What is kept of them, the result says; this is for watching."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._waiting, self._is_cut = "", False
        self._due: asyncio.TimerHandle | None = None

    def hear(self, text: str) -> None:
        """It prints something."""
        whole = self._waiting + text
        self._waiting, self._is_cut = whole[-_MOST_AT_ONCE:], self._is_cut or len(whole) > _MOST_AT_ONCE
        if self._due is None and whole:
            self._due = asyncio.get_running_loop().call_later(_EVERY_S, self.flush)

    def flush(self) -> None:
        """Say what waits, now."""
        if self._due is not None:
            self._due.cancel()
        text, self._due = f"{_SKIPPED if self._is_cut else ''}{self._waiting}", None
        self._waiting, self._is_cut = "", False
        if text:
            self._say(text)
