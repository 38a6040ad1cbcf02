"""The view of a container's page that shows its logs, and how it follows what happens."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import reflex as rx

from backend.db import transaction
from backend.models import Container
from backend.rules.policy import Role
from backend.services import history, logs, sharing
from backend.services.targets import announce_change
from pequeroku_ui import live
from pequeroku_ui.state.container import ContainerState
from pequeroku_ui.state.logs import LogRow, LogsState
from pequeroku_ui.state.watching import LOGS, follows
from tests.stores import eventually
from tests.unit.test_states import Pipeline, _container_of, _somebody, pipeline  # noqa: F401


class _App:
    """The app as live.py knows it: one tab is connected, by a browser with the cookie `sid`."""

    def __init__(self, tab: Pipeline, sid: str) -> None:
        self._states = tab.states
        self.event_namespace = SimpleNamespace(token_to_sid={"tab": "socket"}, namespace="/")
        self.sio = SimpleNamespace(get_environ=lambda _socket, _namespace: {"HTTP_COOKIE": f"sid={sid}"})

    @asynccontextmanager
    async def modify_state(self, token: rx.BaseStateToken) -> AsyncGenerator[Any]:
        async with self._states.modify_state(token) as root:
            yield root

    async def shown(self) -> tuple[str, list[LogRow]]:
        """The console's text, and the events."""
        async with self.modify_state(rx.BaseStateToken(ident="tab", cls=LogsState)) as root:
            state = await root.get_state(LogsState)
            return state.console, list(state.events)


@asynccontextmanager
async def _followed(tab: Pipeline, sid: str, container_id: int) -> AsyncGenerator[_App]:
    """A tab with the view in front, while the bus is heard."""
    app = _App(tab, sid)
    await tab.fire(ContainerState.load(), sid=sid, path=f"/containers/{container_id}")
    await tab.fire(LogsState.look(container_id), sid=sid)
    following = asyncio.create_task(live.follow(app))  # type: ignore[arg-type]
    try:
        yield app
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _writes(container_id: int, text: str) -> None:
    async with transaction() as tx:
        await logs.keep_console(tx, container_id, text)


async def _fails(container_id: int, *reasons: str) -> None:
    async with transaction() as tx:
        container = await tx.get_one(Container, container_id)
        for reason in reasons:
            await history.note_event(tx, container, "failed", reason)
        announce_change(tx, container)


async def _until(app: _App, console: str, *events: str) -> None:
    async def is_so() -> bool:
        text, rows = await app.shown()
        return (text, [each.text for each in rows]) == (console, list(events))

    await eventually(f"{console!r} and {events} to be shown", is_so)


async def test_an_open_view_follows_what_is_written_and_what_happens(
    database: str,
    pipeline: Pipeline,  # noqa: F811
) -> None:
    me, sid = await _somebody()
    mine, other = await _container_of(me), await _container_of(me)
    await _fails(mine, "once")
    async with _followed(pipeline, sid, mine) as app:
        await _writes(other, "not this one\n")
        await _writes(mine, "hello\n")
        await _until(app, "hello\n", "once")
        await _fails(mine, "twice", "thrice")
        await _until(app, "hello\n", "thrice", "twice", "once")
        await _fails(mine, *map(str, range(logs.PAGE)))
        await _until(app, "hello\n", *map(str, reversed(range(logs.PAGE))))
        await pipeline.fire(LogsState.older(), sid=sid)
        await _until(app, "hello\n", *map(str, reversed(range(logs.PAGE))), "thrice", "twice", "once")


async def test_a_view_that_was_left_follows_again_when_it_is_opened(database: str, pipeline: Pipeline) -> None:  # noqa: F811
    me, sid = await _somebody()
    mine = await _container_of(me)
    async with _followed(pipeline, sid, mine) as app:
        assert follows("tab", LOGS)
        await pipeline.fire(LogsState.close(), sid=sid)
        assert not follows("tab", LOGS)
        await _writes(mine, "hello\n")
        await pipeline.fire(LogsState.look(mine), sid=sid)
        await _writes(mine, "again\n")
        await _until(app, "hello\nagain\n")


async def test_who_may_only_look_is_told_of_events_and_of_no_console(
    database: str,
    pipeline: Pipeline,  # noqa: F811
) -> None:
    owner, _ = await _somebody()
    viewer, sid = await _somebody()
    shared = await _container_of(owner)
    async with transaction() as tx:
        await sharing.share(tx, owner, shared, role=Role.VIEWER, username=viewer.username)
    async with _followed(pipeline, sid, shared) as app:
        await _writes(shared, "not for everybody\n")
        await _fails(shared, "once")
        await _until(app, "", "once")
