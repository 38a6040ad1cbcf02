"""What the assistant keeps in mind for a person about a container. No use cases."""

from sqlmodel import select

from backend.db import Tx
from backend.models import AIMemory
from backend.models.base import now


async def notes_of(tx: Tx, user_id: int, container_id: int) -> list[str]:
    """What the assistant keeps in mind about a container."""
    mine = AIMemory.user_id == user_id, AIMemory.container_id == container_id
    found = (await tx.exec(select(AIMemory).where(*mine))).first()
    return list(found.memory.get("notes", [])) if found is not None else []


async def set_notes(tx: Tx, user_id: int, container_id: int, notes: list[str]) -> None:
    """Keep these notes in mind."""
    mine = AIMemory.user_id == user_id, AIMemory.container_id == container_id
    found = (await tx.exec(select(AIMemory).where(*mine).with_for_update())).first()
    if found is not None:
        found.memory, found.updated_at = {"notes": notes}, now()
