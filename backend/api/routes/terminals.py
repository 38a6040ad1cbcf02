"""The list of a container's terminals, and the end of one. Using one is a socket (api/ws/terminals.py)."""

from fastapi import Response
from pydantic import BaseModel

from backend.api.deps import Caller
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.db import reading, transaction
from backend.guest.terminals import terminals
from backend.rules.policy import Action
from backend.services import terminals as service

router = routes("/api/containers/{container_id}/terminals", "terminals")


class TerminalOut(BaseModel):
    """A shell that goes on, whether or not somebody looks."""

    id: str
    title: str


@router.get("/", **does(Action.TERMINAL_LOOK))
async def list_terminals(actor: Caller, container_id: int) -> list[TerminalOut]:
    """The terminals that go on in the guest; none while it does not run."""
    async with reading() as tx:
        door = await service.look(tx, actor, container_id)
    if not door.is_running:
        return []
    return [TerminalOut(id=each.id, title=each.title) for each in await terminals().listed(await door.address())]


@router.delete("/{terminal_id}/", status_code=204, **does(Action.TERMINAL_CLOSE))
async def close_terminal(actor: Caller, container_id: int, terminal_id: str) -> Response:
    """End a terminal, and what runs in it."""
    async with transaction() as tx:
        door = await service.close(tx, actor, container_id, terminal_id)
    await terminals().close(await door.address(), terminal_id)
    return Response(status_code=204)
