"""The stream of events, for administrators."""

from typing import Annotated, Any

from fastapi import Query

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.streams import EventOut
from backend.db import reading
from backend.rules.policy import Action
from backend.services import stream

router = routes("/api/stream", "stream")


@router.get("/", response_model=Page[EventOut], **does(Action.STREAM_LIST))
async def list_events(
    actor: Caller,
    paging: Paged,
    kind: Annotated[str, Query(alias="type", max_length=64, description="Such as tip_shown; empty: all")] = "",
    username: Annotated[str, Query(max_length=64, description="Whom they are about; empty: anybody")] = "",
) -> dict[str, Any]:
    """Events of the tips, newest first. For administrators."""
    async with reading() as tx:
        found = await stream.list_events(
            tx, actor, kind=kind, username=username, before_id=paging.after, limit=paging.limit + 1
        )
    more = found[paging.limit - 1].id if len(found) > paging.limit else None
    return paging.page(found[: paging.limit], more)
