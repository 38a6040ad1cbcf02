"""What a browser sees of a program in a guest: pages, streams, uploads, and plain words where there is nothing."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from backend import settings
from backend.api.preview import exchange, server, wire
from tests.conftest import in_use
from tests.people import visitor
from tests.previews import Scene, a_port, a_preview, browser, entered, hello, saying, visit
from tests.stores import eventually

_MIB = 1024 * 1024


@pytest.fixture
async def scene(fresh_sqlite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Scene]:
    monkeypatch.setenv("PREVIEW_PORT", a_port())
    async with in_use(fresh_sqlite), a_preview(tmp_path) as made:
        yield made


@pytest.fixture
async def either_scene(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Scene]:
    """The same, on each database in turn."""
    monkeypatch.setenv("PREVIEW_PORT", a_port())
    settings.settings.cache_clear()
    async with a_preview(tmp_path) as made:
        yield made


async def test_on_each_database_tickets_and_links_let_browsers_in_once_and_as_long_as_they_hold(
    either_scene: Scene,
) -> None:
    scene = either_scene
    url = await scene.ticket_url()
    came = [answer.status_code for answer in await asyncio.gather(*(visit(url) for _ in range(4)))]
    assert sorted(came) == [303, 403, 403, 403]
    async with visitor(sid=scene.sid) as client:
        api = f"/api/containers/{scene.container.id}"
        made = (await client.post(f"{api}/previews/{scene.port}/links/", json={"hours": 1})).json()
        assert (await client.put(f"{api}/previews/{scene.port}/", json={"level": "team"})).status_code == 204
        shown = (await client.get(f"{api}/previews/")).json()["items"]
        assert [(each["level"], len(each["links"])) for each in shown] == [("team", 1)]
        cookie = await entered(made["url"])
        assert (await scene.get(cookie=cookie)).status_code == 200
        await client.delete(f"{api}/preview-links/{made['id']}/")
    assert (await scene.get(cookie=cookie)).status_code == 401


async def test_a_browser_with_a_ticket_sees_what_a_program_serves(scene: Scene) -> None:
    cookie = await scene.enter()
    answer = await scene.get("/a/b?c=%20d", cookie=cookie)
    assert answer.status_code == 200
    lines = answer.text.splitlines()
    assert lines[0] == "GET /a/b?c=%20d HTTP/1.1"
    assert f"Host: localhost:{scene.port}" in lines
    assert "pqk_preview" not in answer.text


async def test_many_things_are_asked_for_over_one_connection_and_at_once(scene: Scene) -> None:
    cookie = await scene.enter()
    async with browser() as client:
        headers = {"Host": scene.host, "Cookie": f"pqk_preview={cookie}"}
        for number in range(5):
            assert f"GET /{number} " in (await client.get(f"/{number}", headers=headers)).text
        assert (await client.head("/", headers=headers)).status_code == 200
        answers = await asyncio.gather(*(client.get(f"/{number}", headers=headers) for number in range(40)))
    assert [answer.text.split()[1] for answer in answers] == [f"/{number}" for number in range(40)]


async def test_a_program_on_the_other_loopback_is_found_too(scene: Scene) -> None:
    await scene.run(hello, host="::1")
    assert (await scene.get(cookie=await scene.enter())).status_code == 200


async def test_where_nothing_listens_a_page_says_so_and_looks_again(scene: Scene) -> None:
    cookie = await scene.enter()
    scene.programs[-1].close()
    await scene.programs[-1].wait_closed()
    answer = await scene.get(cookie=cookie)
    assert answer.status_code == 502
    assert f"Nothing listens on port {scene.port}" in answer.text
    assert 'http-equiv="refresh"' in answer.text


async def test_who_has_no_access_is_shown_the_way_in(scene: Scene) -> None:
    answer = await scene.get("/deep?x=1")
    assert answer.status_code == 401
    assert f"/api/containers/{scene.container.id}/previews/{scene.port}/?path=%2Fdeep%3Fx%3D1" in answer.text


async def _digest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A program that reads a chunked body and says what it was."""
    await reader.readuntil(b"\r\n\r\n")
    found, size = hashlib.sha256(), 0
    while length := int(await reader.readline(), 16):
        piece = await reader.readexactly(length + 2)
        found.update(piece[:-2])
        size += length
    await reader.readline()
    said = f"{size} {found.hexdigest()}".encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said)
    await writer.drain()


