"""The administration's states: for administrators only, whatever a browser sends."""

import inspect
from typing import Any

import pytest
from reflex_base.event import Event
from reflex_base.registry import RegistrationContext

from backend.db import transaction
from backend.rules.policy import SYSTEM, Actor
from backend.services import identity
from pequeroku_ui.guard import Access
from pequeroku_ui.state.admin import AdminDoorState, AdminListState
from pequeroku_ui.state.admin_form import AdminFormState
from tests.unit.test_states import Pipeline, _somebody, pipeline

__all__ = ["pipeline"]

_PASSWORD = "a password for tests"


def _handlers() -> dict[str, Any]:
    registered = RegistrationContext.get().event_handlers
    return {
        name: each.handler.fn
        for name, each in registered.items()
        if each.handler.fn.__module__.startswith("pequeroku_ui.state.admin")
    }


_DOOR = {name for name, each in _handlers().items() if each.__qualname__ == "AdminDoorState.load"}


async def _an_admin() -> str:
    async with transaction() as tx:
        await identity.create_user(tx, SYSTEM, username="root2", password=_PASSWORD, is_superuser=True)
    async with transaction() as tx:
        sid, _ = await identity.sign_in(tx, Actor(None), "root2", _PASSWORD)
    return sid


def test_every_handler_but_the_door_is_for_administrators() -> None:
    assert len(_DOOR) == 1
    for name, each in _handlers().items():
        assert name in _DOOR or getattr(each, "__access__", None) is Access.ADMIN, name


@pytest.mark.parametrize("name", sorted(set(_handlers()) - _DOOR))
async def test_a_user_gets_nothing_out_of_any_handler(database: str, pipeline: Pipeline, name: str) -> None:
    _, sid = await _somebody()
    parameters = list(inspect.signature(_handlers()[name]).parameters)[1:]
    payload = dict.fromkeys(parameters, "1")
    await pipeline.fire(Event(name=name, payload=payload), sid=sid, path="/admin/auth/user/1/")
    for var in ("rows", "facts", "figures", "heading", "fields", "outcome"):
        assert not pipeline.told(var), var
    assert all("You may not do that." in said for said in pipeline.said)


async def test_others_see_a_page_that_is_not_there(database: str, pipeline: Pipeline) -> None:
    _, sid = await _somebody()
    await pipeline.fire(AdminDoorState.load(), sid=sid, path="/admin")
    assert pipeline.told("is_hidden") is True
    await pipeline.fire(AdminListState.load(), sid=sid, path="/admin/auth/user/")
    assert pipeline.said == []


async def test_a_setting_is_saved_and_the_second_of_two_tabs_is_told(database: str, pipeline: Pipeline) -> None:
    sid, path = await _an_admin(), "/admin/internal_config/config/default_credits/"
    for token in ("one", "two"):
        await pipeline.fire(AdminFormState.load(), sid=sid, path=path, token=token)
        assert pipeline.told("heading") == "default_credits"
    await pipeline.fire(AdminFormState.save({"value": "7"}), sid=sid, path=path, token="one")
    assert pipeline.told("fields")[0].value == "7"
    await pipeline.fire(AdminFormState.save({"value": "9"}), sid=sid, path=path, token="two")
    assert "Value: 3 → 7" in pipeline.told("problem")
    assert pipeline.told("version") is None, "what was typed stays"
    await pipeline.fire(AdminFormState.save({"value": "many"}), sid=sid, path=path, token="two")
    assert pipeline.told("problems") == {"value": "Value must be a whole number."}


@pytest.mark.parametrize("path", ["/admin/a/b/", "/admin/auth/password/", "/admin/auth/user/", "/admin/x"])
async def test_odd_addresses_break_nothing(database: str, pipeline: Pipeline, path: str) -> None:
    sid = await _an_admin()
    odd = path + "?q=%00%27&page=-1&sort=password_hash&active=%3Bdrop"
    await pipeline.fire(AdminListState.load(), sid=sid, path=odd)
    assert "our side" not in (pipeline.told("trouble") or "")
