"""The cross-tenant matrix at the doors: every event handler of the pages, every route and every socket, as everybody.

Handlers and routes are found where they are registered. A handler that names a container or a team needs a line in
`_HANDLERS`; every other one is tried by a stranger with the owner's ids, and must change and tell nothing of theirs.
"""

import inspect
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
import reflex as rx
from reflex_base.event import Event
from reflex_base.registry import RegistrationContext
from sqlmodel import SQLModel, col, delete, select

from backend.db import reading, transaction
from backend.models import AuditLog, Container, ContainerSchedule, ContainerShare, Notification, Team, TeamMembership
from backend.rules.policy import Action, Role, Verdict, judge
from pequeroku_ui.state.activity import ActivityState
from pequeroku_ui.state.applying import ApplyState
from pequeroku_ui.state.container import ContainerState
from pequeroku_ui.state.inviting import InvitingState
from pequeroku_ui.state.logs import LogsState
from pequeroku_ui.state.metrics import MetricsState
from pequeroku_ui.state.naming import NamingState
from pequeroku_ui.state.power import PowerState
from pequeroku_ui.state.settings import SettingsState
from pequeroku_ui.state.sharing import SharingState
from pequeroku_ui.state.team import TeamState
from tests.conftest import in_use
from tests.tenants import NAMES, Thing, World, a_fresh_team, a_fresh_thing, a_world_of_tenants, leave_some_behind
from tests.unit.test_states import Pipeline, pipeline  # noqa: F401 - a fixture

_tabs = count(1)


@dataclass(frozen=True)
class Try:
    """What a handler does, by the table, and the events of a browser that gets it to do so."""

    action: Action
    events: Callable[[World, Thing], list[rx.event.EventSpec]]
    page: str = "/"


def _in_team(action: Action, *events: Callable[[World], rx.event.EventSpec]) -> Try:
    return Try(action, lambda world, _: [TeamState.load(), *(each(world) for each in events)], "/teams/{team}")


def _asked(action: Action, what: str) -> Try:
    return _in_team(
        action, lambda world: TeamState.ask(what, world.people["team admin"].user_id), lambda _: TeamState.confirm()
    )


def _shared(action: Action, event: Callable[[World, Thing], rx.event.EventSpec]) -> Try:
    return Try(action, lambda world, thing: [SharingState.open(thing.container_id), event(world, thing)])


def _set(action: Action, event: Callable[[Thing], rx.event.EventSpec]) -> Try:
    return Try(action, lambda _, thing: [SettingsState.open(thing.container_id), event(thing)])


def _named(action: Action, event: Callable[[], rx.event.EventSpec]) -> Try:
    return Try(action, lambda _, thing: [NamingState.ask_name(thing.container_id), event()])


def _applied(action: Action) -> Try:
    chosen = {"template": "1", "destination": "/srv", "mode": "merge"}
    return Try(action, lambda _, thing: [ApplyState.open(thing.container_id), ApplyState.preview(chosen)])


