"""Open pages that follow what happens: events on the bus become changed variables in every tab that shows the thing.

Nothing polls. A burst of events costs one reading per user, however many tabs are open; all tabs are told in parallel.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field

import reflex as rx

from backend.db import reading
from backend.errors import NotFound, Unavailable
from backend.events.bus import (
    AccessChanged,
    ConsoleWritten,
    ContainerChanged,
    Event,
    FeaturesChanged,
    InboxChanged,
    KeyUsed,
    NodeChanged,
    SessionEnded,
    StreamWritten,
    UsageSampled,
    bus,
)
from backend.rules.policy import Actor
from backend.services import access, containers, identity, quotas
from backend.services.views import ContainerView, CreditsView
from backend.settings import settings
from pequeroku_ui import guard, live_admin, live_inbox
from pequeroku_ui.state.base import AppState, keep_apart
from pequeroku_ui.state.connect import ConnectState
from pequeroku_ui.state.container import ContainerState
from pequeroku_ui.state.dashboard import DashboardState
from pequeroku_ui.state.logs import LogsState
from pequeroku_ui.state.metrics import MetricsState
from pequeroku_ui.state.privacy import PrivacyState
from pequeroku_ui.state.team import TeamState
from pequeroku_ui.state.teams import TeamsState
from pequeroku_ui.state.watching import (
    CONNECT,
    DASHBOARD,
    LOGS,
    METRICS,
    PRIVACY,
    TEAM,
    TEAMS,
    Watch,
    digest,
    follows,
    forget,
    topic_of,
    watches,
)
from pequeroku_ui.tabs import opened, send

log = logging.getLogger(__name__)

_BURST_S = 0.01
_AGAIN_S = 1.0
_CHECK_S = 30.0
"""How often we look for what no event tells: sessions that ran out, and what Redis may have lost on the way."""


@dataclass(slots=True)
class _News:
    """What happened since the tabs were last told."""

    everybody: bool = False
    usage: bool = False
    stream: bool = False
    user_ids: set[int] = field(default_factory=set)
    container_ids: set[int] = field(default_factory=set)
    written_ids: set[int] = field(default_factory=set)
    """Containers that wrote to their consoles."""
    topics: set[str] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    told: set[int] = field(default_factory=set)
    """Users whose inbox changed, or what became of their webhooks' messages."""
    known: set[int] = field(default_factory=set)
    """Users of whom something else is known for tips."""
    met: set[int] = field(default_factory=set)
    """Users of whose keys one was used for the first time."""

    def hear(self, event: Event) -> bool:
        """Take it in. False: no page shows it."""
        match event:
            case ContainerChanged(container_id=container_id, user_id=user_id):
                self.user_ids.add(user_id)
                self.container_ids.add(container_id)
                self.topics.add(topic_of(container_id))
            case AccessChanged(user_ids=user_ids):
                self.user_ids.update(user_ids)
            case NodeChanged():
                self.everybody = True
            case ConsoleWritten(container_id=container_id):
                self.written_ids.add(container_id)
            case UsageSampled():
                self.usage = True
            case StreamWritten():
                self.stream = True
            case InboxChanged(user_id=user_id):
                self.told.add(user_id)
            case KeyUsed(user_id=user_id):
                self.met.add(user_id)
            case FeaturesChanged(user_id=user_id):
                self.known.add(user_id)
            case SessionEnded(session_id=session_id):
                self.ended.add(session_id)
            case _:
                return False
        return True

    def touches(self, watch: Watch) -> bool:
        return self.everybody or watch.actor.user_id in self.user_ids or watch.topic in self.topics


async def follow(app: rx.App) -> None:
    """Tell open tabs of what happens, for as long as the process lives. One per process."""
    news, wake, checked_at = _News(), asyncio.Event(), time.monotonic()

    def hear(event: Event) -> None:
        if news.hear(event):
            wake.set()

    unsubscribe = bus().subscribe(hear)
    try:
        while True:
            if not await _woken(wake):
                news.everybody |= bool(settings().redis_url)
            if time.monotonic() - checked_at > _CHECK_S:
                news.ended |= await _run_out()
                checked_at = time.monotonic()
            await asyncio.sleep(_BURST_S)
            wake.clear()
            told, news = news, _News()
            if not await _tell(app, told):
                news.everybody = True
                asyncio.get_running_loop().call_later(_AGAIN_S, wake.set)
    finally:
        unsubscribe()


async def _run_out() -> set[int]:
    """Sessions of open tabs that ended without a word. A database that fails now is asked again: we must go on."""
    try:
        return await identity.ended({sid for each in watches().values() if (sid := each.actor.session_id) is not None})
    except Exception:
        log.exception("could not look for sessions that ran out")
        return set()


async def _woken(wake: asyncio.Event) -> bool:
    """Wait for news. False when there were none for long."""
    try:
        async with asyncio.timeout(_CHECK_S):
            return await wake.wait()
    except TimeoutError:
        return False


