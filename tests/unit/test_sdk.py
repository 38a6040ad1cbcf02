"""The Python client against the API itself: what it is told is what the server says, and it tries again when it may."""

import inspect
import json
import re
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest
from pequeroku import AsyncClient, Client, NotReady, PequerokuError, Unreachable
from pequeroku.models import OF_SCHEMA

from backend.api.app import make_api
from backend.api.v1.schema import openapi
from backend.tasks.runner import running
from tests.asgi import ORIGIN
from tests.people import a_user
from tests.programs import Programs, a_key, programs


@pytest.fixture
async def scene(fresh_sqlite_world: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Programs]:
    async with programs(tmp_path, monkeypatch) as made, running():
        yield made


@pytest.fixture
async def fresh_sqlite_world(database: str) -> None:
    """Both databases: the client knows of neither."""


def _client(key: str) -> AsyncClient:
    return AsyncClient(ORIGIN, key, transport=httpx.ASGITransport(make_api()))


@pytest.mark.parametrize("name", list(OF_SCHEMA))
def test_every_answer_has_the_fields_that_the_server_describes(name: str) -> None:
    described = openapi()["components"]["schemas"][name]["properties"]
    assert {each.name for each in fields(OF_SCHEMA[name])} == set(described)


def test_both_clients_offer_the_same() -> None:
    def offered(client: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(client, inspect.isfunction)
        return {name: list(inspect.signature(each).parameters) for name, each in methods if not name.startswith("_")}

    assert offered(Client) == offered(AsyncClient)


async def test_a_machine_is_made_worked_in_and_gone_at_the_end_of_the_block(scene: Programs) -> None:
    async with _client(await a_key(scene.actor)) as client:
        assert next(each.name for each in await client.types()) == "small"
        async with client.run("small", "mine") as machine:
            assert machine.container.status == "running"
            done = await machine.exec("echo out; echo err >&2; exit 3")
            assert (done.stdout, done.stderr, done.exit_code) == ("out\n", "err\n", 3)
            assert [each.name for each in (await client.containers()).results] == ["mine"]
        await scene.until_nothing_is_left()


async def test_a_run_is_over_when_it_is_answered(scene: Programs) -> None:
    async with _client(await a_key(scene.actor)) as client:
        done = await client.run_once("cat a; exit 1", files={"a": b"\xff\x00".replace(b"\x00", b"b")})
        assert (done.status, done.exit_code, done.is_over) == ("failed", 1, True)
        assert (await client.get_run(done.id)).stdout == done.stdout
        assert (await client.runs()).count == 1
    await scene.until_nothing_is_left()


async def test_a_refusal_is_an_error_with_its_code(scene: Programs) -> None:
    async with _client(await a_key(await a_user("ana"), "read")) as client:
        with pytest.raises(PequerokuError, match="scope") as refusal:
            await client.create("small")
        assert (refusal.value.code, refusal.value.status) == ("forbidden_scope", 403)
        with pytest.raises(PequerokuError) as refusal:
            await client.get(12345)
        assert refusal.value.code == "not_found"
    with pytest.raises(PequerokuError, match="PEQUEROKU_URL"):
        Client("", "")


def _empty(name: str) -> dict[str, Any]:
    return {each.name: None for each in fields(OF_SCHEMA[name])}


class _Server:
    """Answers with these statuses, one after another; None: the connection is lost. `box` is what it shows."""

    def __init__(self, *statuses: int | None, **box: str) -> None:
        self.statuses, self.asked = list(statuses), list[httpx.Request]()
        self.box = {"status": "error", "activity": "error", "reason": "no"} | box

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        status = self.statuses.pop(0)
        if status is None:
            raise httpx.ReadError("lost")
        container = _empty("ContainerOut") | self.box
        body: dict[str, Any] = {"error": {"code": "rate_limited", "message": "Slower."}} if status >= 400 else container
        return httpx.Response(status, json=body, headers={"Retry-After": "0"})

    def client(self) -> Client:
        return Client(ORIGIN, "pk_a_b", transport=httpx.MockTransport(self))

    def async_client(self) -> AsyncClient:
        return AsyncClient(ORIGIN, "pk_a_b", transport=httpx.MockTransport(self))


class _Process:
    """A server on which a process says these pieces, each with the state it is in then."""

    def __init__(self, *pieces: tuple[bytes, str]) -> None:
        self.left, self.asked, self.input = list(pieces), list[str](), b""
        self.loses = list[str]()
        """Methods of which the next request's answer is lost."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.method)
        if request.method in self.loses:
            self.loses.remove(request.method)
            raise httpx.ReadError("lost")
        if request.method == "POST":
            self.input = b64decode(json.loads(request.content).get("stdin_b64", ""))
            return httpx.Response(202, json={"process_id": "p1"})
        if request.method == "DELETE":
            return httpx.Response(204)
        said, state = self.left.pop(0)
        if state == "lost":
            raise KeyboardInterrupt
        offset = int(request.url.params["offset"])
        piece = {"output": b64encode(said).decode(), "state": state, "next_offset": offset + len(said), "exit_code": 7}
        return httpx.Response(200, json=_empty("ProcessDetailOut") | piece)

    def client(self) -> Client:
        return Client(ORIGIN, "pk_a_b", transport=httpx.MockTransport(self))


_TALKS = ((b"a\xc3", "running"), (b"", "running"), (b"\xa9\xff", "ended"), (b"", "ended"))


def test_a_stream_ends_with_all_that_was_said_and_the_exit_code_and_leaves_nothing() -> None:
    server = _Process(*_TALKS)
    with server.client() as client:
        stream = client.stream(1, "make", stdin=b"\x00\xff")
        assert stream.exit_code is None
        assert "".join(stream) == "aé\ufffd"
    assert (stream.exit_code, server.asked[-1], server.asked.count("DELETE")) == (7, "DELETE", 1)
    assert server.input == b"\x00\xff"


def test_a_stream_of_bytes_has_them_as_they_are() -> None:
    with _Process(*_TALKS).client() as client:
        stream = client.stream(1, "make")
        assert b"".join(stream.chunks()) == b"a\xc3\xa9\xff"
        assert stream.exit_code == 7


async def test_a_stream_is_the_same_for_asyncio() -> None:
    server = _Process(*_TALKS)
    async with AsyncClient(ORIGIN, "pk_a_b", transport=httpx.MockTransport(server)) as client:
        stream = client.stream(1, "make")
        assert "".join([text async for text in stream]) == "aé\ufffd"
        assert (stream.exit_code, server.asked.count("DELETE")) == (7, 1)
        server.left, server.asked = list(_TALKS), []
        stream = client.stream(1, "make")
        assert await anext(stream) == "a"
        await stream.close()
        assert server.asked[-2:] == ["DELETE", "DELETE"]


def test_who_stops_reading_a_stream_stops_its_command_and_forgets_it() -> None:
    server = _Process(*_TALKS)
    with server.client() as client:
        for _ in client.stream(1, "yes"):
            break
        assert server.asked == ["POST", "GET", "DELETE", "DELETE"]


def test_who_breaks_off_while_nothing_is_said_stops_the_command_too() -> None:
    server = _Process((b"a", "running"), (b"", "lost"))
    with server.client() as client, pytest.raises(KeyboardInterrupt):
        list(client.stream(1, "yes"))
    assert server.asked[-2:] == ["DELETE", "DELETE"]


def test_what_is_followed_goes_on_when_nobody_reads() -> None:
    server = _Process(*_TALKS)
    with server.client() as client:
        assert next(client.follow(1, "p1")) == "a"
    assert server.asked == ["GET"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(200, text="<h1>Welcome</h1>"), "does not answer as Pequeroku does"),
        (httpx.Response(200, json={"hello": 1}), "does not answer as Pequeroku does"),
        (httpx.Response(200, json=None), "does not answer as Pequeroku does"),
        (httpx.Response(404, json={"error": "nothing"}), "does not answer as Pequeroku does"),
        (httpx.Response(404, text="nothing"), "does not answer as Pequeroku does"),
        (httpx.Response(301, headers={"Location": "https://there/"}), "use that address"),
        (httpx.Response(500, text="oops"), "Try again later"),
    ],
)
def test_what_is_no_server_of_ours_is_said_to_be_none(answer: httpx.Response, words: str) -> None:
    with Client(ORIGIN, "pk_a_b", transport=httpx.MockTransport(lambda _: answer)) as client:
        for ask in (client.types, client.containers):
            with pytest.raises(PequerokuError, match=words):
                ask()


@pytest.mark.parametrize(
    "url", ["pequeroku.example", "ftp://pequeroku.example", "https://", "http://[::1", "http://a b"]
)
def test_what_is_no_address_is_not_asked(url: str) -> None:
    with pytest.raises(PequerokuError, match="is no address"):
        Client(url, "pk_a_b")


@pytest.mark.parametrize("key", ["hunter2", "pk_é", "pk_a\nb", "pk_a b"])
def test_what_is_no_key_is_not_sent(key: str) -> None:
    with pytest.raises(PequerokuError, match="no API key"):
        Client(ORIGIN, key)


def test_what_may_be_sent_again_is_and_with_the_same_name() -> None:
    server = _Server(429, None, 502, 201)
    with server.client() as client:
        client.create("small")
    assert len({each.headers["Idempotency-Key"] for each in server.asked}) == 1
    assert len(server.asked) == 4


def test_a_command_is_never_sent_twice_where_it_may_have_been_run() -> None:
    for status in (None, 502):
        server = _Server(status)
        with server.client() as client, pytest.raises(PequerokuError):
            client.exec(1, "reboot")
        assert len(server.asked) == 1
    busy = _Server(503, 429, 503, 429)
    with busy.client() as client, pytest.raises(PequerokuError, match="Slower"):
        client.exec(1, "true")
    assert len(busy.asked) == 4


async def test_a_process_is_stopped_once_where_a_second_time_would_forget_it() -> None:
    for status in (None, 502):
        server = _Server(status)
        with server.client() as client, pytest.raises(PequerokuError):
            client.stop_process(1, "p1")
        assert len(server.asked) == 1
        server.statuses = [status]
        async with server.async_client() as client:
            with pytest.raises(PequerokuError):
                await client.stop_process(1, "p1")
        assert len(server.asked) == 2


async def test_who_stops_reading_while_the_server_is_away_for_a_moment_stops_the_command_all_the_same() -> None:
    server = _Process(*_TALKS)
    server.loses = ["DELETE"]
    with server.client() as client:
        for _ in client.stream(1, "yes"):
            break
    assert server.asked == ["POST", "GET", "DELETE", "DELETE"]
    server.left, server.asked, server.loses = list(_TALKS), list[str](), ["DELETE"]
    async with AsyncClient(ORIGIN, "pk_a_b", transport=httpx.MockTransport(server)) as client:
        stream = client.stream(1, "yes")
        await anext(stream)
        await stream.close()
    assert server.asked == ["POST", "GET", "DELETE", "DELETE"]


async def test_a_server_that_is_away_is_said_to_be() -> None:
    place = re.escape(f"{httpx.URL(ORIGIN).netloc.decode()} can't be reached: lost")
    server = _Server(None, None, None, None)
    with server.client() as client, pytest.raises(Unreachable, match=place):
        client.get(1)
    server.statuses = [None, None, None, None]
    async with server.async_client() as client:
        with pytest.raises(Unreachable, match=place):
            await client.get(1)
    assert len(server.asked) == 8


def test_a_machine_that_fails_says_why() -> None:
    server = _Server(200)
    with server.client() as client, pytest.raises(NotReady, match="no"):
        client.wait_until_running(1)


@pytest.mark.parametrize("activity", ["restarting", "stopping", "stopped", "starting", "unknown"])
async def test_a_machine_that_still_runs_but_is_on_its_way_down_is_waited_for(activity: str) -> None:
    """After a restart the machine is seen running for a while yet: not that one is waited for."""
    server = _Server(200, 200, 200, 200, status="running", activity=activity, reason="")
    with server.client() as client, pytest.raises(NotReady, match="did not start"):
        client.wait_until_running(1, timeout_s=0)
    async with server.async_client() as client:
        with pytest.raises(NotReady, match="did not start"):
            await client.wait_until_running(1, timeout_s=0)
    server = _Server(200, status="running", activity="running")
    with server.client() as client:
        assert client.wait_until_running(1, timeout_s=0).activity == "running"