_FORM = {"what": "stop", "day0": "on", "time": "10:00", "time_zone": "UTC"}
_HANDLERS: dict[str, list[Try]] = {
    "ContainerState.load": [Try(Action.CONTAINER_READ, lambda *_: [ContainerState.load()], "/containers/{box}")],
    "PowerState.start": [Try(Action.CONTAINER_POWER_ON, lambda _, thing: [PowerState.start(thing.container_id)])],
    "PowerState.stop": [Try(Action.CONTAINER_POWER_OFF, lambda _, thing: [PowerState.stop(thing.container_id)])],
    "PowerState.restart": [Try(Action.CONTAINER_RESTART, lambda _, thing: [PowerState.restart(thing.container_id)])],
    "PowerState.ask_delete": [Try(Action.CONTAINER_READ, lambda _, thing: [PowerState.ask_delete(thing.container_id)])],
    "PowerState.delete": [
        Try(Action.CONTAINER_DELETE, lambda _, thing: [PowerState.ask_delete(thing.container_id), PowerState.delete()])
    ],
    "PowerState.sleep": [Try(Action.CONTAINER_SLEEP, lambda _, thing: [PowerState.sleep(thing.container_id)])],
    "PowerState.start_afresh": [
        Try(Action.CONTAINER_START_AFRESH, lambda _, thing: [PowerState.start_afresh(thing.container_id)])
    ],
    "NamingState.ask_name": [Try(Action.CONTAINER_READ, lambda _, thing: [NamingState.ask_name(thing.container_id)])],
    "NamingState.ask_copy": [Try(Action.CONTAINER_READ, lambda _, thing: [NamingState.ask_copy(thing.container_id)])],
    "NamingState.rename": [_named(Action.CONTAINER_RENAME, lambda: NamingState.rename({"name": "another"}))],
    "NamingState.copy": [_named(Action.CONTAINER_DUPLICATE, lambda: NamingState.copy({}))],
    "LogsState.look": [Try(Action.CONTAINER_LOGS, lambda _, thing: [LogsState.look(thing.container_id)])],
    "LogsState.older": [
        Try(Action.CONTAINER_LOGS, lambda _, thing: [LogsState.look(thing.container_id), LogsState.older()])
    ],
    "SharingState.open": [Try(Action.SHARE_LIST, lambda _, thing: [SharingState.open(thing.container_id)])],
    "SharingState.share": [
        _shared(
            Action.SHARE_SET,
            lambda world, _: SharingState.share({"username": world.people["removed"].username, "role": "viewer"}),
        )
    ],
    "SharingState.change": [_shared(Action.SHARE_SET, lambda _, thing: SharingState.change(thing.share_id, "manager"))],
    "SharingState.end": [_shared(Action.SHARE_END, lambda _, thing: SharingState.end(thing.share_id))],
    "SharingState.leave": [Try(Action.SHARE_LEAVE, lambda _, thing: [SharingState.leave(thing.container_id)])],
    "SettingsState.open": [Try(Action.SCHEDULE_LIST, lambda _, thing: [SettingsState.open(thing.container_id)])],
    "SettingsState.resize": [_set(Action.CONTAINER_RESIZE, lambda _: SettingsState.resize({"type": "2"}))],
    "SettingsState.add_schedule": [_set(Action.SCHEDULE_CREATE, lambda _: SettingsState.add_schedule(_FORM))],
    "SettingsState.switch_schedule": [
        _set(Action.SCHEDULE_UPDATE, lambda thing: SettingsState.switch_schedule(thing.schedule_id, False))
    ],
    "SettingsState.remove_schedule": [
        _set(Action.SCHEDULE_DELETE, lambda thing: SettingsState.remove_schedule(thing.schedule_id))
    ],
    "SettingsState.keep": [Try(Action.CONTAINER_KEEP, lambda _, thing: [SettingsState.keep(thing.container_id)])],
    "ActivityState.show": [
        Try(Action.AUDIT_CONTAINER, lambda _, thing: [ActivityState.show(thing.container_id, True)])
    ],
    "MetricsState.open": [Try(Action.CONTAINER_METRICS, lambda _, thing: [MetricsState.open(thing.container_id)])],
    "ApplyState.preview": [_applied(Action.TEMPLATE_PREVIEW)],
    "InvitingState.invite": [
        Try(Action.INVITATION_CREATE, lambda *_: [InvitingState.invite({"role": "admin"})], "/teams/{team}")
    ],
    "TeamState.load": [_in_team(Action.TEAM_READ)],
    "TeamState.save": [_in_team(Action.TEAM_UPDATE, lambda world: TeamState.save({"name": f"{world.team_name} 2"}))],
    "TeamState.add": [
        _in_team(
            Action.TEAM_ADD_MEMBER,
            lambda world: TeamState.add({"username": world.people["direct"].username, "role": "admin"}),
        )
    ],
    "TeamState.change_role": [
        _in_team(
            Action.TEAM_CHANGE_MEMBER,
            lambda world: TeamState.change_role(world.people["member"].user_id, "admin"),
        )
    ],
    "TeamState.bring_back": [
        _in_team(Action.TEAM_CHANGE_MEMBER, lambda world: TeamState.bring_back(world.people["inactive"].user_id))
    ],
    "TeamState.activate": [_in_team(Action.TEAM_SET_ACTIVE, lambda _: TeamState.activate())],
    "TeamState.confirm": [
        _asked(Action.TEAM_REMOVE_MEMBER, "remove"),
        _asked(Action.TEAM_HAND_OVER, "hand-over"),
        _asked(Action.TEAM_LEAVE, "leave"),
        _asked(Action.TEAM_SET_ACTIVE, "deactivate"),
        _asked(Action.TEAM_DELETE, "delete"),
    ],
}
_ONLY_SHOW = {
    "PowerState.confirm", "SharingState.close", "SharingState.choose", "SettingsState.close", "SettingsState.suppose",
    "TeamState.edit", "TeamState.ask", "TeamState.answer", "InvitingState.forget_link", "InvitingState.load",
    "MetricsState.close", "NamingState.close", "ApplyState.open", "ApplyState.show", "ApplyState.back",
    "ContainerState.choose_view", "LogsState.close",
}  # fmt: skip
"""They change what the sender's own page shows, and read nothing but the sender's own."""
_AGAIN = {"ApplyState.apply", "InvitingState.revoke", "MetricsState.choose"}
"""The service asks again, as for what came before; test_matrix.py tries it."""
_ABOUT_ONE_THING = (
    "ApplyState.",
    "InvitingState.",
    "MetricsState.",
    "ContainerState.",
    "LogsState.",
    "NamingState.",
    "PowerState.",
    "SharingState.",
    "SettingsState.",
    "TeamState.",
)
_QUIET = {Action.CONTAINER_READ, Action.TEAM_READ, Action.SHARE_LIST, Action.SCHEDULE_LIST}
_QUIET |= {Action.AUDIT_CONTAINER, Action.TEMPLATE_PREVIEW, Action.CONTAINER_METRICS, Action.CONTAINER_LOGS}
"""Looks: of them, the audit log has the refusals alone."""


