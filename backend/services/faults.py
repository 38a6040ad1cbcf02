"""What went wrong by itself: written to the audit log, and told to the owner, once for each failure."""

from backend.db import Tx
from backend.errors import NotFound
from backend.models import Container
from backend.operation import note, operation, require
from backend.rules.notices import Notice
from backend.rules.policy import Action, Actor
from backend.services.inbox import tell


@operation(Action.CONTAINER_FAULT)
async def report(tx: Tx, actor: Actor, container_id: int, reason: str) -> None:
    """Say that a container failed. Call it for the first of several tries only."""
    require(actor, Action.CONTAINER_FAULT)
    note("container", container_id, reason)
    container = await tx.get(Container, container_id)
    if container is None:
        raise NotFound("That container")
    link = f"/containers/{container_id}"
    await tell(
        tx, container.user_id, Notice.FAILED, f"“{container.name}” failed", reason, link=link, container_id=container_id
    )
