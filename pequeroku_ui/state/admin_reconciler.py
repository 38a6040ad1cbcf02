"""What the reconciler does, container by container; it follows the bus while it is open."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from backend.services import nodes, reconciling
from backend.services.node_views import ReconcileView
from pequeroku_ui.guard import Access, access
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.watching import ADMIN_RECONCILER
from pequeroku_ui.state.wording import count, moment, tone_of

_PAGE = 50


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

    def _show(self, views: list[ReconcileView], total: int) -> None:
        rows = [_row(each) for each in views]
        if rows != self.rows:
            self.rows = rows
        self.counted = count(total, "container")
        self.has_more = self.page_number * _PAGE < total


def _reconciler(search: str, is_unsettled: bool, page: int) -> str:
    query = {"q": search, "unsettled": "yes" if is_unsettled else "", "page": page if page > 1 else ""}
    kept = urlencode({name: value for name, value in query.items() if value}, errors="replace")
    return "/admin/reconciler" + (f"?{kept}" if kept else "")


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
        tone=tone_of(view.observed),
        last_step=view.last_step or "–",
        last_step_at=moment(view.last_step_at),
        reason=view.reason,
        next_look_at=moment(view.next_look_at),
        is_settled=view.is_settled,
    )
