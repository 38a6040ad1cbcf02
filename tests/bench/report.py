"""Figures: how they are summed up, judged against their bars, and printed."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing. `bar` is what we promised; `better` says on which side of it we want to be."""

    name: str
    value: float
    unit: str
    runs: int
    bar: float | None = None
    better: str = "lower"
    detail: dict[str, float] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        if self.bar is None:
            return None
        return self.value <= self.bar if self.better == "lower" else self.value >= self.bar


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the others do not exceed; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def spread(values: Sequence[float]) -> dict[str, float]:
    """What else is worth knowing of a series."""
    return {
        "min": round(min(values), 3),
        "p50": round(statistics.median(values), 3),
        "p95": round(percentile(values, 0.95), 3),
        "max": round(max(values), 3),
    }


def machine() -> dict[str, str | int]:
    """What it was measured on."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return {
        "cpu": model,
        "cores": os.cpu_count() or 0,
        "memory_gib": memory_gib,
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "python": platform.python_version(),
    }


def as_table(figures: Sequence[Figure]) -> str:
    """For people."""
    rows = [("figure", "value", "bar", "", "runs", "spread")]
    for each in figures:
        sign = {"lower": "≤", "higher": "≥"}[each.better]
        bar = f"{sign} {each.bar:g} {each.unit}" if each.bar is not None else ""
        verdict = {True: "met", False: "MISSED", None: ""}[each.met]
        detail = " ".join(f"{key} {value:g}" for key, value in each.detail.items())
        rows.append((each.name, f"{each.value:.4g} {each.unit}", bar, verdict, str(each.runs), detail))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def as_json(figures: Sequence[Figure]) -> str:
    """For programs."""
    return json.dumps(
        {"machine": machine(), "figures": [{**asdict(each), "met": each.met} for each in figures]}, indent=2
    )
