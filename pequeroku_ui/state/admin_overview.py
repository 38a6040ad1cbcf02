"""The overview of the administration, and what the reconciler does: both follow the bus while they are open."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from backend.services import nodes, reconciling
from backend.services.admin import overview
from backend.services.admin.overview import Overview, Trouble
from backend.services.node_views import ReconcileView
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.watching import ADMIN_OVERVIEW, ADMIN_RECONCILER

_TONES = {"running": "good", "stopped": "off", "error": "bad", "unknown": "warn"}
_STATES = ("running", "provisioning", "created", "stopped", "error", "unknown")
_PAGE = 50


@dataclass(frozen=True)
class Figure:
    """A number with its word."""

    value: str
    label: str
    tone: str
    href: str


@dataclass(frozen=True)
class NodeLine:
    """A node's load in words, beside its bars."""

    name: str
    href: str
    tone: str
    cpu: str
    memory: str


@dataclass(frozen=True)
class ReconcileRow:
    """A container as the reconciler has it."""

    key: str
    name: str
    href: str
    owner: str
    node: str
    node_key: str
    desired: str
    observed: str
    tone: str
    last_step: str
    last_step_at: str
    reason: str
    next_look_at: str
    is_settled: bool


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
        """The page was opened."""
        with self._loading():
            await self._enter(ADMIN_OVERVIEW)
            async with self._look() as (tx, actor):
                self._show(await overview.overview(tx, actor))

    def _show(self, seen: Overview) -> None:
        self.figures = [
            Figure(f"{seen.states.get(each, 0):,}", each, _TONES.get(each, "busy"), _of_state(each))
            for each in _STATES
            if each in ("running", "stopped", "error") or seen.states.get(each)
        ]
        self.figures += [Figure(f"{seen.users:,}", "active users", "", "/admin/auth/user/?active=yes")]
        self.states = [{"name": each, "containers": seen.states.get(each, 0)} for each in _STATES]
        self.cpu = [
            {
                "name": each.name,
                "capacity": each.capacity_vcpus,
                "promised": each.used_vcpus,
                "used now": each.live_vcpus,
            }
            for each in seen.nodes
        ]
        self.memory = [
            {
                "name": each.name,
                "capacity": each.capacity_mem_mb,
                "promised": each.used_mem_mb,
                "used now": each.live_mem_mb,
            }
            for each in seen.nodes
        ]
        self.lines = [
            NodeLine(
                each.name,
                f"/admin/vm_manager/node/{each.node_id}/",
                "good" if each.healthy else "bad",
                f"{each.used_vcpus:,} of {each.capacity_vcpus:,} vCPUs promised, {each.live_vcpus:.1f} busy",
                f"{each.used_mem_mb:,} of {each.capacity_mem_mb:,} MiB promised, {each.live_mem_mb:,} in use",
            )
            for each in seen.nodes
        ]
        self.hours = [{"hour": f"{each.at:%H}", "created": each.created, "failed": each.failed} for each in seen.hours]
        created, failed = (sum(getattr(each, what) for each in seen.hours) for what in ("created", "failed"))
        self.hours_words = f"{created:,} made and {failed:,} failed in the last 24 hours (UTC)."
        self.troubles = list(seen.troubles)


class AdminReconcilerState(AppState):
    """Each container: wished, seen, done last, and when it is looked at again."""

    rows: list[ReconcileRow] = []
    counted: str = ""
    search: str = ""
    only_unsettled: bool = False
    page_number: int = 1
    has_more: bool = False

    @rx.event
    @access(Access.ADMIN)
    async def load(self) -> None:
        """The page was opened, or another view of it."""
        query = self.router.url.query_parameters
        self.search, self.only_unsettled = query.get("q", "")[:200], query.get("unsettled", "") == "yes"
        self.page_number = min(max(1, as_id(query.get("page", "1"))), 10_000)
        with self._loading():
            await self._enter(ADMIN_RECONCILER)
            async with self._look() as (tx, actor):
                self._show(*await reconciling.list_reconciling(tx, actor, **self._asked()))

    @rx.event
    @access(Access.ADMIN)
    async def find(self, form: dict[str, Any]) -> rx.event.EventSpec:
        """Search, or show only what is not as wished."""
        return rx.redirect(_reconciler(str(form.get("q", ""))[:200], bool(form.get("unsettled")), 1))

    @rx.event
    @access(Access.ADMIN)
    async def turn(self, by: int) -> rx.event.EventSpec:
        """Another page."""
        page = max(1, self.page_number + (1 if by == 1 else -1))
        return rx.redirect(_reconciler(self.search, self.only_unsettled, page))

    @rx.event
    @access(Access.ADMIN)
    async def look_now(self, node_key: str) -> rx.event.EventSpec:
        """Have the reconciler of a container's node look at once."""
        async with self._act() as (tx, actor):
            await nodes.wake_node(tx, actor, as_id(node_key))
        return rx.toast.success("The reconciler is looking.")

    def _asked(self) -> dict[str, Any]:
        skipped = (self.page_number - 1) * _PAGE
        return {"search": self.search, "unsettled": self.only_unsettled, "limit": _PAGE, "offset": skipped}

    def _show(self, views: list[ReconcileView], count: int) -> None:
        rows = [_row(each) for each in views]
        if rows != self.rows:
            self.rows = rows
        self.counted = f"{count:,} container" + ("" if count == 1 else "s")
        self.has_more = self.page_number * _PAGE < count


def _reconciler(search: str, is_unsettled: bool, page: int) -> str:
    query = {"q": search, "unsettled": "yes" if is_unsettled else "", "page": page if page > 1 else ""}
    kept = urlencode({name: value for name, value in query.items() if value}, errors="replace")
    return "/admin/reconciler" + (f"?{kept}" if kept else "")


def _of_state(state: str) -> str:
    return "" if state == "unknown" else f"/admin/vm_manager/container/?status={state}"


def _row(view: ReconcileView) -> ReconcileRow:
    return ReconcileRow(
        key=str(view.container_id),
        name=view.name,
        href=f"/admin/vm_manager/container/{view.container_id}/",
        owner=view.owner,
        node=view.node_name,
        node_key=str(view.node_id),
        desired=view.desired,
        observed=view.observed,
        tone=_TONES.get(view.observed, "busy"),
        last_step=view.last_step or "–",
        last_step_at=view.last_step_at.isoformat() if view.last_step_at else "",
        reason=view.reason,
        next_look_at=view.next_look_at.isoformat() if view.next_look_at else "",
        is_settled=view.is_settled,
    )
