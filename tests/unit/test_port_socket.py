"""The socket that tells a page which ports open, and the routes beside it."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from backend import settings
from backend.api.app import make_api
from backend.api.ws import ports as module
from backend.api.ws import seat
from backend.db import transaction
from backend.guest.terminals import Terminals
from backend.models.base import now
from backend.services import identity, previews
from tests.asgi import Socket
from tests.conftest import in_use
from tests.people import a_user, signed_in, visitor
from tests.previews import Scene, a_port, a_preview, hello
from tests.stores import eventually


@pytest.fixture
async def scene(fresh_sqlite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Scene]:
    monkeypatch.setenv("PREVIEW_PORT", a_port())
    async with in_use(fresh_sqlite), a_preview(tmp_path) as made:
        yield made


def _socket(scene: Scene, sid: str = "") -> Socket:
    return Socket(make_api(), f"/ws/ports/{scene.container.id}", sid=sid or scene.sid)


def _latest(socket: Socket) -> list[int]:
    told: list[dict[str, Any]] = [each for each in socket.heard if each["type"] == "ports"]
    return [each["port"] for each in told[-1]["ports"]] if told else []


async def test_a_page_is_told_of_ports_as_they_open_and_close(scene: Scene) -> None:
    socket = _socket(scene)
    await eventually("the first look", lambda: scene.port in _latest(socket))
    port = await scene.run(hello)
    await eventually("the new port", lambda: port in _latest(socket))
    async with visitor(sid=scene.sid) as client:
        answer = await client.get(f"/api/containers/{scene.container.id}/ports/?limit=200")
    assert port in [each["port"] for each in answer.json()["items"]]
    scene.programs[-1].close()
    await eventually("its end", lambda: port not in _latest(socket))
    await socket.leave()


async def test_a_machine_that_has_just_come_up_makes_its_prompt_first(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    spoken = asyncio.Event()

    async def first_words(_terminals: Terminals, _name: str, within_s: float) -> None:
        asked.append(within_s)
        await spoken.wait()

    monkeypatch.setattr(Terminals, "first_words", first_words)
    monkeypatch.setattr(seat, "_PROMPT_S", 60.0)
    await scene.change(phases=[["booting", now().isoformat()], ["ready", now().isoformat()]])
    socket = _socket(scene)
    await eventually("it to wait", lambda: asked)
    assert 0 < asked[0] <= 60
    assert not socket.heard
    spoken.set()
    await eventually("the first look", lambda: _latest(socket))
    await socket.leave()


async def test_a_page_hears_of_sharing_and_of_a_machine_that_goes_off(scene: Scene) -> None:
    socket = _socket(scene)
    await eventually("the first look", lambda: _latest(socket))
    async with transaction() as tx:
        await previews.show_to(tx, scene.alice, scene.container.id, 8080, "team")
    await eventually("the news", lambda: {"type": "shared"} in socket.heard)
    scene.guest.switch_off()
    await scene.change(status="stopped")
    await eventually("the end of the machine", lambda: "waiting" in socket.states)
    await socket.leave()


async def test_who_signs_out_hears_no_more_and_others_hear_nothing(scene: Scene) -> None:
    await a_user("mallory")
    _, sid = await signed_in("mallory")
    assert await _socket(scene, sid).closed() == 4404
    assert await _socket(scene, "none").closed() == 4401
    socket = _socket(scene)
    await eventually("the first look", lambda: _latest(socket))
    actor = await identity.actor_for(scene.sid)
    assert actor is not None
    async with transaction() as tx:
        await identity.sign_out(tx, actor)
    assert await socket.closed() == 4401
    await eventually("the watcher to be let go", lambda: not module.seats.taken)


async def test_one_person_has_so_many_such_pages_and_no_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.seats, "most", 1)
    first = _socket(scene)
    await eventually("the first look", lambda: _latest(first))
    assert await _socket(scene).closed() == 4408
    await first.leave()
    second = _socket(scene)
    await eventually("the first look", lambda: _latest(second))
    await second.leave()


async def test_a_browser_that_is_not_signed_in_is_sent_to_do_so(scene: Scene) -> None:
    url = f"/api/containers/{scene.container.id}/previews/{scene.port}/"
    async with visitor() as client:
        assert (await client.get(url)).status_code == 401
        answer = await client.get(url, headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")


async def test_without_a_port_of_its_own_there_are_no_previews(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREVIEW_PORT", "0")
    settings.settings.cache_clear()
    async with visitor(sid=scene.sid) as client:
        answer = await client.get(f"/api/containers/{scene.container.id}/previews/{scene.port}/")
    assert (answer.status_code, "PREVIEW_PORT" in answer.text) == (409, True)
