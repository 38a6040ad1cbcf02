"""What strangers, guests and pages try at previews: each stays where it belongs."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import websockets
from sqlmodel import select

from backend import settings
from backend.db import reading, transaction
from backend.models import PreviewLink, PreviewPass
from backend.models.base import now
from backend.rules.policy import Role
from backend.services import identity, preview_passes, previews, sharing, teams
from tests.conftest import in_use
from tests.factories import a_team
from tests.people import a_user, signed_in, visitor
from tests.previews import Scene, a_port, a_preview, browser, entered, hello, saying, secret_of, visit
from tests.stores import eventually

_SOON_S = 8


@pytest.fixture
async def scene(fresh_sqlite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Scene]:
    monkeypatch.setenv("PREVIEW_PORT", a_port())
    async with in_use(fresh_sqlite), a_preview(tmp_path) as made:
        yield made


async def _raw(data: bytes) -> bytes:
    """Say this to the preview server, and hear all of its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.settings().preview_port)
    try:
        writer.write(data)
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            return head + await reader.read(65536)
    except asyncio.IncompleteReadError as fault:
        return fault.partial
    finally:
        writer.close()


async def test_nobody_without_a_pass_sees_anything(scene: Scene) -> None:
    for cookie in ("", "x", "x" * 200, scene.sid):
        answer = await scene.get(cookie=cookie)
        assert answer.status_code == 401
        assert "GET /" not in answer.text


async def test_a_ticket_is_good_once(scene: Scene) -> None:
    url = await scene.ticket_url()
    await entered(url)
    assert (await visit(url)).status_code == 403


async def test_a_ticket_is_good_for_half_a_minute(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_passes, "TICKET_S", -1)
    assert (await visit(await scene.ticket_url())).status_code == 403


async def test_of_many_visits_with_one_ticket_one_gets_in(scene: Scene) -> None:
    url = await scene.ticket_url()
    came = [answer.status_code for answer in await asyncio.gather(*(visit(url) for _ in range(8)))]
    assert sorted(came) == [303] + [403] * 7


async def test_a_ticket_opens_no_other_port_and_no_other_container(scene: Scene) -> None:
    ticket = secret_of(await scene.ticket_url())
    other = settings.settings().preview_origin(scene.label_of(scene.port % 65535 + 1))
    assert (await visit(f"{other}/_pequeroku/enter?ticket={ticket}")).status_code == 403
    label = scene.label[:-1] + ("0" if scene.label[-1] != "0" else "1")
    url = f"{settings.settings().preview_origin(label)}/_pequeroku/enter?ticket={ticket}"
    assert (await visit(url)).status_code == 403
    assert (await visit(f"{scene.origin}/_pequeroku/enter?ticket={ticket}")).status_code == 303


async def test_a_pass_opens_no_other_port_and_a_ticket_is_no_pass(scene: Scene) -> None:
    first = scene.host
    cookie = await scene.enter()
    await scene.run(hello)
    assert (await scene.get(cookie=cookie)).status_code == 401
    assert (await scene.get(cookie=cookie, host=first)).status_code == 200
    assert (await scene.get(cookie=secret_of(await scene.ticket_url()))).status_code == 401


async def test_another_tenant_gets_no_ticket_and_cannot_use_hers_elsewhere(scene: Scene) -> None:
    await a_user("mallory")
    _, sid = await signed_in("mallory")
    async with visitor(sid=sid) as client:
        url = f"/api/containers/{scene.container.id}/previews/{scene.port}/"
        assert (await client.get(url)).status_code == 404
        assert (await client.put(url, json={"level": "team"})).status_code == 404
        assert (await client.post(f"{url}links/", json={"hours": 1})).status_code == 404


@pytest.mark.parametrize("port", [0, -1, 22, 25, 65536, 10**9])
async def test_ports_that_show_no_pages_are_refused_with_a_sentence(scene: Scene, port: int) -> None:
    async with visitor(sid=scene.sid) as client:
        answer = await client.get(f"/api/containers/{scene.container.id}/previews/{port}/")
    assert answer.status_code == 422
    assert "ort" in answer.json()["error"]["message"]


