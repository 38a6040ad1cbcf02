"""One container's own page."""

import reflex as rx

from backend.errors import NotFound
from backend.services import containers
from backend.services.views import ContainerView
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.rows import Row, StepRow, WeighedRow, row, steps, weighed
from pequeroku_ui.state.watching import topic_of

_NOTHING = Row(
    id=0, key="0", name="", type_name="", size="", disk="", cost="", node="", status="", label="", tone="off",
    reason="", since="", created_at="", has_usage=False, shows_terminal=False,
    can_start=False, can_retry=False, can_stop=False, can_restart=False, can_delete=False,
)  # fmt: skip


class ContainerState(AppState):
    """What the page shows of its container."""

    shown: Row = _NOTHING
    steps: list[StepRow] = []
    weighed: list[WeighedRow] = []
    is_missing: bool = False
    view: str = "workspace"
    """Which of the page's views is in front."""

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        container_id = as_id(self._of_address())
        if container_id != self.shown.id:
            self.shown, self.steps, self.weighed = _NOTHING, [], []
            self.view = "workspace"
        with self._loading():
            await self._enter(topic_of(container_id))
            self._show(await self._find(container_id))

    @rx.event
    async def choose_view(self, view: str) -> None:
        """Bring another view to the front."""
        self.view = str(view)

    def _of_address(self) -> str:
        """Its page, and its assistant's, are both about it."""
        return self.router.url.path.rstrip("/").removesuffix("/ai").rpartition("/")[2]

    async def _find(self, container_id: int) -> ContainerView | None:
        try:
            async with self._look() as (tx, actor):
                return await containers.get(tx, actor, container_id)
        except NotFound:
            return None

    def _show(self, view: ContainerView | None) -> None:
        self.is_missing = view is None
        self.shown = row(view) if view else _NOTHING
        self.steps = steps(view) if view else []
        self.weighed = weighed(view.placement) if view else []
