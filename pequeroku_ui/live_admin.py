"""Open pages of the administration that follow what happens to machines, and to tips."""

import reflex as rx

from backend.db import reading
from backend.services import reconciling, stream
from backend.services.admin import overview
from pequeroku_ui.state.admin_overview import AdminOverviewState
from pequeroku_ui.state.admin_reconciler import AdminReconcilerState
from pequeroku_ui.state.admin_stream import AdminStreamState
from pequeroku_ui.state.watching import ADMIN_OVERVIEW, ADMIN_RECONCILER, ADMIN_STREAM, Watch
from pequeroku_ui.tabs import opened

OF_MACHINES = (ADMIN_OVERVIEW, ADMIN_RECONCILER)
OF_TIPS = (ADMIN_STREAM,)


async def refresh(app: rx.App, token: str, watch: Watch) -> None:
    """Show a tab what is the case now, if its user still administers."""
    async with reading() as tx:
        if not await overview.is_still_admin(tx, watch.actor.user_id):
            return
        seen = await overview.overview(tx, watch.actor) if watch.topic == ADMIN_OVERVIEW else None
    if watch.topic == ADMIN_STREAM:
        await _show_stream(app, token, watch)
        return
    if seen is None:
        await _show_reconciling(app, token, watch)
        return
    async with opened(app, token, watch, AdminOverviewState) as state:
        if state is not None:
            state._show(seen)


async def _show_reconciling(app: rx.App, token: str, watch: Watch) -> None:
    async with opened(app, token, watch, AdminReconcilerState) as state, reading() as tx:
        if state is not None:
            state._show(*await reconciling.list_reconciling(tx, watch.actor, **state._asked()))


async def _show_stream(app: rx.App, token: str, watch: Watch) -> None:
    async with opened(app, token, watch, AdminStreamState) as state, reading() as tx:
        if state is not None:
            found = await stream.list_events(tx, watch.actor, **state._asked())
            state._show(found, await stream.waiting_for_nats(tx))
