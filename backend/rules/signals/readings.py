"""What a derivation gives: named numbers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Reading:
    """One number of rules/features.py. `until`: when it stops being so, where that is sooner than its kind's time."""

    name: str
    value: float
    detail: dict[str, Any] = field(default_factory=dict[str, Any])
    event_at: datetime | None = None
    until: datetime | None = None
