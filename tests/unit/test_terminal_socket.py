"""Who gets at a container's terminals through the socket and the routes, and what they are told."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from backend.api.app import make_api
from backend.api.ws import seat
from backend.api.ws import terminals as module
from backend.db import transaction
from backend.events.bus import ContainerChanged, SessionEnded, announce, bus
from backend.guest import dtach
from backend.guest.shell import guests
from backend.guest.terminals import terminals
from backend.hypervisor.registry import nodes
from backend.models import Container, Node, Session, Status, User
from backend.models.base import now
from backend.rules.policy import SYSTEM, Actor
from backend.sealing import seal
from backend.services import identity, sharing
from tests.asgi import ORIGIN, Socket
from tests.factories import a_container, a_node
from tests.guests import LocalGuest, local_guest
from tests.stores import eventually

PASSWORD = "correct horse battery"
HERE = Actor(None, ip="203.0.113.7", user_agent="Firefox")


@dataclass
class Scene:
    """Alice has a container that is off; Mallory is signed in too."""

    container: Container
    node: Node
    alice: str
    mallory: str
    app: object

    def socket(self, terminal_id: str = "t1", **more: str | None) -> Socket:
        path = f"/ws/terminals/{more.pop('container_id', self.container.id)}/{terminal_id}"
        return Socket(self.app, path, **({"sid": self.alice} | more))  # type: ignore[arg-type]

    async def change(self, **values: object) -> None:
        async with transaction() as tx:
            row = await tx.get(Container, self.container.id)
            assert row is not None
            for name, value in values.items():
                setattr(row, name, value)
            announce(tx, ContainerChanged(row.id, row.user_id))


async def _user(name: str) -> tuple[User, str]:
    async with transaction() as tx:
        user = await identity.create_user(tx, SYSTEM, username=name, password=PASSWORD)
    async with transaction() as tx:
        return user, (await identity.sign_in(tx, HERE, name, PASSWORD))[0]


@pytest.fixture
async def scene(database: str) -> AsyncGenerator[Scene]:
    (alice, sid), (_, mallory) = await _user("alice"), await _user("mallory")
    async with transaction() as tx:
        node = await a_node(tx)
        container = await a_container(tx, Actor(alice.id, "alice"), node, status=Status.STOPPED)
    yield Scene(container, node, sid, mallory, make_api())
    await terminals().forget_all()
    await guests().close_all()
    await nodes().close_all()


@pytest.fixture
async def guest(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[LocalGuest]:
    """The container runs, with a shell of this machine in place of a guest's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(dtach, "LIST_COMMAND", dtach.LIST_COMMAND.replace(dtach.FOLDER, str(tmp_path / "tty")))
    monkeypatch.setattr(dtach, "FOLDER", str(tmp_path / "tty"))
    async with local_guest(tmp_path) as (local, address):
        nodes().put(scene.node.uri, local)  # type: ignore[arg-type]
        sealed = seal(address.private_key, purpose="guest-key")
        await scene.change(status=Status.RUNNING, host_key=address.host_key, private_key_sealed=sealed)
        yield local
        if local.is_on:
            for each in await terminals().listed(await _address(scene)):
                await terminals().close(each._address, each.id)


async def _address(scene: Scene):
    from backend.services import terminals as service

    async with transaction() as tx:
        return await (await service.look(tx, SYSTEM, scene.container.id)).address()


async def test_nobody_is_sent_away(scene: Scene) -> None:
    assert await scene.socket(sid="").closed() == 4401
    assert await scene.socket(sid="no session").closed() == 4401


@pytest.mark.parametrize("origin", [None, "", "null", "http://evil.example", "http://localhost.evil.example"])
async def test_other_pages_cannot_use_the_cookie(scene: Scene, origin: str | None) -> None:
    assert await scene.socket(origin=origin).closed() == 4403


async def test_anothers_container_is_no_container(scene: Scene) -> None:
    assert await scene.socket(sid=scene.mallory).closed() == 4404
    for container_id in ("0", "-1", "999999", str(2**31), str(2**70)):
        assert await scene.socket(container_id=container_id).closed() == 4404


async def test_while_the_machine_is_off_one_waits(scene: Scene) -> None:
    socket = scene.socket()
    await eventually("the state", lambda: socket.states == ["waiting"])
    socket.say(b"keys for nobody")
    await socket.leave()
    assert socket.code is None


@pytest.mark.parametrize(
    "said",
    ["", "no json", "[]", "1", "[" * 1024, '{"a":' * 200, "x" * 1025, b"x" * (256 * 1024 + 1)],
    ids=["empty", "words", "list", "number", "deep", "deeper", "long", "keys"],
)
async def test_what_cannot_be_understood_ends_it(scene: Scene, said: str | bytes) -> None:
    socket = scene.socket()
    socket.say(said)
    assert await socket.closed() == 4400


