"""Whether what an action changed is still so."""

from datetime import datetime

from backend.db import Tx
from backend.models import Container, DesiredState, TipAction

LASTING = frozenset({"container.stop", "container.keep"})
"""The verbs that change something; the others only lead somewhere."""


async def holds(tx: Tx, action: TipAction) -> bool:
    """Whether the effect of an action that was used lasts until now."""
    container = await tx.get(Container, as_id(action.target), populate_existing=True)
    if container is None or container.delete_requested_at is not None:
        return False
    if action.verb == "container.stop":
        return container.desired_state is DesiredState.STOPPED
    kept_until = datetime.fromisoformat(str(action.outcome["expires_at"]))
    return container.expires_at is None or container.expires_at >= kept_until


def as_id(target: str) -> int:
    """The id that a target names; 0, which nothing has, where it is none."""
    return int(target) if target.isascii() and target.isdecimal() and len(target) < 10 else 0
