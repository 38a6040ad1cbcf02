"""What a person is told while away."""

from typing import Any

from fastapi import Response

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.inbox import NoticeOut, UnreadOut
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.services import inbox
from backend.services.inbox import NoticeView

router = routes("/api/inbox", "inbox")


@router.get("/", response_model=Page[NoticeOut], **does(Action.INBOX_LIST))
async def list_inbox(actor: Caller, paging: Paged) -> dict[str, Any]:
    """Your notifications, newest first."""
    async with reading() as tx:
        found = await inbox.list_inbox(tx, actor, before_id=paging.after, limit=paging.limit)
    return paging.page(found, found[-1].id if len(found) == paging.limit else None)


@router.get("/unread/", **does(Action.INBOX_COUNT))
async def count_unread(actor: Caller) -> UnreadOut:
    """How many you have not read."""
    async with reading() as tx:
        return UnreadOut(unread=await inbox.unread_count(tx, actor))


@router.post("/read_all/", status_code=204, **does(Action.INBOX_READ_ALL))
async def read_all(actor: Caller) -> Response:
    """Note that you have read all there is."""
    async with transaction() as tx:
        await inbox.mark_all_read(tx, actor)
    return Response(status_code=204)


@router.post("/{notice_id}/read/", response_model=NoticeOut, **does(Action.INBOX_READ))
async def read_notice(actor: Caller, notice_id: int) -> NoticeView:
    """Note that you have read one. Twice is the same as once."""
    async with transaction() as tx:
        return await inbox.mark_read(tx, actor, notice_id)
