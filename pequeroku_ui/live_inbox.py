"""Open tabs and the inbox: the count in the bar, a toast for what is new, and the pages that list it."""

import reflex as rx

from backend.db import reading
from backend.services import inbox
from backend.services.inbox import NoticeView
from pequeroku_ui.state.base import AppState
from pequeroku_ui.state.inbox import InboxState
from pequeroku_ui.state.watching import INBOX, WEBHOOKS, Watch
from pequeroku_ui.state.webhooks import WebhooksState, log_of
from pequeroku_ui.tabs import opened, send

_MOST_TOASTS = 3


async def tell(app: rx.App, tabs: dict[str, Watch]) -> None:
    """Read one user's inbox once, and tell all of the user's tabs."""
    actor = next(iter(tabs.values())).actor
    async with reading() as tx:
        unread, latest = await inbox.unread_count(tx, actor), await inbox.list_inbox(tx, actor)
    for token, watch in tabs.items():
        await _show(app, token, watch, unread, latest)


async def _show(app: rx.App, token: str, watch: Watch, unread: int, latest: list[NoticeView]) -> None:
    kind = {INBOX: InboxState, WEBHOOKS: WebhooksState}.get(watch.topic, AppState)
    async with opened(app, token, watch, kind) as state:
        if state is None:
            return
        fresh = state._show_unread(unread, latest)
        if isinstance(state, InboxState):
            state._show(latest)
        elif isinstance(state, WebhooksState):
            state.log = await log_of(watch.actor, state.shown_id)
    if fresh:
        await send(app, token, *_toasts(fresh))


def _toasts(fresh: list[NoticeView]) -> list[rx.event.EventSpec]:
    if len(fresh) > _MOST_TOASTS:
        return [rx.toast.info(f"{len(fresh)} things happened. See your inbox.")]
    return [rx.toast.info(each.title, description=each.text) for each in fresh]