async def test_a_large_upload_flows(scene: Scene) -> None:
    await scene.run(_digest)
    cookie, block = await scene.enter(), bytes(range(256)) * 1024

    async def body() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield block

    async with browser() as client:
        headers = {"Host": scene.host, "Cookie": f"pqk_preview={cookie}", "Expect": "100-continue"}
        answer = await client.post("/", content=body(), headers=headers)
    assert answer.text == f"{16 * _MIB} {hashlib.sha256(block * 64).hexdigest()}"


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A program that sends for ever."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(bytes(_MIB))
        await writer.drain()


async def test_an_endless_answer_waits_for_a_browser_that_takes_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "_STALLED_S", 3.0)
    await scene.run(_endless)
    cookie = await scene.enter()
    _, writer = await asyncio.open_connection("127.0.0.1", settings.settings().preview_port, limit=65536)
    tracemalloc.start()
    try:
        writer.write(f"GET / HTTP/1.1\r\nHost: {scene.host}\r\nCookie: pqk_preview={cookie}\r\n\r\n".encode())
        await eventually("the question to be heard", lambda: scene.server._under_way)
        await eventually("the answer to be given up", lambda: not scene.server._connections)
        assert tracemalloc.get_traced_memory()[1] < 32 * _MIB
    finally:
        tracemalloc.stop()
        writer.close()


async def test_who_begins_a_request_and_does_not_end_it_is_let_go(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "_HEAD_S", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.settings().preview_port)
    writer.write(b"GET / HTTP/1.1\r\nHost: ")
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


async def test_a_program_that_begins_no_answer_is_given_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_ANSWER_S", 0.3)

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        await reader.read()

    await scene.run(silent)
    answer = await scene.get(cookie=await scene.enter())
    assert (answer.status_code, "did not answer" in answer.text) == (502, True)


async def test_one_machine_is_asked_for_so_much_at_once_and_no_more(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_MOST_FOR_A_CONTAINER", 3)
    gate = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await gate.wait()
        await saying(b"")(reader, writer)

    await scene.run(slow)
    cookie = await scene.enter()
    asking = [asyncio.create_task(scene.get(cookie=cookie)) for _ in range(5)]
    done, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
    assert {each.result().status_code for each in done} == {503}
    gate.set()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_an_answer_given_before_the_whole_question_is_heard(scene: Scene) -> None:
    await scene.run(saying(b"HTTP/1.1 413 Too large\r\nContent-Length: 2\r\n\r\nno"))
    cookie = await scene.enter()
    async with browser() as client:
        headers = {"Host": scene.host, "Cookie": f"pqk_preview={cookie}"}
        answer = await client.post("/", content=bytes(300_000), headers=headers)
    assert (answer.status_code, answer.text) == (413, "no")


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_browser_that_stops_in_the_middle_of_a_question_is_let_go(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    monkeypatch.setattr(wire, "_STALLED_S", 60.0 if leaves else 0.5)
    ended = asyncio.Event()

    async def patient(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()

    await scene.run(patient)
    cookie = await scene.enter()
    _, writer = await asyncio.open_connection("127.0.0.1", settings.settings().preview_port)
    head = f"POST / HTTP/1.1\r\nHost: {scene.host}\r\nCookie: pqk_preview={cookie}\r\nContent-Length: 9\r\n\r\nx"
    writer.write(head.encode())
    await eventually("the question to be heard", lambda: scene.server._under_way)
    if leaves:
        writer.close()
    await asyncio.wait_for(ended.wait(), 10)
    await eventually("all to be let go", lambda: not scene.server._under_way)
    writer.close()