async def test_odd_figures_do_no_harm(scene: Scene) -> None:
    socket = scene.socket(query="cols=x&rows=-3")
    for said in ('{"type":"resize","cols":1e400,"rows":[]}', '{"type":"ack","bytes":"9e9"}', '{"type":7}', "{}"):
        socket.say(said)
    await eventually("the state", lambda: socket.states == ["waiting"])
    await socket.leave()


async def test_one_user_holds_open_so_many_tabs_and_no_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.seats, "most", 2)
    tabs = [scene.socket(), scene.socket()]
    for tab in tabs:
        await eventually("it waits", lambda tab=tab: tab.states == ["waiting"])
    assert await scene.socket().closed() == 4408
    assert await scene.socket(sid=scene.mallory).closed() == 4404
    await tabs.pop().leave()
    again = scene.socket()
    await eventually("there is room again", lambda: again.states == ["waiting"])
    for tab in (*tabs, again):
        await tab.leave()
    assert not module.seats.taken


async def test_a_revoked_session_ends_what_it_holds_open(scene: Scene) -> None:
    actor = await identity.actor_for(scene.alice)
    assert actor is not None
    socket = scene.socket()
    await eventually("the state", lambda: socket.states)
    await bus().publish(SessionEnded(10**6))
    async with transaction() as tx:
        await identity.sign_out(tx, actor)
    assert await socket.closed() == 4401


