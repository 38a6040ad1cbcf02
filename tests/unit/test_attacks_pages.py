"""What a crafted browser sends to the pages' event handlers: text that is code to Reflex, and nonsense of all kinds."""

import asyncio
import inspect
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import reflex as rx
from reflex_base.event import Event
from reflex_base.registry import RegistrationContext
from sqlalchemy.exc import SQLAlchemyError

from backend.db import transaction
from backend.events.bus import SessionEnded, bus
from backend.models import User
from backend.models.base import now
from backend.rules.policy import SYSTEM
from backend.services import identity, teams, users
from backend.services.inbox import NoticeView
from pequeroku_ui import live_inbox
from pequeroku_ui.state.dashboard import DashboardState
from pequeroku_ui.state.inbox import InboxState
from pequeroku_ui.state.keys import KeysState
from pequeroku_ui.state.template import TemplateState
from pequeroku_ui.state.templates import TemplatesState
from tests.conftest import in_use
from tests.people import PASSWORD, a_user, signed_in
from tests.unit.test_states import Pipeline, _somebody, pipeline

__all__ = ["pipeline"]

_MARKS = [
    "<reflex.Var>a</reflex.Var>",
    "<reflex.Var></reflex.Var>",
    "<reflex.Var>½</reflex.Var>",
    "<reflex.Var>123456</reflex.Var>state",
    "<reflex.Var>-1</reflex.Var>",
    "<reflex.Var>",
    "</reflex.Var><reflex.Var>\n</reflex.Var>",
    '<reflex.Var>{"state": "x"}</reflex.Var>alert(1)',
]
_NONSENSE: list[Any] = ["\x00", "\ud800", 2**70, None, {"": {}}, "x" * 70_000]


@pytest.mark.parametrize("text", _MARKS)
@pytest.mark.parametrize("say", [rx.toast.error, rx.toast.info, rx.toast.success, rx.redirect])
def test_no_text_is_taken_for_a_variable_of_reflex(say: Any, text: str) -> None:
    said = str(Event.from_event_type([say(text)])[0].payload)
    assert text.count("alert") == said.count("alert")
    assert "<reflex.Var>" not in said


def test_a_variable_of_reflex_is_one_still() -> None:
    made = rx.Var.create(f"before {rx.Var('its_name')} after")
    assert "its_name" in str(made)
    assert "reflex.Var" not in str(made)


@pytest.mark.parametrize("text", _MARKS[:4])
def test_a_notification_is_shown_whatever_somebody_called_their_team(text: str) -> None:
    notice = NoticeView(1, "team.joined", f"mallory added you to the team “{text}”", text, "/", now(), False)
    for event in Event.from_event_type(live_inbox._toasts([notice])):
        assert "mallory added you" in str(event.payload)


async def test_a_file_of_any_name_is_saved_and_said(database: str, pipeline: Pipeline) -> None:
    _, sid = await _somebody()
    await pipeline.fire(TemplatesState.make({"name": "Mine"}), sid=sid)
    page = "/templates/mine"
    await pipeline.fire(TemplateState.load(), sid=sid, path=page)
    await pipeline.fire(TemplateState.edit("new"), sid=sid, path=page)
    path = "<reflex.Var>a</reflex.Var>"
    async with asyncio.timeout(20):
        await pipeline.fire(TemplateState.save_file({"path": path, "mode": "644", "content": ""}), sid=sid, path=page)
    assert path in [row.path for row in pipeline.told("files")]
    assert any("is saved" in each for each in pipeline.said)


def _ours() -> dict[str, Any]:
    registered = RegistrationContext.get().event_handlers
    return {
        name: each.handler.fn
        for name, each in registered.items()
        if each.handler.fn.__module__.startswith("pequeroku_ui.")
    }


async def _fault(pipeline: Pipeline, event: Event, sid: str, tab: str) -> Exception | None:
    """What came of an event that nobody had thought of: a bug has been told with a number."""
    try:
        await pipeline.fire(event, sid=sid, path="/teams/1", token=tab)
    except Exception as fault:  # noqa: BLE001
        return fault
    return None


@pytest.fixture
async def pickier_database(fresh_postgresql: str) -> AsyncGenerator[None]:
    """It takes less than the other one."""
    async with in_use(fresh_postgresql):
        yield