async def test_the_dashboards_cookie_and_ours_never_reach_a_program(scene: Scene) -> None:
    cookie = await scene.enter()
    answer = await scene.get(Cookie=f"sid={scene.sid}; a=1; pqk_preview={cookie}; SID=keep; b=2")
    assert scene.sid not in answer.text
    assert cookie not in answer.text
    assert "Cookie: a=1; SID=keep; b=2" in answer.text.splitlines()


async def test_a_program_sets_cookies_for_its_own_origin_alone_and_never_ours(scene: Scene) -> None:
    lines = [
        "Set-Cookie: a=1; Domain=localhost; Path=/", "Set-Cookie: sid=stolen; Path=/", "Set-Cookie: pqk_preview=x",
        "Set-Cookie: b=2; domain=.localhost;HttpOnly; SameSite=Strict", "Service-Worker-Allowed: /",
        'Clear-Site-Data: "cookies"', 'Alt-Svc: h2="evil.example:443"', "X-Frame-Options: DENY",
        "Strict-Transport-Security: max-age=9; includeSubDomains",
    ]  # fmt: skip
    await scene.run(saying(("\r\n".join(["HTTP/1.1 200 OK", *lines, "Content-Length: 2"]) + "\r\n\r\nok").encode()))
    answer = await scene.get(cookie=await scene.enter())
    given = answer.headers.get_list("set-cookie")
    assert [each.partition(";")[0] for each in given] == ["a=1", "b=2"]
    assert not any("domain" in each.lower() for each in given)
    for name in ("service-worker-allowed", "clear-site-data", "alt-svc", "strict-transport-security"):
        assert name not in answer.headers
    assert answer.headers["content-security-policy"].startswith("frame-ancestors 'self' http://localhost")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nSet-Cookie: sid=x\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", 502), (b"HTTP/1.1 200 OK\r\nBad name: x\r\n\r\n", 502),
        (b"SSH-2.0-OpenSSH\r\n", 502), (b"", 502), (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\n", 502),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", 502),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 502),
    ],
)  # fmt: skip
async def test_what_a_hostile_program_says_is_an_answer_or_none(scene: Scene, said: bytes, told: int) -> None:
    await scene.run(saying(said))
    answer = await scene.get(cookie=await scene.enter())
    assert answer.status_code == told
    assert "sid" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "http://x", "/a\r\nX: y", "/_pequeroku/"])
async def test_coming_in_leads_to_no_other_site(scene: Scene, path: str) -> None:
    answer = await visit(await scene.ticket_url(path=path))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    "host",
    ["localhost", "evil.example", "{label}.evil.example", "{label}.localhost.evil.example", "x.{label}.localhost",
     "..{label}.localhost", "{label}..localhost", "p0{label}.localhost", "../{label}.localhost", "{label}.localhost.",
     "p22-00000000000000000000000000000000.localhost", "p70000-00000000000000000000000000000000.localhost", ""],
)  # fmt: skip
async def test_no_other_host_is_a_preview(scene: Scene, host: str) -> None:
    cookie = await scene.enter()
    said = host.format(label=scene.label)
    answer = await _raw(f"GET / HTTP/1.1\r\nHost: {said}\r\nCookie: pqk_preview={cookie}\r\n\r\n".encode())
    assert answer.split(b" ")[1] in (b"400", b"404")
    assert b"localhost:%d" % scene.port not in answer


