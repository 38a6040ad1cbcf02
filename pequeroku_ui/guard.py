"""Nobody's click is taken on trust: every event passes here first, and is refused unless somebody may send it.

Any client can send any event name with any payload. So each of our handlers needs a signed-in user unless it is
marked otherwise, the session is looked up in the database every time, and of the framework's own handlers only
those a page needs are let through.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from enum import StrEnum
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeVar
from urllib.parse import quote

import reflex as rx
from reflex.event import Event, EventSpec
from reflex.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.registry import RegistrationContext

from backend.errors import PequerokuError, Unauthenticated
from backend.rules.policy import Actor
from backend.services import identity

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Access(StrEnum):
    """Who may send an event."""

    PUBLIC = "public"
    NEW_PASSWORD = "new-password"  # noqa: S105
    """Any signed-in user, also one who has to choose a new password first. Nobody else's handler is open to them."""
    USER = "user"
    ADMIN = "admin"


NEW_PASSWORD_PATH = "/account/new-password"  # noqa: S105
_OURS = "pequeroku_ui."
_ROOT = "reflex___state____state."
_FRAMEWORK = frozenset(
    _ROOT + name
    for name in (
        "hydrate",
        "hydrate_and_load",
        "set_is_hydrated",
        "reflex___state____update_vars_internal_state.update_vars_internal",
        "reflex___state____on_load_internal_state.on_load_internal",
        "reflex___state____on_load_internal_state.set_is_hydrated",
        "reflex___state____frontend_event_exception_state.handle_frontend_exception",
    )
)
"""What the browser needs for a page to come up. `setvar`, which every state inherits, is not among them."""
_OPENS = ".load"
"""Opens a page. To those who may not see it, it says nothing: the page looks as if it were not there."""
_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


def access(needed: Access) -> Callable[[Handler], Handler]:
    """Say who may call a handler; goes under `@rx.event`. Without it: any signed-in user."""

    def mark(handler: Handler) -> Handler:
        handler.__access__ = needed  # type: ignore[attr-defined]
        return handler

    return mark


def actor_or_none() -> Actor | None:
    """Who sent the event that is being handled."""
    return _actor.get()


def actor() -> Actor:
    """Who sent the event that is being handled.

    Raises:
        Unauthenticated: nobody is signed in.
    """
    found = _actor.get()
    if found is None:
        raise Unauthenticated
    return found


def stranger(state: BaseState) -> Actor:
    """Somebody who is not signed in, and where they are."""
    return Actor(None, ip=state.router.session.client_ip, user_agent=state.router.headers.user_agent)


class Guard(Middleware):
    """Looks up the session of every event, and drops what its sender may not do.

    `keep_apart(state, session_id)` is called first, to empty a tab's state that belongs to another session.
    """

    def __init__(self, keep_apart: Callable[[BaseState, int | None], Awaitable[None]]) -> None:
        self._keep_apart = keep_apart

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """Return None to let the event pass; an update replaces it."""
        _actor.set(None)
        try:
            who = await _who(state)
        except PequerokuError as fault:
            return _say(rx.toast.error(fault.message))
        _actor.set(who)
        await self._keep_apart(state, who.session_id if who else None)
        needed = _needed(event.name)
        if needed is Access.PUBLIC:
            return None
        if needed is Access.ADMIN and who is not None and not who.is_superuser and event.name.endswith(_OPENS):
            return StateUpdate()
        if needed is None or (who is not None and needed is Access.ADMIN and not who.is_superuser):
            return _say(rx.toast.error("You may not do that."))
        if who is None:
            return _say(rx.redirect(login_path(state.router.url.path), replace=True))
        if who.must_change_password and needed is not Access.NEW_PASSWORD:
            return _say(rx.redirect(NEW_PASSWORD_PATH, replace=True))
        return None


def login_path(onward: str = "/", error: str = "") -> str:
    """The log-in page's address, for coming back to `onward` afterwards."""
    query = [f"error={quote(error)}"] if error else []
    if onward not in ("", "/") and not onward.startswith("/login"):
        query.append(f"next={quote(onward)}")
    return "/login" + ("?" + "&".join(query) if query else "")


def sid_of(cookie_header: str) -> str:
    """The session cookie's value in a Cookie header; empty where there is none."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(cookie_header)
    except CookieError:
        return ""
    return jar["sid"].value if "sid" in jar else ""


def _needed(event_name: str) -> Access | None:
    """What an event asks of its sender; None where nobody may send it."""
    registered = RegistrationContext.get().event_handlers.get(event_name)
    if registered is None or not registered.states:
        return None
    handler = registered.handler.fn
    if handler.__module__.startswith(_OURS):
        return getattr(handler, "__access__", Access.USER)
    return Access.PUBLIC if event_name in _FRAMEWORK else None


async def _who(state: BaseState) -> Actor | None:
    """The headers are those of the socket's handshake, kept by the server: a client can't make them up per event."""
    headers, ip = state.router.headers, state.router.session.client_ip
    return await identity.actor_for(sid_of(headers.cookie), ip=ip, user_agent=headers.user_agent)


def _say(*events: EventSpec) -> StateUpdate:
    return StateUpdate(events=Event.from_event_type(list(events)))