@pytest.mark.parametrize("who", ["nobody", "user", "admin"])
async def test_nonsense_brings_no_handler_to_a_bug_that_the_database_speaks_of(
    pickier_database: None, pipeline: Pipeline, who: str
) -> None:
    sid = ""
    if who != "nobody":
        await a_user("root3", is_superuser=who == "admin")
        _, sid = await signed_in("root3")
    wrong: list[str] = []
    for name, handler in _ours().items():
        if name.endswith(("farewell_state.delete", "account_state.delete")):
            continue
        names = list(inspect.signature(handler).parameters)[1:]
        for value in _NONSENSE if names else _NONSENSE[:1]:
            form = {"name": value, "username": value, "q": value, "email": value}
            payload = {each: form if each == "form" else value for each in names}
            fault = await _fault(pipeline, Event(name=name, payload=payload), sid, f"{who}-tab")
            if isinstance(fault, SQLAlchemyError | UnicodeEncodeError | OverflowError):
                wrong.append(f"{name}({value!r}): {fault!r}"[:300])
    assert not wrong, "\n".join(wrong)


_APP = "reflex___state____state.pequeroku_ui___state___base____app_state"
_FORGED = ["", "reflex___state____state", "reflex___state____state.setvar", "__class__", "load", "a" * 10_000]
_FORGED += [f"{_APP}.{each}" for each in ("__init__", "_act", "set_is_admin", "reset", "get_state", "setvar", "")]


async def test_a_forged_event_name_does_nothing_and_holds_nobody_up(database: str, pipeline: Pipeline) -> None:
    _, sid = await _somebody()
    payload = {"value": True, "self": None, "state": {"is_admin": True}, "_session_id": 1}
    forged = [pipeline.fire(Event(name=each, payload=payload), sid=sid, token="forger") for each in _FORGED]
    sent = [asyncio.create_task(each) for each in forged]
    await asyncio.wait(sent, timeout=1)
    try:
        async with asyncio.timeout(10):
            await pipeline.fire(DashboardState.load(), sid=sid, token="another")
        assert pipeline.told("read") == [DashboardState.get_full_name()]
        assert pipeline.told("is_admin") is not True
    finally:
        for each in sent:
            each.cancel()
        await asyncio.gather(*sent, return_exceptions=True)


async def test_variables_of_the_server_cannot_be_set_as_if_a_browser_had_stored_them(
    database: str, pipeline: Pipeline
) -> None:
    _, sid = await _somebody()
    ours = "reflex___state____state.pequeroku_ui___state___base____app_state"
    update = "reflex___state____state.reflex___state____update_vars_internal_state.update_vars_internal"
    for key in ("is_admin", "is_admin_rx_state_", "_session_id", "username_rx_state_"):
        await pipeline.fire(Event(name=update, payload={"vars": {f"{ours}.{key}": True}}), sid=sid)
        assert pipeline.told("is_admin") is not True
        assert pipeline.told("username") is not True


async def test_who_administers_no_more_loses_what_is_open_at_once(database: str) -> None:
    ada = await a_user("ada", is_superuser=True)
    _, sid = await signed_in("ada")
    actor = await identity.actor_for(sid)
    assert actor is not None
    heard: list[object] = []
    bus().subscribe(heard.append)
    async with transaction() as tx:
        await users.update_user(tx, SYSTEM, ada.user_id or 0, is_superuser=False)
    assert await identity.actor_for(sid) is None
    assert SessionEnded(actor.session_id or 0) in heard
    async with transaction() as tx:
        assert (await tx.get_one(User, ada.user_id)).is_active, "they may come in again, as anybody"
    again, _ = await signed_in("ada", PASSWORD)
    assert not again.is_superuser


async def test_a_team_named_like_code_freezes_nobody(database: str, pipeline: Pipeline) -> None:
    mallory, _ = await _somebody()
    victim, sid = await _somebody()
    async with transaction() as tx:
        made = await teams.create_team(tx, mallory, name="<reflex.Var>a</reflex.Var>")
        await teams.add_member(tx, mallory, made.id, user_id=victim.user_id)
    await pipeline.fire(InboxState.load(), sid=sid, path="/inbox")
    rows = pipeline.told("rows")
    assert "<reflex.Var>a</reflex.Var>" in rows[0].title, "it is shown as it is"


@pytest.mark.parametrize("days", ["", "x", "-1", "0x10", "9999999999", "½", None])
async def test_a_key_for_days_that_are_no_number_is_not_made_to_last_for_ever(
    database: str, pipeline: Pipeline, days: object
) -> None:
    _, sid = await _somebody()
    await pipeline.fire(KeysState.create({"name": "mine", "scope": "read", "days": days}), sid=sid)
    assert "days" in pipeline.told("problem")
    assert not pipeline.told("api_keys")
