"""Where a person is signed in."""

from typing import Any

from fastapi import Response

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.people import SessionOut
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.services import identity

router = routes("/api/sessions", "user")


@router.get("/", response_model=Page[SessionOut], **does(Action.SESSION_LIST))
async def list_sessions(actor: Caller, paging: Paged) -> dict[str, Any]:
    """Where you are signed in: this session first, then by last use."""
    async with reading() as tx:
        return paging.cut(await identity.list_sessions(tx, actor))


@router.delete("/{session_id}/", status_code=204, **does(Action.SESSION_REVOKE))
async def revoke_session(actor: Caller, session_id: int) -> Response:
    """End one of your sessions; what it holds open closes at once."""
    async with transaction() as tx:
        await identity.revoke_session(tx, actor, session_id)
    return Response(status_code=204)
