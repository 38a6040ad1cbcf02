"""The guard and the states, through Reflex' whole event pipeline: no browser, no server."""

import asyncio
import dataclasses
import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
import reflex as rx
from reflex.istate.manager.memory import StateManagerMemory
from reflex_base.event import Event
from reflex_base.event.processor import BaseStateEventProcessor
from reflex_base.registry import RegistrationContext

from backend.db import reading, transaction
from backend.errors import DatabaseBusy, PequerokuError
from backend.models import Container, DesiredState
from backend.rules.policy import SYSTEM, Actor
from backend.services import identity, oidc, users
from backend.services.views import ContainerView, PhaseView
from pequeroku_ui.guard import Access, Guard, access, login_path, sid_of
from pequeroku_ui.pequeroku_ui import app
from pequeroku_ui.state import rows
from pequeroku_ui.state.applying import ApplyState
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.container import ContainerState
from pequeroku_ui.state.dashboard import DashboardState
from pequeroku_ui.state.devices import device_words
from pequeroku_ui.state.login import LoginState
from pequeroku_ui.state.new_password import NewPasswordState
from pequeroku_ui.state.power import PowerState
from pequeroku_ui.state.security import SecurityState
from pequeroku_ui.state.watching import watches
from tests import factories

_PASSWORD = "a password for tests"
_PUBLIC = {
    f"pequeroku_ui.state.login.{each}"
    for each in (
        "LoginState.load",
        "SignUpState.load_sign_up",
        "JoinState.load_join",
        "AdminLoginState.load_admin_login",
    )
}


class Pipeline:
    """One open tab for each token: what was sent to it."""

    def __init__(self, processor: BaseStateEventProcessor, states: StateManagerMemory) -> None:
        self._processor, self.states = processor, states
        self.deltas: list[tuple[str, dict[str, dict[str, Any]]]] = []
        self.events: list[Event] = []

    async def fire(
        self, event: rx.event.EventSpec | Event, *, sid: str = "", path: str = "/", token: str = "tab"
    ) -> None:
        """Send one event as a browser would, and wait until everything it set off is over."""
        sent = event if isinstance(event, Event) else Event.from_event_type([event])[0]
        router_data = {
            "pathname": path,
            "asPath": path,
            "token": token,
            "sid": f"socket-of-{token}",
            "headers": {"cookie": f"sid={sid}", "user-agent": "tests", "origin": "http://localhost"},
            "ip": "192.0.2.7",
        }
        self.deltas, self.events = [], []
        done = await self._processor.enqueue(
            token, Event(name=sent.name, payload=sent.payload, router_data=router_data)
        )
        with suppress(PequerokuError, AttributeError):  # what a handler raises has been answered by faults.py
            await done.wait_all()
        await asyncio.sleep(0.01)  # the answer to a failure is sent by a task of its own

    def told(self, var: str) -> Any:
        """The last value the browser was sent of a variable; None where it was not."""
        values = [
            value
            for _, delta in self.deltas
            for state in delta.values()
            for key, value in state.items()
            if key.removesuffix("_rx_state_") == var
        ]
        return values[-1] if values else None

    @property
    def said(self) -> list[str]:
        """Names and contents of what the browser was told to do."""
        return [f"{event.name} {event.payload}" for event in self.events]


@pytest.fixture
async def pipeline() -> AsyncGenerator[Pipeline]:
    processor = BaseStateEventProcessor(middleware=app, backend_exception_handler=app.backend_exception_handler)
    states = StateManagerMemory()
    processor.configure(state_manager=states)
    pipeline = Pipeline(processor, states)

    async def keep_delta(token: str, delta: dict[str, dict[str, Any]]) -> None:
        pipeline.deltas.append((token, delta))

    async def keep_events(_token: str, *events: Event) -> None:
        pipeline.events.extend(events)

    # The one private thing we reach for: the context that says where deltas and events go.
    processor._root_context = dataclasses.replace(
        processor._root_context, emit_delta_impl=keep_delta, emit_event_impl=keep_events
    )
    async with processor:
        yield pipeline


