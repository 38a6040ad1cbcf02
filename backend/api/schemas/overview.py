"""What administrators see first."""

from datetime import datetime

from pydantic import Field

from backend.api.schemas.containers import Shown


class NodeLoadOut(Shown):
    """What a node has, what is promised there, and what is used just now: vCPUs in cores, memory in MiB."""

    node_id: int
    name: str
    healthy: bool
    capacity_vcpus: int
    used_vcpus: int
    live_vcpus: float
    capacity_mem_mb: int
    used_mem_mb: int
    live_mem_mb: int


class HourOut(Shown):
    """How many containers were made, and failed, in the hour that began `at`."""

    at: datetime
    created: int
    failed: int


class TroubleOut(Shown):
    """Something for somebody to look at."""

    text: str
    link: str = Field(description="A page of ours")
    is_grave: bool


class OverviewOut(Shown):
    """What runs, what the nodes carry, what was made and what failed, and what needs somebody."""

    states: dict[str, int] = Field(description="How many containers are in each status")
    nodes: list[NodeLoadOut]
    hours: list[HourOut] = Field(description="The last day, the present hour last")
    troubles: list[TroubleOut]
    users: int
