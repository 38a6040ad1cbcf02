"""Who may use the terminals of a container."""

from backend.db import Tx
from backend.operation import note, operation, require
from backend.rules.policy import Action, Actor
from backend.services.doors import Door, door


@operation(Action.WS_CONNECT)
async def enter(tx: Tx, actor: Actor, container_id: int) -> Door:
    """Let the actor at the container's terminals.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Forbidden: the actor may look at it only.
    """
    return await door(Action.WS_CONNECT, tx, actor, container_id)


@operation(Action.WS_DISCONNECT)
async def leave(tx: Tx, actor: Actor, container_id: int, after_s: float) -> None:
    """Note for the audit log that the actor, who was let in, has gone; whatever became of the container meanwhile."""
    require(actor, Action.WS_DISCONNECT, owner_id=actor.user_id)
    note("container", container_id, f"after {after_s:.0f} s")


@operation(Action.TERMINAL_CLOSE)
async def close(tx: Tx, actor: Actor, container_id: int, terminal_id: str) -> Door:
    """Let the actor end one of the container's terminals.

    Raises:
        NotFound: no such container, or not the actor's to see.
    """
    note(message=f"terminal {terminal_id[:16]}")
    return await door(Action.TERMINAL_CLOSE, tx, actor, container_id)


@operation(Action.TERMINAL_LOOK)
async def look(tx: Tx, actor: Actor, container_id: int) -> Door:
    """The same door as `enter`, for somebody who stands in it already.

    Raises:
        NotFound: the container is gone, or not the actor's to see any more.
    """
    return await door(Action.TERMINAL_LOOK, tx, actor, container_id)
