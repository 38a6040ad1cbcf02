"""The list of a container's terminals, and the end of one. Using one is a socket (api/ws/terminals.py)."""

from fastapi import APIRouter, Request, Response

from backend.api.doors import actor_of
from backend.db import reading, transaction
from backend.guest.terminals import terminals
from backend.services import terminals as service

router = APIRouter(prefix="/api/containers/{container_id}/terminals")


@router.get("/")
async def list_terminals(request: Request, container_id: int) -> list[dict[str, str]]:
    """The terminals that go on in the guest; none while it does not run."""
    actor = await actor_of(request)
    async with reading() as tx:
        door = await service.look(tx, actor, container_id)
    if not door.is_running:
        return []
    return [{"id": each.id, "title": each.title} for each in await terminals().listed(await door.address())]


@router.delete("/{terminal_id}/", status_code=204)
async def close_terminal(request: Request, container_id: int, terminal_id: str) -> Response:
    """End a terminal, and what runs in it."""
    actor = await actor_of(request)
    async with transaction() as tx:
        door = await service.close(tx, actor, container_id, terminal_id)
    await terminals().close(await door.address(), terminal_id)
    return Response(status_code=204)
