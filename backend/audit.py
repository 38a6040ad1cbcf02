"""Writing the audit log: rows join the chain at the end of the transaction they are part of."""

import json
import logging
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from sqlmodel import col, func, select

from backend.db import Tx
from backend.models import AuditChain, AuditLog
from backend.rules import chain
from backend.sealing import key_for

log = logging.getLogger(__name__)

_KEY = "audit chain"


def record(tx: Tx, row: AuditLog) -> None:
    """Write the row with this transaction. It is chained just before the commit, so nobody waits for another's work."""
    pending: list[AuditLog] = tx.info.setdefault("audit", [])
    if not pending:
        tx.before_commit.append(lambda: _append(tx, pending))
    row.details = json.loads(json.dumps(row.details, default=str))
    pending.append(row)


async def _append(tx: Tx, rows: Sequence[AuditLog]) -> None:
    """Chain and add the rows. The chain's end is locked until the commit: writers take turns."""
    end = await _locked_chain(tx)
    for row in rows:
        end.last_id += 1
        row.id = end.last_id
        row.private_digest = chain.digest(key_for(_KEY), private_facts(row))
        row.hash = end.last_hash = hash_of(row, before=end.last_hash)
        tx.add(row)
    await tx.flush()


async def _locked_chain(tx: Tx) -> AuditChain:
    found = await tx.get(AuditChain, 1, with_for_update=True, populate_existing=True)
    if found is None:
        log.error("the end of the audit log's chain was gone; a new chain begins. Run `cli audit verify`.")
        last = (await tx.exec(select(func.max(col(AuditLog.id))))).one() or 0
        found = AuditChain(id=1, first_id=last + 1, last_id=last)
        tx.add(found)
    return found


def hash_of(row: AuditLog, *, before: str) -> str:
    """What the row's hash has to be after a row with the hash `before`."""
    facts = {
        "id": row.id,
        "action": row.action,
        "target": [row.target_type, row.target_id],
        "via": row.via,
        "success": row.success,
        "created_at": row.created_at.astimezone(UTC).isoformat(),
        "private": row.private_digest,
    }
    return chain.link(key_for(_KEY), before, facts)


def private_holds(row: AuditLog) -> bool:
    """Whether the personal part is what it was when the row was written."""
    return row.private_digest == chain.digest(key_for(_KEY), private_facts(row))


def private_facts(row: AuditLog) -> dict[str, Any]:
    """What an account's deletion erases."""
    return {
        "actor_name": row.actor_name,
        "message": row.message,
        "details": row.details,
        "ip": row.ip,
        "user_agent": row.user_agent,
    }
