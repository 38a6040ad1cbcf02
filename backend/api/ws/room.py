"""How much of our memory one person's requests for files may hold: who says much and takes nothing waits."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from weakref import WeakValueDictionary

MOST_SAID = 64 * 1024 * 1024
"""Characters of a person's requests that are under way."""
_AT_ONCE = {"list": 8, "read": 8, "write": 8, "find": 8, "search": 4}
"""Answers of some MiB each, from when they are asked of the machine until they are sent. The others wait."""

_said = Counter[int | None]()
_places = WeakValueDictionary[tuple[int | None, int], asyncio.Semaphore]()


@asynccontextmanager
async def for_answer(user_id: int | None, method: str) -> AsyncGenerator[None]:
    """Wait until a person may have one more answer of this kind."""
    most = _AT_ONCE.get(method)
    place = nullcontext() if most is None else _places.setdefault((user_id, most), asyncio.Semaphore(most))
    async with place:
        yield


def hold(user_id: int | None, characters: int) -> bool:
    """Count what a request says, until `let_go`; False where there is too much already."""
    if _said[user_id] + characters > MOST_SAID:
        return False
    _said[user_id] += characters
    return True


def let_go(user_id: int | None, characters: int) -> None:
    """It is answered."""
    _said[user_id] -= characters
    if _said[user_id] <= 0:
        del _said[user_id]