@pytest.fixture
async def one_database(fresh_sqlite: str) -> AsyncGenerator[None]:
    """Handlers ask nothing of a database but through services, and test_matrix.py tries those on both."""
    async with in_use(fresh_sqlite):
        yield


def _ours() -> dict[str, tuple[str, Any]]:
    registered = RegistrationContext.get().event_handlers
    return {
        each.handler.fn.__qualname__: (name, each.handler.fn)
        for name, each in registered.items()
        if each.handler.fn.__module__.startswith("pequeroku_ui.")
    }


def test_every_handler_about_a_container_or_a_team_is_in_the_matrix() -> None:
    names = {"container_id", "share_id", "schedule_id", "team_id"}
    about = {
        name
        for name, (_, handler) in _ours().items()
        if name.startswith(_ABOUT_ONE_THING) or names & inspect.signature(handler).parameters.keys()
    }
    assert about == _HANDLERS.keys() | _ONLY_SHOW | _AGAIN, "tell tests/unit/test_matrix_doors.py what they do"


async def _kept() -> list[str]:
    """All that is the owner's or the team's, to be compared."""
    tables: list[type[SQLModel]] = [Container, ContainerSchedule, ContainerShare, Team, TeamMembership]
    async with reading() as tx:
        return [str(sorted(map(str, (await tx.exec(select(each))).all()))) for each in tables]


