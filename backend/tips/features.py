"""What is known of a person, as named numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backend.db import Tx


@dataclass(frozen=True, slots=True)
class Feature:
    """One number, and what it is about."""

    name: str
    value: float
    detail: dict[str, Any] = field(default_factory=dict[str, Any])
    event_at: datetime | None = None
    computed_at: datetime | None = None
    expires_at: datetime | None = None

    def is_stale(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at


async def profile(tx: Tx, user_id: int, *, at: datetime) -> Mapping[str, Feature]:
    """All that is known, and still holds."""
    return {}
