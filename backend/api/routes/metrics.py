"""What a container used, for programs."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from backend.api.deps import Caller
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.db import reading
from backend.models.base import now
from backend.rules.downsampling import FIGURES
from backend.rules.policy import Action
from backend.services import metrics as service
from backend.services.metrics import MOST_POINTS

router = routes("/api/containers/{container_id}/metrics", "containers")


class Range(StrEnum):
    """How far back."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"


_BACK = {Range.HOUR: timedelta(hours=1), Range.DAY: timedelta(hours=24), Range.WEEK: timedelta(days=7)}


class PointOut(BaseModel):
    """The means of a stretch of time; null: not known."""

    at: int = Field(description="When the stretch began, Unix time")
    measured_s: float = Field(description="How many of its seconds were measured")
    cpu_percent: float | None = Field(description="Share of all vCPUs, 0 to 100")
    mem_used_mb: float | None = Field(description="In MiB")
    mem_total_mb: float | None = Field(description="In MiB")
    disk_read_bytes_per_s: float | None
    disk_write_bytes_per_s: float | None
    disk_used_bytes: float | None = Field(description="What its disk takes on the node")
    net_rx_bytes_per_s: float | None = Field(description="Received")
    net_tx_bytes_per_s: float | None = Field(description="Sent")


class MetricsOut(BaseModel):
    """Points of `step_s` seconds each, oldest first. Where nothing was measured (it was off) there is none."""

    since: datetime
    until: datetime
    step_s: int
    points: list[PointOut]


@router.get("/", **does(Action.CONTAINER_METRICS))
async def get_metrics(
    actor: Caller,
    container_id: int,
    asked: Annotated[Range, Query(alias="range", description="How far back")] = Range.HOUR,
    points: Annotated[int, Query(ge=1, le=MOST_POINTS, description="How many points at most")] = 400,
) -> MetricsOut:
    """CPU, memory, disk and network of a container over the last hour, day or week."""
    async with reading() as tx:
        seen = await service.metrics(tx, actor, container_id, since=now() - _BACK[asked], points=points)
    shown = [
        PointOut(at=each.at_s, measured_s=round(each.measured_s, 3), **dict(zip(FIGURES, each.values, strict=True)))
        for each in seen.points
    ]
    return MetricsOut(since=seen.since, until=seen.until, step_s=seen.step_s, points=shown)