async def _tell(app: rx.App, news: _News) -> bool:
    """Bring the concerned tabs up to date. False when the database did not answer: then it has to be done again."""
    forget([token for token, watch in watches().items() if not _is_open(app, token, watch)])
    watching = dict(watches())
    if not await _all([_find_who_else_sees(news, watching.values())]):
        return False
    ended = {token for token, watch in watching.items() if watch.actor.session_id in news.ended}
    forget(ended)
    by_user: dict[int | None, dict[str, Watch]] = defaultdict(dict)
    for token, watch in watching.items():
        if token not in ended and news.touches(watch):
            by_user[watch.actor.user_id][token] = watch
    topics = live_admin.OF_MACHINES if news.container_ids or news.usage or news.everybody else ()
    if topics := (*topics, *(live_admin.OF_TIPS if news.stream or news.everybody else ())):
        admins = {token: each for token, each in watching.items() if each.topic in topics}
        await _all(live_admin.refresh(app, token, each) for token, each in admins.items() if token not in ended)
    await _all(_close(app, token) for token in ended)
    is_done = await _all(_refresh(app, tabs) for tabs in by_user.values())
    inboxes: dict[int, dict[str, Watch]] = defaultdict(dict)
    for token, watch in watches().items():
        if watch.actor.user_id in news.told:
            inboxes[watch.actor.user_id][token] = watch
    await _all(live_inbox.tell(app, tabs) for tabs in inboxes.values())
    about = news.known | news.met
    await _all(
        _show_anew(app, token, watch, news) for token, watch in watches().items() if watch.actor.user_id in about
    )
    if news.usage:
        await _all(_show_usage(app, token, watch) for token, watch in watches().items())
    if news.written_ids or news.container_ids or news.everybody:
        is_done &= await _all(_show_logs(app, token, watch, news) for token, watch in watches().items())
    return is_done


async def _find_who_else_sees(news: _News, watching: Iterable[Watch]) -> None:
    """An event knows a container's owner; with whom it is shared, the database does."""
    others = {watch.actor.user_id for watch in watching} - news.user_ids
    if news.container_ids and others and not news.everybody:
        async with reading() as tx:
            news.user_ids |= await access.seen_by(tx, news.container_ids)


def _is_open(app: rx.App, token: str, watch: Watch) -> bool:
    """Whether the tab is connected, and by a browser that holds the session it showed things to."""
    if app.event_namespace is None or app.sio is None:
        return False
    socket_id = app.event_namespace.token_to_sid.get(token)
    environ = app.sio.get_environ(socket_id, app.event_namespace.namespace) if socket_id else None
    return environ is not None and digest(guard.sid_of(environ.get("HTTP_COOKIE", ""))) == watch.cookie_digest


async def _refresh(app: rx.App, tabs: dict[str, Watch]) -> None:
    """Read once for one user, and tell all of the user's tabs."""
    actor = next(iter(tabs.values())).actor
    async with reading() as tx:
        views = await containers.list_visible(tx, actor)
        purse = await quotas.my_credits(tx, actor)
    await _all(_show(app, token, watch, views, purse) for token, watch in tabs.items())


async def _show(app: rx.App, token: str, watch: Watch, views: list[ContainerView], purse: CreditsView) -> None:
    async with opened(app, token, watch, _state_of(watch)) as state:
        if state is None:
            return
        state._show_credits(purse)
        if isinstance(state, DashboardState):
            state._show(views)
        elif isinstance(state, ContainerState) and watch.container_id is not None:
            state._show(await _one(watch.actor, watch.container_id, views))
        else:
            await state._renew(watch.actor)


async def _one(actor: Actor, container_id: int, views: list[ContainerView]) -> ContainerView | None:
    for view in views:
        if view.id == container_id:
            return view
    try:
        async with reading() as tx:
            return await containers.get(tx, actor, container_id)
    except NotFound:
        return None


async def _show_anew(app: rx.App, token: str, watch: Watch, news: _News) -> None:
    """Pages that are about nothing but what one event tells of."""
    pages = {PRIVACY: (PrivacyState, news.known), CONNECT: (ConnectState, news.met)}
    kind, user_ids = pages.get(watch.topic, (AppState, set[int]()))
    if watch.actor.user_id in user_ids:
        async with opened(app, token, watch, kind) as state:
            if state is not None:
                await state._renew(watch.actor)


async def _show_usage(app: rx.App, token: str, watch: Watch) -> None:
    if watch.topic == DASHBOARD:
        async with opened(app, token, watch, DashboardState) as state:
            if state is not None:
                state._show_usage()
    elif watch.container_id is not None and follows(token, METRICS):
        async with opened(app, token, watch, MetricsState) as state:
            if state is not None:
                await state._follow(watch.actor, watch.container_id)


async def _show_logs(app: rx.App, token: str, watch: Watch, news: _News) -> None:
    about = watch.container_id
    if about is None or not follows(token, LOGS):
        return
    if news.everybody or about in news.written_ids | news.container_ids:
        async with opened(app, token, watch, LogsState) as state:
            if state is not None:
                await state._follow(watch.actor, about)


async def _close(app: rx.App, token: str) -> None:
    """The tab's session has ended: empty it, and send it to the log-in page."""
    async with app.modify_state(rx.BaseStateToken(ident=token, cls=AppState)) as root:
        await keep_apart(root, None)
    await send(app, token, rx.redirect(guard.login_path(error="session-ended"), replace=True))


def _state_of(watch: Watch) -> type[AppState]:
    if watch.topic == DASHBOARD:
        return DashboardState
    if watch.topic == TEAMS:
        return TeamsState
    if watch.topic.startswith(TEAM):
        return TeamState
    return ContainerState if watch.container_id is not None else AppState


async def _all(errands: Iterable[Awaitable[None]]) -> bool:
    """Run them in parallel; one tab's trouble is logged and keeps nothing from the others. False: try again."""
    outcomes = await asyncio.gather(*errands, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            log.error("could not tell a tab", exc_info=outcome)
    return not any(isinstance(outcome, Unavailable) for outcome in outcomes)