async def _somebody(*, limit: int = 3) -> tuple[Actor, str]:
    """A user with a session: who they are, and their cookie."""
    async with transaction() as tx:
        name = f"person{id(tx)}"
        user = await identity.create_user(tx, SYSTEM, username=name, password=_PASSWORD)
    async with transaction() as tx:
        sid, _ = await identity.sign_in(tx, Actor(None), name, _PASSWORD)
    return Actor(user.id, name), sid


async def _container_of(owner: Actor) -> int:
    async with transaction() as tx:
        node = await factories.a_node(tx)
        return (await factories.a_container(tx, owner, node)).id


def _ours() -> dict[str, Any]:
    registered = RegistrationContext.get().event_handlers
    return {name: each for name, each in registered.items() if each.handler.fn.__module__.startswith("pequeroku_ui.")}


def test_only_the_log_in_page_is_open_to_anybody() -> None:
    public = {
        f"{each.handler.fn.__module__}.{each.handler.fn.__qualname__}"
        for each in _ours().values()
        if getattr(each.handler.fn, "__access__", Access.USER) is Access.PUBLIC
    }
    assert public == _PUBLIC


def test_every_handler_is_one_on_purpose() -> None:
    for name, each in _ours().items():
        assert each.handler.fn.__doc__, f"{name} has no word on what it does"


@pytest.mark.parametrize("name", sorted(_ours()))
async def test_nobody_signed_out_gets_past_the_guard(database: str, pipeline: Pipeline, name: str) -> None:
    if f"{_ours()[name].handler.fn.__module__}.{_ours()[name].handler.fn.__qualname__}" in _PUBLIC:
        pytest.skip("open to anybody")
    await pipeline.fire(Event(name=name, payload={}))
    assert [event.name for event in pipeline.events] == ["_redirect"]
    assert not pipeline.told("read")


async def test_setting_variables_by_hand_is_refused_even_to_users(database: str, pipeline: Pipeline) -> None:
    _, sid = await _somebody()
    for state in (AppState, DashboardState, PowerState):
        await pipeline.fire(
            Event(name=f"{state.get_full_name()}.setvar", payload={"var_name": "is_admin", "value": True}), sid=sid
        )
        assert "You may not do that." in pipeline.said[0]
        assert pipeline.told("is_admin") is not True


async def test_the_dashboard_shows_mine_and_only_mine(database: str, pipeline: Pipeline) -> None:
    me, sid = await _somebody()
    other, _ = await _somebody()
    mine = await _container_of(me)
    await _container_of(other)
    await pipeline.fire(DashboardState.load(), sid=sid)
    assert [row.id for row in pipeline.told("rows")] == [mine]
    assert pipeline.told("username") == me.username


async def test_a_revoked_session_is_refused_at_the_next_event(database: str, pipeline: Pipeline) -> None:
    me, sid = await _somebody()
    await pipeline.fire(DashboardState.load(), sid=sid)
    actor = await identity.actor_for(sid)
    assert actor is not None
    async with transaction() as tx:
        await identity.sign_out(tx, actor)
    await pipeline.fire(DashboardState.show_maker(True), sid=sid)
    assert [event.name for event in pipeline.events] == ["_redirect"]
    await pipeline.fire(LoginState.load(), path="/login")
    assert pipeline.told("username") == "", f"{me.username} is still in the tab's state"


async def test_a_tab_that_changes_hands_is_emptied(database: str, pipeline: Pipeline) -> None:
    me, my_sid = await _somebody()
    other, other_sid = await _somebody()
    await _container_of(me)
    await pipeline.fire(DashboardState.load(), sid=my_sid)
    await pipeline.fire(DashboardState.load(), sid=other_sid)
    assert pipeline.told("rows") == []
    assert pipeline.told("username") == other.username
    assert watches()["tab"].actor.user_id == other.user_id


async def test_somebody_elses_container_cannot_be_touched(database: str, pipeline: Pipeline) -> None:
    me, _ = await _somebody()
    _, sid = await _somebody()
    mine = await _container_of(me)
    for wish in (PowerState.stop(mine), PowerState.start(mine), PowerState.restart(mine), PowerState.ask_delete(mine)):
        await pipeline.fire(wish, sid=sid)
        assert "does not exist, or is not yours to see" in pipeline.said[0]
    async with reading() as tx:
        kept = await tx.get(Container, mine)
        assert kept is not None
        assert (kept.desired_state, kept.delete_requested_at) == (DesiredState.RUNNING, None)


