"""Commands of the assistant and the API that failed, so that one that fails again and again can be told of.

Kept only of who agreed to that (docs/signals.md), for a day, and without the command's words.
"""

import hmac
from datetime import timedelta
from hashlib import sha256

from sqlmodel import col, delete, select

from backend.db import Tx
from backend.models import CommandFailure
from backend.models.base import now
from backend.rules.consents import Scope
from backend.sealing import key_for
from backend.services.agreed import agreed_to

KEPT = timedelta(hours=24)
_PURPOSE = "commands that failed"
_PRUNED_AT_ONCE = 2000


async def note_failure(tx: Tx, user_id: int | None, container_id: int, command: str) -> None:
    """Count one, if its user lets that be counted."""
    if user_id is None or Scope.PLATFORM not in await agreed_to(tx, user_id):
        return
    digest = hmac.new(key_for(_PURPOSE), command.strip().encode(errors="replace"), sha256).hexdigest()
    tx.add(CommandFailure(user_id=user_id, container_id=container_id, digest=digest))


async def prune(tx: Tx) -> int:
    """Remove a batch of those that are older than a day; returns how many."""
    old = select(CommandFailure.id).where(col(CommandFailure.at) < now() - KEPT).limit(_PRUNED_AT_ONCE)
    return (await tx.exec(delete(CommandFailure).where(col(CommandFailure.id).in_(old)))).rowcount