@pytest.mark.parametrize(
    "request_line",
    ["GET http://localhost:{port}/ HTTP/1.1", "GET http://{host}/ HTTP/1.1", "CONNECT localhost:22 HTTP/1.1",
     "TRACE / HTTP/1.1", "OPTIONS * HTTP/1.1", "GET {host} HTTP/1.1", "GET /a b HTTP/1.1",
     "GET / HTTP/1.1\r\nHost: localhost", "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
     "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2", "POST / HTTP/1.1\r\nTransfer-Encoding: x, chunked",
     "GET / HTTP/1.1\r\n X: folded", "GET / HTTP/1.1\r\nX : y", "GET / HTTP/1.1\r\nX: " + "y" * 70_000],
)  # fmt: skip
async def test_requests_that_no_browser_sends_are_refused(scene: Scene, request_line: str) -> None:
    cookie = await scene.enter()
    first = request_line.format(port=scene.port, host=scene.host)
    answer = await _raw(f"{first}\r\nHost: {scene.host}\r\nCookie: pqk_preview={cookie}\r\n\r\n".encode())
    assert answer.split(b" ")[1][:1] in (b"4", b"5")
    assert b"localhost:%d" % scene.port not in answer


async def test_another_sites_page_gets_nothing_done(scene: Scene) -> None:
    cookie = await scene.enter()
    for origin in ("http://evil.example", "null", "http://localhost:8000", scene.origin + ".evil.example"):
        assert (await scene.get(cookie=cookie, Origin=origin)).status_code == 403
    answer = await scene.get(cookie=cookie, Origin=scene.origin, Referer=f"{scene.origin}/a")
    assert f"Origin: http://localhost:{scene.port}" in answer.text.replace("origin", "Origin")


async def _forever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A program that streams without an end."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: here\n\n")
    await writer.drain()
    await reader.read()


async def _stays(scene: Scene, cookie: str) -> "asyncio.Task[bytes]":
    """Something that goes on until it is put out; gives the end of it."""
    started = asyncio.Event()

    async def go_on() -> bytes:
        heard = b""
        async with browser() as client:
            headers = {"Host": scene.host, "Cookie": f"pqk_preview={cookie}"}
            try:
                async with client.stream("GET", "/", headers=headers) as answer:
                    assert answer.status_code == 200
                    async for piece in answer.aiter_raw():
                        heard += piece
                        started.set()
            except Exception as fault:  # noqa: BLE001 - cut off is what it should be
                return repr(fault).encode()
        return heard

    task = asyncio.create_task(go_on())
    await asyncio.wait_for(started.wait(), 10)
    return task


async def test_a_member_who_is_removed_loses_what_is_open_within_seconds(scene: Scene) -> None:
    await scene.run(_forever)
    bob = await a_user("bob")
    _, sid = await signed_in("bob")
    async with transaction() as tx:
        team_id = await a_team(tx, scene.alice, bob)
        await sharing.share(tx, scene.alice, scene.container.id, role=Role.OPERATOR, team_id=team_id)
    cookie = await scene.enter(sid=sid)
    task = await _stays(scene, cookie)
    async with transaction() as tx:
        await teams.remove_member(tx, scene.alice, team_id, bob.person_id)
    await asyncio.wait_for(task, _SOON_S)
    assert (await scene.get(cookie=cookie)).status_code in (401, 403)


async def test_a_session_that_ends_takes_its_previews_along(scene: Scene) -> None:
    await scene.run(_forever)
    cookie = await scene.enter()
    task = await _stays(scene, cookie)
    actor = await identity.actor_for(scene.sid)
    assert actor is not None
    async with transaction() as tx:
        await identity.sign_out(tx, actor)
    await asyncio.wait_for(task, _SOON_S)
    assert (await scene.get(cookie=cookie)).status_code == 401
    async with reading() as tx:
        assert (await tx.exec(select(PreviewPass))).all() == []


async def test_a_container_that_is_being_deleted_shows_nothing_any_more(scene: Scene) -> None:
    await scene.run(_forever)
    cookie = await scene.enter()
    task = await _stays(scene, cookie)
    await scene.change(delete_requested_at=now())
    await asyncio.wait_for(task, _SOON_S)
    assert (await scene.get(cookie=cookie)).status_code == 403


