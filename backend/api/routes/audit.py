"""The audit log as a file, for admins."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from backend.api.doors import actor_of
from backend.db import transaction
from backend.services import audit, audit_export
from backend.services.audit_export import Form
from backend.services.audit_search import Wanted

router = APIRouter(prefix="/api/audit")

_MEDIA = {Form.CSV: "text/csv", Form.JSONL: "application/jsonl"}


class _Asked(BaseModel):
    """The filters of the admin's list; a time without a zone is UTC."""

    model_config = ConfigDict(extra="forbid")

    format: Form = Form.CSV
    user_id: int | None = Field(default=None, ge=0, lt=2**31)
    action: str = Field(default="", max_length=64)
    target_type: str = Field(default="", max_length=32)
    target_id: str = Field(default="", max_length=64)
    success: bool | None = None
    via: str = Field(default="", max_length=16)
    since: datetime | None = None
    until: datetime | None = None
    text: str = Field(default="", max_length=300)

    def wanted(self) -> Wanted:
        """As the service takes it."""
        return Wanted(
            user_id=self.user_id,
            action=_clean(self.action),
            target_type=_clean(self.target_type),
            target_id=_clean(self.target_id),
            success=self.success,
            via=_clean(self.via),
            since=_aware(self.since),
            until=_aware(self.until),
            text=_clean(self.text),
        )


@router.get("/export/")
async def export(request: Request, asked: Annotated[_Asked, Query()]) -> StreamingResponse:
    """Stream the rows that are asked for, newest first."""
    actor, wanted = await actor_of(request), asked.wanted()
    async with transaction() as tx:
        await audit.begin_export(tx, actor, wanted, asked.format)
    name = f"audit-{datetime.now(UTC):%Y%m%d-%H%M%S}.{asked.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(
        audit_export.lines(wanted, asked.format), headers=headers, media_type=f"{_MEDIA[asked.format]}; charset=utf-8"
    )


def _clean(text: str) -> str:
    """Without what no database can hold."""
    return "".join(each for each in text.encode(errors="ignore").decode() if each.isprintable())


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
