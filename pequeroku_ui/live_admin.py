"""Open pages of the administration that follow what happens to machines."""

import reflex as rx

from backend.db import reading
from backend.services import reconciling
from backend.services.admin import overview
from pequeroku_ui.state.admin_overview import AdminOverviewState
from pequeroku_ui.state.admin_reconciler import AdminReconcilerState
from pequeroku_ui.state.watching import ADMIN_OVERVIEW, ADMIN_RECONCILER, Watch

TOPICS = (ADMIN_OVERVIEW, ADMIN_RECONCILER)


async def refresh(app: rx.App, token: str, watch: Watch) -> None:
    """Show a tab what is the case now, if its user still administers."""
    async with reading() as tx:
        if not await overview.is_still_admin(tx, watch.actor.user_id):
            return
        if watch.topic == ADMIN_OVERVIEW:
            seen = await overview.overview(tx, watch.actor)
            async with app.modify_state(rx.BaseStateToken(ident=token, cls=AdminOverviewState)) as root:
                state = await root.get_state(AdminOverviewState)
                if state._session_id == watch.actor.session_id:
                    state._show(seen)
            return
    async with app.modify_state(rx.BaseStateToken(ident=token, cls=AdminReconcilerState)) as root:
        state = await root.get_state(AdminReconcilerState)
        if state._session_id == watch.actor.session_id:
            async with reading() as tx:
                state._show(*await reconciling.list_reconciling(tx, watch.actor, **state._asked()))
