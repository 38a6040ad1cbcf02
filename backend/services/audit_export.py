"""The audit log as a file: CSV for tables, JSON lines for programs. Newest first, a batch in memory at a time."""

import csv
import io
import json
from collections.abc import AsyncGenerator
from datetime import UTC
from enum import StrEnum
from typing import Any

from backend.db import reading
from backend.models import AuditLog
from backend.services.audit_search import Wanted, newest

_BATCH = 1000
_COLUMNS = (
    "id", "created_at", "user_id", "actor_name", "action", "target_type", "target_id", "message", "metadata", "ip",
    "user_agent", "via", "success", "erased_at", "hash",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Form(StrEnum):
    """What the file is."""

    CSV = "csv"
    JSONL = "jsonl"


async def lines(wanted: Wanted, form: Form) -> AsyncGenerator[str]:
    """The file in pieces, for whom `audit.begin_export` let have it. What is written meanwhile is not in it."""
    if form is Form.CSV:
        yield ",".join(_COLUMNS) + "\r\n"
    write = _as_csv if form is Form.CSV else _as_json
    before_id: int | None = None
    while True:
        async with reading() as tx:
            rows = await newest(tx, wanted, before_id=before_id, limit=_BATCH)
        if rows:
            yield "".join(write(_facts(row)) for row in rows)
            before_id = rows[-1].id
        if len(rows) < _BATCH:
            return


def _facts(row: AuditLog) -> dict[str, Any]:
    facts = {name: getattr(row, "details" if name == "metadata" else name) for name in _COLUMNS}
    for name in ("created_at", "erased_at"):
        facts[name] = facts[name].astimezone(UTC).isoformat() if facts[name] else None
    return facts


def _as_json(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False) + "\n"


def _as_csv(facts: dict[str, Any]) -> str:
    cells = {**facts, "metadata": json.dumps(facts["metadata"], ensure_ascii=False)}
    sink = io.StringIO()
    csv.writer(sink).writerow([_cell(cells[name]) for name in _COLUMNS])
    return sink.getvalue()


def _cell(value: Any) -> str:
    """What a spreadsheet would take for a formula becomes text (OWASP, “CSV Injection”)."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
