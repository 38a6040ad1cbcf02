"""What was done, and by whom."""

from datetime import datetime
from typing import Any

from backend.api.schemas.containers import Shown


class AuditOut(Shown):
    """One row. `ip` and `user_agent` are empty where they are somebody else's affair."""

    id: int
    at: datetime
    user_id: int | None
    actor_name: str
    action: str
    target_type: str
    target_id: str
    message: str
    details: dict[str, Any]
    ip: str
    user_agent: str
    via: str
    success: bool
    erased: bool