async def test_a_template_is_put_into_nobody_elses_container(database: str, pipeline: Pipeline) -> None:
    me, _ = await _somebody()
    _, sid = await _somebody()
    mine = await _container_of(me)
    chosen = {"template": "1", "destination": "/app", "mode": "clean"}
    await pipeline.fire(ApplyState.open(mine), sid=sid)
    await pipeline.fire(ApplyState.preview(chosen), sid=sid)
    assert "does not exist, or is not yours to see" in pipeline.told("problem")
    for form in ({}, {**chosen, "mode": "x"}, {**chosen, "template": "-1"}, {**chosen, "destination": "../etc"}):
        await pipeline.fire(ApplyState.preview(form), sid=sid)
        assert pipeline.told("problem")
    await pipeline.fire(ApplyState.apply(), sid=sid)
    assert pipeline.told("step") is None, "nothing was previewed, so there is nothing to apply"


async def test_somebody_elses_page_is_not_found(database: str, pipeline: Pipeline) -> None:
    me, _ = await _somebody()
    _, sid = await _somebody()
    mine = await _container_of(me)
    await pipeline.fire(ContainerState.load(), sid=sid, path=f"/containers/{mine}")
    assert pipeline.told("is_missing") is True
    assert pipeline.told("shown") is None or pipeline.told("shown").name == ""


async def test_a_refused_creation_is_said_in_the_dialog(database: str, pipeline: Pipeline) -> None:
    _, sid = await _somebody()
    await pipeline.fire(DashboardState.make({"type": "1; drop table", "name": ""}), sid=sid)
    assert pipeline.told("problem") == "Choose one of the types."


async def test_a_bug_is_told_with_a_number_and_nothing_more(
    database: str, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    _, sid = await _somebody()
    await pipeline.fire(DashboardState.make("not a form"), sid=sid)
    assert "Something went wrong on our side" in pipeline.said[0]
    assert "AttributeError" not in pipeline.said[0]
    bugs = [record for record in caplog.records if record.name == "pequeroku_ui.faults"]
    assert len(bugs) == 1


async def test_a_password_is_changed_with_the_old_one_only(database: str, pipeline: Pipeline) -> None:
    me, sid = await _somebody()
    new = "quite another password"
    await pipeline.fire(SecurityState.change_password({"old": "wrong", "new": new, "again": new}), sid=sid)
    assert pipeline.told("problem")
    await pipeline.fire(SecurityState.change_password({"old": _PASSWORD, "new": new, "again": new}), sid=sid)
    assert "Your password is changed" in pipeline.said[0]
    async with transaction() as tx:
        assert await identity.sign_in(tx, Actor(None), me.username, new)


async def test_what_needs_an_admin_is_refused_to_users(database: str, pipeline: Pipeline) -> None:
    _, sid = await _somebody()
    handler = DashboardState.event_handlers["show_maker"].fn
    access(Access.ADMIN)(handler)
    try:
        await pipeline.fire(DashboardState.show_maker(True), sid=sid)
    finally:
        del handler.__access__
    assert "You may not do that." in pipeline.said[0]


async def test_content_that_cannot_be_read_is_told_in_its_place() -> None:
    state = DashboardState()
    with state._loading():
        raise DatabaseBusy
    assert state.trouble == DatabaseBusy().message
    with state._loading():
        pass
    assert not state.trouble


_AT = datetime(2026, 1, 1, tzinfo=UTC)
_VIEW = ContainerView(
    1, "calm-otter-42", 1, "ana", "small", 1, "local", 1024, 1, 5, "running", "running", "", "", (), False, False, _AT
)


@pytest.mark.parametrize(
    ("facts", "status", "label"),
    [
        ({}, "running", "Running"),
        ({"status": "created", "phase": "placing"}, "starting", "Placing"),
        ({"status": "provisioning", "phase": "guest"}, "starting", "Waiting for the guest"),
        ({"status": "stopped"}, "starting", "Starting"),
        ({"desired_state": "stopped"}, "stopping", "Stopping"),
        ({"desired_state": "stopped", "status": "stopped"}, "stopped", "Stopped"),
        ({"desired_state": "stopped", "status": "created"}, "stopped", "Stopped"),
        ({"restarting": True, "phase": "stopping"}, "restarting", "Restarting"),
        ({"restarting": True, "phase": "booting"}, "starting", "Booting"),
        ({"status": "error", "reason": "Why."}, "error", "Error"),
        ({"status": "unknown", "reason": "Why."}, "unknown", "Unknown"),
        ({"deleting": True}, "deleting", "Deleting"),
    ],
)
def test_a_container_is_shown_in_one_word(facts: dict[str, Any], status: str, label: str) -> None:
    shown = rows.row(dataclasses.replace(_VIEW, **facts))
    assert (shown.status, shown.label, shown.reason) == (status, label, facts.get("reason", ""))


def test_the_steps_of_a_start_tell_what_is_done_and_what_is_not_needed() -> None:
    phases = (PhaseView("placing", _AT), PhaseView("booting", _AT))
    starting = dataclasses.replace(_VIEW, status="provisioning", phase="booting", phases=phases)
    assert [each.state for each in rows.steps(starting)] == ["done", "skipped", "now", "todo"]
    failed = dataclasses.replace(starting, status="error")
    assert [each.state for each in rows.steps(failed)] == ["done", "skipped", "failed", "todo"]


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("", "An unknown browser"),
    ],
)
def test_a_browser_is_named_in_words(user_agent: str, words: str) -> None:
    assert device_words(user_agent) == words