async def _went_through(action: Action, user_id: int | None, since: int) -> bool:
    """Whether the gate let it pass, by the audit log."""
    async with reading() as tx:
        query = select(AuditLog).where(col(AuditLog.id) > since, AuditLog.user_id == user_id)
        rows = (await tx.exec(query)).all()
    about = [row for row in rows if row.action == action or action in _QUIET]
    refused = any(row.message.startswith(("not-found:", "forbidden:", "unauthenticated:")) for row in about)
    return not refused and (bool(about) or (action in _QUIET and user_id is not None))


async def _last_row() -> int:
    async with reading() as tx:
        return max((await tx.exec(select(AuditLog.id))).all(), default=0) or 0


async def _try(pipe: Pipeline, world: World, thing: Thing, who: str, each: Try) -> str:
    """Send the events as the person's browser; what is wrong with what came of it, or nothing."""
    is_team = each.page.startswith("/teams")
    role = world.role_in_team(who) if is_team else world.role_in_container(who, thing)
    verdict = judge(world.people[who], each.action, owner_id=world.owner_id, role=role)
    before, since, told = await _kept(), await _last_row(), ""
    page, tab = each.page.format(box=thing.container_id, team=world.team_id), f"tab-{next(_tabs)}"
    for event in each.events(world, thing):
        await pipe.fire(event, sid=world.sids[who], path=page, token=tab)
        told += f"{pipe.deltas} {pipe.said}"
    secret = world.team_name if is_team else thing.name
    passed = await _went_through(each.action, world.people[who].user_id, since)
    wrong: list[str] = []
    if passed is not (verdict is Verdict.ALLOW):
        wrong.append(f"{'passed' if passed else 'refused'}, and the table says {verdict}")
    if verdict is not Verdict.ALLOW and await _kept() != before:
        wrong.append("something was changed")
    if verdict is Verdict.HIDE and secret in told:
        wrong.append("its name was told")
    return f"{each.action} as {who} ({thing.role}): {'; '.join(wrong)}" if wrong else ""


@pytest.mark.parametrize("name", sorted(_HANDLERS))
async def test_a_handler_does_for_everybody_what_the_table_says(
    one_database: None,
    pipeline: Pipeline,  # noqa: F811
    name: str,
) -> None:
    world = await a_world_of_tenants()
    wrong: list[str] = []
    for each in _HANDLERS[name]:
        is_team = each.page.startswith("/teams")
        for role in [Role.VIEWER] if is_team else Role:
            for number, who in enumerate(NAMES):
                if is_team or not number:
                    await a_fresh_team(world)
                thing = await a_fresh_thing(world, role)
                await leave_some_behind(world)
                wrong.append(await _try(pipeline, world, thing, who, each))
    assert not any(wrong), "\n".join(filter(None, wrong))


async def test_no_other_handler_gives_a_stranger_anything_of_the_owners(
    one_database: None,
    pipeline: Pipeline,  # noqa: F811
) -> None:
    world = await a_world_of_tenants()
    await a_fresh_team(world)
    thing = await a_fresh_thing(world, Role.MANAGER)
    await leave_some_behind(world)
    async with transaction() as tx:  # what they were told while they were let in, they may keep
        await tx.exec(delete(Notification).where(col(Notification.user_id) != world.owner_id))
    before = await _kept()
    ids = {str(each) for each in (thing.container_id, world.team_id, *world.own.values())}
    for name, (event_name, handler) in _ours().items():
        if name in _HANDLERS:
            continue
        names = list(inspect.signature(handler).parameters)[1:]
        for value in ids:
            payload: dict[str, Any] = {each: {"id": value} if each == "form" else value for each in names}
            for who in ("stranger", "removed", "inactive", "unshared", "nobody"):
                await pipeline.fire(Event(name=event_name, payload=payload), sid=world.sids[who], token=f"of-{who}")
                told = f"{pipeline.deltas} {pipeline.said}"
                assert thing.name not in told, f"{name} told {who} of the container"
                assert world.team_name not in told, f"{name} told {who} of the team"
                assert "A secret of the owner" not in told, f"{name} told {who} of a notification"
            if not names:
                break
    assert await _kept() == before
