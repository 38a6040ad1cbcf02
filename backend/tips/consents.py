"""What a person lets us look at for tips."""

from enum import StrEnum

from backend.db import Tx


class Scope(StrEnum):
    """One thing that is asked for by itself."""

    TASKS = "tasks"
    CALENDAR = "calendar"
    HABITS = "habits"
    MOOD = "mood"
    CONTEXT = "context"
    PLATFORM = "platform"


async def live(tx: Tx, user_id: int) -> frozenset[Scope]:
    """What they let us look at now."""
    return frozenset()
