"""The audit log: who did what, from where, and what was refused."""

import json
from collections.abc import Mapping

from sqlalchemy import ColumnElement
from sqlmodel import col

from backend.db import Tx
from backend.models import AuditLog
from backend.rules.policy import Action, Via
from backend.services.admin.screen import (
    Column,
    Facts,
    Screen,
    Show,
    day_of,
    exactly,
    numbered,
    one_of,
    since,
    yes_or_no,
)
from backend.services.audit_search import Wanted, audit_matches, needs_words

_ID, _AT = col(AuditLog.id), col(AuditLog.created_at)
_FOUND_AT_MOST = 100


async def _matches(tx: Tx, search: str, filters: Mapping[str, str]) -> ColumnElement[bool] | None:
    """Through the index of words where that is needed; the newest of what is found, when that is very much."""
    success, user = filters.get("success"), filters.get("user")
    wanted = Wanted(
        user_id=int(user) if user else None,
        action=filters.get("action", ""),
        target_type=filters.get("target_type", ""),
        target_id=filters.get("target", ""),
        success=None if success is None else success == "yes",
        via=filters.get("via", ""),
        since=day_of(filters.get("from", "")),
        until=day_of(filters.get("to", ""), is_end=True),
        text=search,
    )
    return await audit_matches(tx, wanted, limit=_FOUND_AT_MOST) if needs_words(wanted) else None


async def _details(_tx: Tx, rows: list[Facts]) -> None:
    for row in rows:
        row["metadata_text"] = json.dumps(row.get("metadata") or {}, ensure_ascii=False, sort_keys=True)


SCREEN = Screen(
    path="internal_config/auditlog",
    title="Audit log",
    one="entry",
    many="entries",
    icon="scroll-text",
    help="Everything that was done or refused, newest first. Rows are chained: nobody changes them unseen.",
    source=AuditLog,
    key=_ID,
    name=col(AuditLog.action),
    columns=(
        Column("created_at", "When", _AT, Show.AT),
        Column("actor_name", "Who", col(AuditLog.actor_name), sortable=False),
        Column("user_id", of=col(AuditLog.user_id), hidden=True),
        Column("action", "Action", col(AuditLog.action), Show.CODE, sortable=False),
        Column("success", "Done", col(AuditLog.success), Show.SWITCH, sortable=False),
        Column("target_type", "Of", col(AuditLog.target_type), sortable=False),
        Column("target_id", "Number", col(AuditLog.target_id), sortable=False),
        Column("message", "What", col(AuditLog.message), sortable=False),
        Column("ip", "From", col(AuditLog.ip), Show.CODE, sortable=False),
    ),
    facts=(
        Column("via", "Through", col(AuditLog.via)),
        Column("user_agent", "Browser", col(AuditLog.user_agent)),
        Column("metadata_text", "Metadata", show=Show.CODE),
        Column("metadata", of=col(AuditLog.details), hidden=True),
        Column("hash", "Hash", col(AuditLog.hash), Show.CODE),
        Column("erased_at", "Personal part erased", col(AuditLog.erased_at), Show.AT),
    ),
    finish=_details,
    matches=_matches,
    matches_at_most=_FOUND_AT_MOST,
    filters=(
        one_of("action", "Action", col(AuditLog.action), {each.value: each.value for each in sorted(Action)}),
        yes_or_no("success", "Done", col(AuditLog.success), "Done", "Refused"),
        one_of("via", "Through", col(AuditLog.via), {each.value: each.value for each in Via}),
        since("from", "From", _AT),
        since("to", "To", _AT, is_end=True),
        numbered("user", "User number", col(AuditLog.user_id)),
        exactly("target_type", "Of", col(AuditLog.target_type)),
        exactly("target", "Number", col(AuditLog.target_id)),
    ),
    ordering="-created_at",
    links=(
        ("Everything about the same", "/admin/internal_config/auditlog/?target_type={target_type}&target={target_id}"),
    ),
)
