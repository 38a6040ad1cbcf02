"""What the assistant asks of the world outside the machine: let go, and written down, before it is sent."""

from backend.db import Tx
from backend.operation import note, operation
from backend.rules.policy import Action, Actor
from backend.services.targets import visible

_SHOWN = 500


@operation(Action.AI_FETCH)
async def let_fetch(tx: Tx, actor: Actor, container_id: int, url: str) -> None:
    """Let the actor's assistant read a page of the web.

    Raises:
        NotFound, Forbidden: no such container, or not the actor's to use.
    """
    note(message=url[:_SHOWN])
    await visible(Action.AI_FETCH, tx, actor, container_id)


@operation(Action.AI_MCP_CALL)
async def let_call(tx: Tx, actor: Actor, container_id: int, what: str) -> None:
    """Let the actor's assistant use a tool of an MCP server; `what` names both.

    Raises:
        NotFound, Forbidden: as `let_fetch`.
    """
    note(message=what[:_SHOWN])
    await visible(Action.AI_MCP_CALL, tx, actor, container_id)
