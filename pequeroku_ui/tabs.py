"""One open tab: changing what it shows, and sending it somewhere."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypeVar

import reflex as rx
from reflex.event import Event, EventSpec
from reflex.state import StateUpdate

from pequeroku_ui.state.base import AppState
from pequeroku_ui.state.watching import Watch, watches

Shown = TypeVar("Shown", bound=AppState)


@asynccontextmanager
async def opened(app: rx.App, token: str, watch: Watch, kind: type[Shown]) -> AsyncGenerator[Shown | None]:
    """A tab's state, to be changed; None where another session holds the tab by now, or it shows something else: it
    may have gone to another page while we waited for our turn.
    """
    async with app.modify_state(rx.BaseStateToken(ident=token, cls=kind)) as root:
        state = await root.get_state(kind)
        now = watches().get(token)
        is_same = now is not None and now.topic == watch.topic and state._session_id == watch.actor.session_id
        yield state if is_same else None


async def send(app: rx.App, token: str, *events: EventSpec) -> None:
    """Have a tab do something: say a thing, go somewhere."""
    if app.event_namespace is not None:
        await app.event_namespace.emit_update(StateUpdate(events=Event.from_event_type(list(events))), token)
