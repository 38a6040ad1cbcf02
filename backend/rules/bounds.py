"""What numbers a form may hold: each field's bounds, and the sentence for what is outside of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.errors import Invalid


@dataclass(frozen=True, slots=True)
class Bounds:
    """A field's name for people, its unit, and its inclusive bounds. `also`: a value that stands for “none”."""

    label: str
    low: int
    high: int
    unit: str = ""
    also: int | None = None

    def check(self, value: int, field: str) -> int:
        """The value.

        Raises:
            Invalid: it is out of bounds, with what would not be.
        """
        if value != self.also and not self.low <= value <= self.high:
            none = f" (or {self.also} for none)" if self.also is not None else ""
            raise Invalid(f"{self.label} must be from {self.low:,} to {self.high:,}{self._unit}{none}.", field=field)
        return value

    @property
    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


TYPE: Mapping[str, Bounds] = {
    "memory_mb": Bounds("Memory", 128, 1_048_576, "MiB"),
    "vcpus": Bounds("vCPUs", 1, 256),
    "disk_gib": Bounds("Disk", 4, 65_536, "GiB"),
    "credits_cost": Bounds("The cost", 0, 100_000, "credits"),
    "idle_stop_min": Bounds("Minutes of idleness", 5, 43_200, also=0),
    "lifetime_h": Bounds("Hours of life", 1, 87_600, also=0),
    "pool_target": Bounds("The number kept warm", 0, 100),
}
QUOTA: Mapping[str, Bounds] = {
    "credits": Bounds("Credits", 0, 100_000),
    "ai_use_per_day": Bounds("AI requests a day", 0, 100_000),
    "max_containers": Bounds("The number of containers", 0, 10_000),
}


def check_all(bounds: Mapping[str, Bounds], fields: Mapping[str, Any]) -> None:
    """Check each field that has bounds.

    Raises:
        Invalid: the first that is out of them.
    """
    for name, value in fields.items():
        if name in bounds:
            bounds[name].check(value, name)
