"""What a container used, over time: kept by the node's task, in ever coarser points, and shown to who may see it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy
from sqlalchemy import exists, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, delete, func, select

from backend.db import Tx
from backend.errors import Invalid
from backend.models import Container, UsagePoint
from backend.models.base import now
from backend.operation import operation
from backend.rules.downsampling import FIGURES, LEVELS, Level, Point, Values, downsampled, level_for, step_for
from backend.rules.policy import Action, Actor
from backend.services.targets import visible

MOST_POINTS = 2000
_PRUNED_AT_ONCE = 10
_KEPT_LONGER_S = 600
"""Points are pruned so much later than they are shown: what was down for a while can still roll them up."""
_containers, _points = (cast(Any, each).__table__ for each in (Container, UsagePoint))
_shown = [_points.c[name] for name in ("at_s", "measured_s", *FIGURES)]


@dataclass(frozen=True, slots=True)
class MetricsView:
    """Points of `step_s` seconds each. There is none where nothing was measured: the machine was off."""

    since: datetime
    until: datetime
    step_s: int
    points: tuple[Point, ...]


@operation(Action.CONTAINER_METRICS)
async def metrics(
    tx: Tx,
    actor: Actor,
    container_id: int,
    *,
    since: datetime | None = None,
    points: int = 400,
) -> MetricsView:
    """What a container used since then; else within the last hour. As fine as is kept, and at most so many points.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Invalid: that is not past, or that number of points can't be.
    """
    await visible(Action.CONTAINER_METRICS, tx, actor, container_id)
    until = now()
    since = since or until - timedelta(hours=1)
    if since >= until:
        raise Invalid("The beginning must be before now.", field="since")
    if not 1 <= points <= MOST_POINTS:
        raise Invalid(f"Ask for 1 to {MOST_POINTS} points.", field="points")
    since = max(since, until - timedelta(seconds=LEVELS[-1].kept_s))
    level = level_for(since.timestamp(), until.timestamp())
    step_s = step_for((until - since).total_seconds(), level.grain_s, points)
    found = await _between(tx, container_id, level, int(since.timestamp()), int(until.timestamp()))
    return MetricsView(since, until, step_s, tuple(downsampled(found, step_s)))


async def keep(tx: Tx, points: Mapping[int, Iterable[Point]]) -> None:
    """Write down the finest points of containers, by id; those of containers that are gone are left out."""
    rows = select(Container.id).where(col(Container.id).in_(points.keys()))
    there = (await tx.exec(rows.with_for_update(read=True, key_share=True))).all()
    await _insert(tx, LEVELS[0], ((each, point) for each in there for point in points[each]))


async def roll_up(tx: Tx, node_id: int, fine: Level, coarse: Level, at_s: float) -> None:
    """Make the coarse points of all that ended before `at_s` and have none yet, for every container of the node."""
    until_s = int(at_s) // coarse.grain_s * coarse.grain_s
    is_coarse = (_points.c.container_id == _containers.c.id) & (_points.c.grain_s == coarse.grain_s)
    newest = sqlalchemy.select(func.max(_points.c.at_s)).where(is_coarse).scalar_subquery()  # one look into the key
    mine = sqlalchemy.select(_containers.c.id, newest.label("at_s")).where(_containers.c.node_id == node_id).subquery()
    from_s = func.coalesce(mine.c.at_s + coarse.grain_s, int(at_s) - fine.kept_s - _KEPT_LONGER_S)
    is_due = (_points.c.grain_s == fine.grain_s) & (_points.c.at_s >= from_s) & (_points.c.at_s < until_s)
    both = mine.join(_points, (_points.c.container_id == mine.c.id) & is_due)
    query = sqlalchemy.select(_points.c.container_id, *_shown).select_from(both)
    found: dict[int, list[Point]] = defaultdict(list)
    for container_id, *row in await _rows(tx, query):
        found[container_id].append(_point(row))
    rolled = ((each, point) for each, points in found.items() for point in downsampled(points, coarse.grain_s))
    await _insert(tx, coarse, rolled)


async def prune(tx: Tx) -> int:
    """Remove points that are older than they are kept, of a few containers at a time; returns how many."""
    at_s = int(now().timestamp()) - _KEPT_LONGER_S
    is_old = or_(*((_points.c.grain_s == each.grain_s) & (_points.c.at_s < at_s - each.kept_s) for each in LEVELS))
    has_old = exists().where(_points.c.container_id == Container.id, is_old)
    some = (await tx.exec(select(Container.id).where(has_old).limit(_PRUNED_AT_ONCE))).all()
    if not some:
        return 0
    return (await tx.exec(delete(UsagePoint).where(_points.c.container_id.in_(some), is_old))).rowcount


async def _between(tx: Tx, container_id: int, level: Level, since_s: int, until_s: int) -> list[Point]:
    """Of this level, and what came after its last point of the finer ones: each moment counts once."""
    found: list[Point] = []
    for each in reversed(LEVELS[: LEVELS.index(level) + 1]):
        query = sqlalchemy.select(*_shown).where(
            _points.c.container_id == container_id,
            _points.c.grain_s == each.grain_s,
            _points.c.at_s >= since_s - since_s % each.grain_s,
            _points.c.at_s < until_s,
        )
        points = [_point(row) for row in await _rows(tx, query.order_by(_points.c.at_s))]
        since_s = points[-1].at_s + each.grain_s if points else since_s
        found += points
    return found


async def _rows(tx: Tx, query: Any) -> Sequence[Any]:
    return (await (await tx.connection()).execute(query)).all()


def _point(row: Any) -> Point:
    at_s, measured_s, *values = row
    return Point(int(at_s), float(measured_s), cast(Values, tuple(values)))


async def _insert(tx: Tx, level: Level, points: Iterable[tuple[int, Point]]) -> None:
    rows = [
        {"container_id": container_id, "grain_s": level.grain_s, "at_s": each.at_s, "measured_s": each.measured_s}
        | dict(zip(FIGURES, each.values, strict=True))
        for container_id, each in points
    ]
    if rows:
        dialect = postgresql if tx.get_bind().dialect.name == "postgresql" else sqlite
        await (await tx.connection()).execute(dialect.insert(_points).on_conflict_do_nothing(), rows)
