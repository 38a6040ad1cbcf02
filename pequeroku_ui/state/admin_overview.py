"""The overview of the administration; it follows the bus while it is open."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend.services.admin import overview
from backend.services.admin.overview import NodeLoad, Overview, Trouble
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state.base import AppState
from pequeroku_ui.state.watching import ADMIN_OVERVIEW

_STATES = ("running", "provisioning", "created", "stopped", "error", "unknown")
_ALWAYS = ("running", "stopped", "error")


@dataclass(frozen=True)
class Figure:
    """A number with its word."""

    value: str
    label: str
    href: str


@dataclass(frozen=True)
class NodeLine:
    """A node's load in words, beside its bars."""

    name: str
    href: str
    cpu: str
    memory: str


class AdminOverviewState(AppState):
    """What goes on."""

    figures: list[Figure] = []
    cpu: list[dict[str, Any]] = []
    memory: list[dict[str, Any]] = []
    hours: list[dict[str, Any]] = []
    states: list[dict[str, Any]] = []
    lines: list[NodeLine] = []
    troubles: list[Trouble] = []
    hours_words: str = ""

    @rx.event
    @access(Access.ADMIN)
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        with self._loading():
            await self._enter(ADMIN_OVERVIEW)
            async with self._look() as (tx, actor):
                self._show(await overview.overview(tx, actor))

    def _show(self, seen: Overview) -> None:
        self.troubles, self.figures = list(seen.troubles), _figures(seen)
        self.states = [{"name": each, "containers": seen.states.get(each, 0)} for each in _STATES]
        nodes = seen.nodes
        self.cpu = [_bars(each.name, each.capacity_vcpus, each.used_vcpus, each.live_vcpus) for each in nodes]
        self.memory = [_bars(each.name, each.capacity_mem_mb, each.used_mem_mb, each.live_mem_mb) for each in nodes]
        self.lines = [_line(each) for each in nodes]
        self.hours = [{"hour": f"{each.at:%H}", "created": each.created, "failed": each.failed} for each in seen.hours]
        created, failed = sum(each.created for each in seen.hours), sum(each.failed for each in seen.hours)
        self.hours_words = f"{created:,} made and {failed:,} failed in the last 24 hours (UTC)."


def _figures(seen: Overview) -> list[Figure]:
    shown = [each for each in _STATES if each in _ALWAYS or seen.states.get(each)]
    states = [Figure(f"{seen.states.get(each, 0):,}", each, _of_state(each)) for each in shown]
    return [*states, Figure(f"{seen.users:,}", "active users", "/admin/auth/user/?active=yes")]


def _of_state(state: str) -> str:
    return "" if state == "unknown" else f"/admin/vm_manager/container/?status={state}"


def _bars(name: str, capacity: float, promised: float, used_now: float) -> dict[str, Any]:
    return {"name": name, "capacity": capacity, "promised": promised, "used now": used_now}


def _line(node: NodeLoad) -> NodeLine:
    return NodeLine(
        node.name,
        f"/admin/vm_manager/node/{node.node_id}/",
        f"{node.used_vcpus:,} of {node.capacity_vcpus:,} vCPUs promised, {node.live_vcpus:.1f} busy",
        f"{node.used_mem_mb:,} of {node.capacity_mem_mb:,} MiB promised, {node.live_mem_mb:,} in use",
    )
