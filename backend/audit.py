"""Writing the audit log: rows join the chain at the end of the transaction they are part of."""

import json
import logging
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from sqlmodel import col, func, or_, select, update

from backend.db import Tx
from backend.models import AuditChain, AuditLog
from backend.models.base import now
from backend.rules import chain
from backend.sealing import lasting_key_for

log = logging.getLogger(__name__)

_KEY = "audit chain"
_ERASED: dict[str, Any] = {"user_id": None, "actor_name": "", "message": "", "details": {}, "ip": "", "user_agent": ""}


def record(tx: Tx, row: AuditLog) -> None:
    """Write the row with this transaction. It is chained just before the commit, so nobody waits for another's work."""
    pending: list[AuditLog] = tx.info.setdefault("audit", [])
    if not pending:
        tx.before_commit.append(lambda: _append(tx, pending))
    row.details = json.loads(json.dumps(row.details, default=str))
    pending.append(row)


async def _append(tx: Tx, rows: Sequence[AuditLog]) -> None:
    """Chain and add the rows. The chain's end is locked until the commit: writers take turns."""
    end = await locked_chain(tx)
    for row in rows:
        end.last_id += 1
        row.id = end.last_id
        row.private_digest = chain.digest(lasting_key_for(_KEY), private_facts(row))
        row.hash = end.last_hash = hash_of(row, before=end.last_hash)
        tx.add(row)
    end.seal = seal_of(end)
    await tx.flush()


async def locked_chain(tx: Tx) -> AuditChain:
    """The ends of the chain, nobody else's until the commit. Whoever changes them seals them again."""
    found = await tx.get(AuditChain, 1, with_for_update=True, populate_existing=True)
    if found is None:
        log.error("the end of the audit log's chain was gone; a new chain begins. Run `cli audit verify`.")
        last = (await tx.exec(select(func.max(col(AuditLog.id))))).one() or 0
        found = AuditChain(id=1, first_id=last + 1, last_id=last)
        tx.add(found)
    return found


async def erase_person(tx: Tx, user_id: int) -> None:
    """Take what is personal out of all rows of a user whose account goes. The rows stay, and the chain holds.

    Of what others did to them nothing goes, or who deletes accounts would hide his deeds: there they are a number.
    """
    log = AuditLog
    unnamed = col(log.user_id).is_(None) & (col(log.target_type) == "user") & (col(log.target_id) == str(user_id))
    rows = update(log).where(or_(col(log.user_id) == user_id, unnamed))
    await tx.exec(rows.values(**_ERASED, erased_at=now()))


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
    return chain.link(lasting_key_for(_KEY), before, facts)


def seal_of(end: AuditChain) -> str:
    """What seals the ends of the chain."""
    ends = {"first": [end.first_id, end.before_first], "last": [end.last_id, end.last_hash]}
    return chain.digest(lasting_key_for(_KEY), ends)


def private_holds(row: AuditLog) -> bool:
    """Whether the personal part is what it was when the row was written, or was erased as a whole."""
    if row.erased_at is not None:
        return private_facts(row) == _ERASED
    return row.private_digest == chain.digest(lasting_key_for(_KEY), private_facts(row))


def private_facts(row: AuditLog) -> dict[str, Any]:
    """What an account's deletion erases."""
    return {name: getattr(row, name) for name in _ERASED}