async def test_a_viewer_sees_what_is_shown_to_the_team_and_for_as_long(scene: Scene) -> None:
    await scene.run(_forever)
    bob = await a_user("bob")
    _, sid = await signed_in("bob")
    box = scene.container.id
    async with transaction() as tx:
        await sharing.share(tx, scene.alice, box, role=Role.VIEWER, username=bob.username)
    url = f"/api/containers/{box}/previews/{scene.port}/"
    async with visitor(sid=sid) as client:
        assert "not shown to you" in (await client.get(url)).text
        async with transaction() as tx:
            await previews.show_to(tx, scene.alice, box, scene.port, "team")
        assert [each["port"] for each in (await client.get(f"/api/containers/{box}/previews/")).json()["items"]] == [
            scene.port
        ]
    cookie = await scene.enter(sid=sid)
    task = await _stays(scene, cookie)
    async with transaction() as tx:
        await previews.show_to(tx, scene.alice, box, scene.port, "me")
    await asyncio.wait_for(task, _SOON_S)
    assert (await scene.get(cookie=cookie)).status_code == 403


async def test_a_link_lets_anybody_in_until_it_ends_and_is_kept_as_a_hash(scene: Scene) -> None:
    await scene.run(_forever)
    async with visitor(sid=scene.sid) as client:
        api = f"/api/containers/{scene.container.id}"
        made = (await client.post(f"{api}/previews/{scene.port}/links/", json={"hours": 1})).json()
        cookie = await entered(made["url"])
        assert await entered(made["url"]) != cookie
        task = await _stays(scene, cookie)
        async with reading() as tx:
            link = (await tx.exec(select(PreviewLink))).one()
        assert secret_of(made["url"], "link") not in str(link)
        assert (await client.delete(f"{api}/preview-links/{made['id']}/")).status_code == 204
    await asyncio.wait_for(task, _SOON_S)
    assert (await scene.get(cookie=cookie)).status_code == 401
    assert (await visit(made["url"])).status_code == 403


async def test_a_link_ends_with_its_makers_access(scene: Scene) -> None:
    bob = await a_user("bob")
    async with transaction() as tx:
        await sharing.share(tx, scene.alice, scene.container.id, role=Role.MANAGER, username=bob.username)
    async with transaction() as tx:
        entry, _ = await previews.make_link(tx, bob, scene.container.id, scene.port, 1)
    url = f"{scene.origin}/_pequeroku/enter?link={entry.secret}"
    cookie = await entered(url)
    assert (await scene.get(cookie=cookie)).status_code == 200
    async with transaction() as tx:
        share = (await sharing.list_shares(tx, scene.alice, scene.container.id))[0]
        await sharing.unshare(tx, scene.alice, scene.container.id, share.id)
    assert (await scene.get(cookie=cookie)).status_code == 403


async def test_a_websocket_of_who_was_removed_closes_within_seconds(scene: Scene) -> None:
    async def echo(socket: websockets.ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    async with websockets.serve(echo, "127.0.0.1", 0) as server:
        scene.port = server.sockets[0].getsockname()[1]
        cookie = await scene.enter()
        headers = {"Cookie": f"pqk_preview={cookie}; sid={scene.sid}"}
        url = f"ws://{scene.host}/"
        place = {"host": "127.0.0.1", "port": settings.settings().preview_port, "additional_headers": headers}
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(url, origin=websockets.Origin("http://evil.example"), **place)
        async with websockets.connect(url, origin=websockets.Origin(scene.origin), **place) as socket:
            await socket.send("there")
            assert await socket.recv() == "there"
            await socket.send(b"x" * 500_000)
            assert len(await socket.recv()) == 500_000
            async with transaction() as tx:
                await identity.sign_out(tx, (await identity.actor_for(scene.sid)))  # type: ignore[arg-type]
            await asyncio.wait_for(socket.wait_closed(), _SOON_S)


async def test_a_page_may_be_framed_by_the_dashboard_and_stopped_machines_say_so(scene: Scene) -> None:
    cookie = await scene.enter()
    await scene.change(status="stopped")
    answer = await eventually("the news", lambda: _off(scene, cookie))
    assert "The machine is off" in answer


async def _off(scene: Scene, cookie: str) -> str:
    answer = await scene.get(cookie=cookie)
    return answer.text if answer.status_code == 503 else ""