@pytest.mark.parametrize("end", ["session", "user"])
async def test_what_ends_without_a_word_is_noticed_too(scene: Scene, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.setattr(seat, "_RECHECK_S", 0.02)
    actor = await identity.actor_for(scene.alice)
    assert actor is not None
    socket = scene.socket()
    await eventually("the state", lambda: socket.states)
    async with transaction() as tx:
        if end == "session":
            (await tx.get_one(Session, actor.session_id)).expires_at = now()
        else:
            (await tx.get_one(User, actor.user_id)).is_active = False
    assert await socket.closed() == 4401


@pytest.mark.parametrize(("then", "code"), [("nothing", 4404), ("viewer", 4403)])
async def test_whoever_loses_the_role_loses_the_open_terminal_at_once(scene: Scene, then: str, code: int) -> None:
    alice = await identity.actor_for(scene.alice)
    assert alice is not None
    box = scene.container.id
    async with transaction() as tx:
        await sharing.share(tx, alice, box, role="operator", username="mallory")
    socket = scene.socket(sid=scene.mallory)
    await eventually("the state", lambda: socket.states == ["waiting"])
    async with transaction() as tx:
        if then == "viewer":
            await sharing.share(tx, alice, box, role="viewer", username="mallory")
        else:
            share = (await sharing.list_shares(tx, alice, box))[0]
            await sharing.unshare(tx, alice, box, share.id)
    async with asyncio.timeout(5):  # far less than the minute after which every tab looks by itself
        assert await socket.closed() == code


async def test_a_deleted_container_ends_it_too(scene: Scene) -> None:
    socket = scene.socket()
    await eventually("the state", lambda: socket.states)
    async with transaction() as tx:
        await tx.delete(await tx.get(Container, scene.container.id))
        announce(tx, ContainerChanged(scene.container.id, scene.container.user_id))
    assert await socket.closed() == 4404


async def test_a_closed_socket_leaves_no_listener(scene: Scene) -> None:
    before = len(bus()._listeners)
    for _ in range(3):
        socket = scene.socket()
        await eventually("the state", lambda socket=socket: socket.states)
        await socket.leave()
    assert len(bus()._listeners) == before


async def test_a_bad_id_opens_nothing(scene: Scene, guest: LocalGuest) -> None:
    assert await scene.socket("UPPER").closed() == 4400
    assert await scene.socket("a" * 17).closed() == 4400


async def test_a_terminal_opens_when_the_machine_runs_and_ends_with_its_shell(scene: Scene, guest: LocalGuest) -> None:
    await scene.change(status=Status.STOPPED)
    socket = scene.socket()
    await eventually("the state", lambda: socket.states == ["waiting"])
    await scene.change(status=Status.RUNNING)
    await eventually("the terminal", lambda: "open" in socket.states)
    socket.say(b"echo $((6*7))-typed; exit 5\r")
    await socket.closed()
    assert b"42-typed" in socket.drawn
    assert {"type": "replay"} in socket.heard
    assert socket.heard[-1]["state"] == "exited"
    assert (socket.heard[-1]["code"], socket.code) == (5, 1000)


async def test_two_who_open_the_same_at_once_share_a_shell(scene: Scene, guest: LocalGuest) -> None:
    one, two = scene.socket(), scene.socket()
    await eventually("both", lambda: "open" in one.states and "open" in two.states)
    one.say(b"echo for-$((1+1))\r")
    await eventually("both to see it", lambda: b"for-2" in one.drawn and b"for-2" in two.drawn)
    await one.leave()
    await two.leave()


async def test_a_machine_that_stops_makes_its_terminals_wait_and_leaves_nothing(
    scene: Scene, guest: LocalGuest
) -> None:
    socket = scene.socket()
    await eventually("the terminal", lambda: "open" in socket.states)
    guest.switch_off()
    await scene.change(status=Status.STOPPED)
    await eventually("the state", lambda: socket.states[-1] == "waiting")
    known = terminals()
    assert (known._guests, known._listed, dict(known._locks), guests()._links) == ({}, set(), {}, {})
    guest.is_on = True
    await scene.change(status=Status.RUNNING)
    await eventually("the terminal again", lambda: socket.states[-1] == "open")
    await socket.leave()


async def test_a_program_that_does_not_read_stops_nobody_from_leaving(scene: Scene, guest: LocalGuest) -> None:
    socket = scene.socket()
    await eventually("the terminal", lambda: "open" in socket.states)
    socket.say(b"stty raw -echo; exec sleep 1000\r")
    for _ in range(20):
        socket.say(b"x" * 200_000)
    await socket.leave()


async def test_typing_without_end_at_a_program_that_does_not_read_is_cut_off(scene: Scene, guest: LocalGuest) -> None:
    socket = scene.socket()
    await eventually("the terminal", lambda: "open" in socket.states)
    socket.say(b"stty raw -echo; exec sleep 1000\r")
    for _ in range(100):
        socket.say(b"x" * 200_000)
    assert await socket.closed() == 4408


async def _ask(scene: Scene, method: str, path: str = "", *, sid: str = "", origin: str = "") -> httpx.Response:
    url = f"http://localhost/api/containers/{scene.container.id}/terminals/{path}"
    headers = {"cookie": f"sid={sid}"} | ({"origin": origin} if origin else {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=scene.app)) as client:  # type: ignore[arg-type]
        return await client.request(method, url, headers=headers)


async def test_the_list_is_the_owners_alone(scene: Scene) -> None:
    assert (await _ask(scene, "GET")).status_code == 401
    assert (await _ask(scene, "GET", sid=scene.mallory)).status_code == 404
    mine = await _ask(scene, "GET", sid=scene.alice)
    assert (mine.status_code, mine.json()) == (200, [])


async def test_ending_a_terminal_is_the_owners_alone_and_from_our_pages(scene: Scene) -> None:
    for sid, origin, status in [
        ("", ORIGIN, 401),
        (scene.alice, "", 403),
        (scene.alice, "http://evil.example", 403),
        (scene.mallory, ORIGIN, 404),
        (scene.alice, ORIGIN, 409),  # it does not run
    ]:
        answer = await _ask(scene, "DELETE", "t1/", sid=sid, origin=origin)
        assert (answer.status_code, set(answer.json())) == (status, {"error"})


async def test_a_terminal_is_listed_until_it_is_ended_for_everybody(scene: Scene, guest: LocalGuest) -> None:
    socket = scene.socket()
    await eventually("the terminal", lambda: "open" in socket.states)
    assert [each["id"] for each in (await _ask(scene, "GET", sid=scene.alice)).json()] == ["t1"]
    assert (await _ask(scene, "DELETE", "t1/", sid=scene.alice, origin=ORIGIN)).status_code == 204
    await socket.closed()  # and does not open it again
    assert socket.states[-1] == "exited"
    assert (await _ask(scene, "GET", sid=scene.alice)).json() == []
    assert (await _ask(scene, "DELETE", "t1/", sid=scene.alice, origin=ORIGIN)).status_code == 404


async def test_a_program_is_told_its_session_and_comes_back_to_it(scene: Scene, guest: LocalGuest) -> None:
    path = f"/ws/containers/{scene.container.id}/"
    first = Socket(scene.app, path, sid=scene.alice)
    await eventually("it to be open", lambda: first.states and first.states[-1] == "open")
    assert first.heard[0]["type"] == "session"
    first.say(b"kept=here; echo said-$((1+1))\r")
    await eventually("the shell's answer", lambda: b"said-2" in first.drawn)
    await first.leave()
    again = Socket(scene.app, path, sid=scene.alice, query=f"session={first.heard[0]['session']}")
    await eventually("it to be open", lambda: again.states and again.states[-1] == "open")
    again.say(b"echo still-$kept\r")
    await eventually("the shell that was left", lambda: b"still-here" in again.drawn)
    await again.leave()


async def test_a_session_that_cannot_be_one_is_refused(scene: Scene, guest: LocalGuest) -> None:
    socket = Socket(scene.app, f"/ws/containers/{scene.container.id}/", sid=scene.alice, query="session=../../x")
    assert await socket.closed() == 4400