def test_the_guard_is_part_of_the_app() -> None:
    assert any(isinstance(each, Guard) for each in app._middlewares)


@pytest.mark.parametrize(
    ("header", "sid"),
    [("sid=abc", "abc"), ("a=1; sid=abc; b=2", "abc"), ("", ""), ("sid", ""), ("sid=\x00", ""), ("other=abc", "")],
)
def test_the_session_cookie_is_found_or_not(header: str, sid: str) -> None:
    assert sid_of(header) == sid


@pytest.mark.parametrize(
    ("raw", "number"), [(7, 7), ("7", 7), ("-7", 0), ("7 OR 1=1", 0), ("9" * 30, 0), (None, 0), ([1], 0), ("٧", 0)]
)
def test_an_id_from_a_browser_is_a_number_or_nothing(raw: object, number: int) -> None:
    assert as_id(raw) == number


def test_the_way_back_is_kept_and_never_points_at_the_log_in_page() -> None:
    assert login_path("/containers/7") == "/login?next=/containers/7"
    assert login_path("/login?next=/x") == "/login"
    assert login_path("/", "session-ended") == "/login?error=session-ended"


async def test_who_was_given_a_password_gets_nowhere_but_to_a_new_one(database: str, pipeline: Pipeline) -> None:
    me, _ = await _somebody()
    async with transaction() as tx:
        given = await users.reset_password(tx, SYSTEM, me.person_id)
    async with transaction() as tx:
        sid, _ = await identity.sign_in(tx, Actor(None), me.username, given)
    for event in (DashboardState.load(), SecurityState.load(), PowerState.stop(1)):
        await pipeline.fire(event, sid=sid)
        assert [f"{each.name} {each.payload['path']}" for each in pipeline.events] == [
            "_redirect /account/new-password"
        ]
    new = {"old": given, "new": "my very own password", "again": "my very own password"}
    await pipeline.fire(NewPasswordState.change({**new, "again": "a slip of the pen"}), sid=sid)
    assert pipeline.told("problem") == "The two new passwords differ."
    await pipeline.fire(NewPasswordState.change(new), sid=sid)
    await pipeline.fire(DashboardState.load(), sid=sid)
    assert pipeline.told("read") == [DashboardState.get_full_name()]


async def test_only_the_session_that_asked_is_sent_off_to_link(database: str, pipeline: Pipeline) -> None:
    me, sid = await _somebody()
    await pipeline.fire(SecurityState.link("https://evil.example/"), sid=sid)
    assert "/auth/oidc/nothing/login?link=" in pipeline.said[0]
    actor = await identity.actor_for(sid)
    assert actor is not None
    ticket = unquote(re.findall(r'link=([^"\\\\]+)', pipeline.said[0])[0])
    assert oidc.session_of_ticket(ticket) == actor.session_id
    assert me.username not in ticket
