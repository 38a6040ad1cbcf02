"""Figures over time: how samples become points of ten seconds, and those become coarser ones. Pure.

A point is the mean of what was measured within its stretch of time, with how many seconds that was: so points can be
put together again and again, no second counts twice, and a machine that was off for a while lowers no mean.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

FIGURES = (
    "cpu_percent",
    "mem_used_mb",
    "mem_total_mb",
    "disk_read_bytes_per_s",
    "disk_write_bytes_per_s",
    "disk_used_bytes",
    "net_rx_bytes_per_s",
    "net_tx_bytes_per_s",
)
"""What is measured of a container, in this order everywhere. CPU is a share of all its vCPUs, memory is in MiB."""

Values = tuple[float | None, ...]
"""One for each of FIGURES; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Point:
    """The means of a stretch of time that began `at_s` (Unix time), of which `measured_s` seconds were measured."""

    at_s: int
    measured_s: float
    values: Values


@dataclass(frozen=True, slots=True)
class Level:
    """Points of `grain_s` seconds are kept for `kept_s` seconds."""

    grain_s: int
    kept_s: int


LEVELS = (Level(10, 3600), Level(60, 24 * 3600), Level(600, 7 * 24 * 3600))
"""From fine to coarse; each grain is a multiple of the one before."""

_SLACK_S = 120
"""Who asks for the last hour asks a moment after it began."""


def spread(start_s: float, end_s: float, values: Values, grain_s: int) -> list[Point]:
    """What was measured from `start_s` to `end_s`, cut at the bounds of the grain."""
    points: list[Point] = []
    while start_s < end_s:
        at_s = int(start_s // grain_s) * grain_s
        until_s = min(end_s, at_s + grain_s)
        points.append(Point(at_s, until_s - start_s, values))
        start_s = until_s
    return points


def downsampled(points: Iterable[Point], grain_s: int) -> list[Point]:
    """The same in stretches of `grain_s` seconds, oldest first. Where nothing was measured there is no point."""
    within: dict[int, list[Point]] = defaultdict(list)
    for each in points:
        within[each.at_s // grain_s * grain_s].append(each)
    return [_merged(at_s, within[at_s]) for at_s in sorted(within)]


def level_for(since_s: float, now_s: float) -> Level:
    """The finest level that reaches back so far; else the coarsest."""
    return next((each for each in LEVELS if each.kept_s + _SLACK_S >= now_s - since_s), LEVELS[-1])


def step_for(span_s: float, grain_s: int, most: int) -> int:
    """How many seconds a point stands for where at most so many are wanted: a multiple of the grain."""
    return grain_s * max(1, math.ceil(span_s / most / grain_s))


def just_closed(before_s: float | None, now_s: float) -> list[tuple[Level, Level]]:
    """The levels of which a stretch ended since `before_s`, each after the finer one it is made from."""
    return [(f, c) for f, c in pairwise(LEVELS) if before_s is None or before_s // c.grain_s != now_s // c.grain_s]


def _merged(at_s: int, points: Sequence[Point]) -> Point:
    if len(points) == 1:
        return Point(at_s, points[0].measured_s, points[0].values)
    columns = zip(*(each.values for each in points), strict=True)
    weights = [each.measured_s for each in points]
    return Point(at_s, sum(weights), tuple(_mean(column, weights) for column in columns))


def _mean(column: Sequence[float | None], weights: Sequence[float]) -> float | None:
    known = [(value, weight) for value, weight in zip(column, weights, strict=True) if value is not None]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total > 0 else None
