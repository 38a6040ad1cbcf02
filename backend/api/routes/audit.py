"""The audit log, in pages and as a file, for admins."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.audit import AuditOut
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.services import audit, audit_export
from backend.services.audit_export import Form
from backend.services.audit_search import Wanted

router = routes("/api/audit", "audit")

_MEDIA = {Form.CSV: "text/csv", Form.JSONL: "application/jsonl"}


class _Filters(BaseModel):
    """The filters of the admin's list; a time without a zone is UTC."""

    user_id: int | None = Field(default=None, ge=0, lt=2**31)
    action: str = Field(default="", max_length=64)
    target_type: str = Field(default="", max_length=32)
    target_id: str = Field(default="", max_length=64)
    success: bool | None = None
    via: str = Field(default="", max_length=16)
    since: datetime | None = None
    until: datetime | None = None
    text: str = Field(default="", max_length=300)

    @field_validator("action", "target_type", "target_id", "via", "text")
    @classmethod
    def _clean(cls, text: str) -> str:
        """Without what no database can hold."""
        return "".join(each for each in text.encode(errors="ignore").decode() if each.isprintable())

    @field_validator("since", "until")
    @classmethod
    def _aware(cls, at: datetime | None) -> datetime | None:
        return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at

    def wanted(self) -> Wanted:
        """As the service takes it."""
        return Wanted(**self.model_dump(exclude={"format"}))


class _Asked(_Filters):
    """What is to be in the file, and what it is to be."""

    model_config = ConfigDict(extra="forbid")

    format: Form = Form.CSV


@router.get("/", response_model=Page[AuditOut], **does(Action.AUDIT_LIST))
async def list_audit(actor: Caller, asked: Annotated[_Filters, Query()], paging: Paged) -> dict[str, Any]:
    """The whole log, newest first."""
    async with reading() as tx:
        found = await audit.list_audit(tx, actor, asked.wanted(), before_id=paging.after, limit=paging.limit)
    return paging.page(found.rows, found.next_before_id)


@router.get("/export/", response_class=StreamingResponse, **does(Action.AUDIT_EXPORT))
async def export_audit(actor: Caller, asked: Annotated[_Asked, Query()]) -> StreamingResponse:
    """Stream the rows that are asked for, newest first."""
    wanted = asked.wanted()
    async with transaction() as tx:
        await audit.begin_export(tx, actor, wanted, asked.format)
    name = f"audit-{datetime.now(UTC):%Y%m%d-%H%M%S}.{asked.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(
        audit_export.lines(wanted, asked.format), headers=headers, media_type=f"{_MEDIA[asked.format]}; charset=utf-8"
    )
