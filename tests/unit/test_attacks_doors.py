"""What strangers try at the HTTP doors: floods, other sites' pages, and addresses that lead elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from backend import settings
from backend.api.app import make_api
from backend.api.bodies import MOST_BYTES
from backend.api.forms import same_site_path
from backend.db import reading, transaction
from backend.errors import Conflict, SignUpClosed
from backend.models import AuditLog
from backend.rules.policy import SYSTEM, Actor
from backend.services import invitations, keys, sign_up
from tests.asgi import ORIGIN, Socket
from tests.factories import a_container, a_node
from tests.people import PASSWORD, a_user, signed_in, visitor


async def _endless(counted: list[int]) -> AsyncIterator[bytes]:
    """A body without an announced length; `counted` says how much of it was taken."""
    for _ in range(200):
        counted.append(64 * 1024)
        yield b" " * counted[-1]


@pytest.mark.parametrize("path", ["/api/auth/token", "/auth/login", "/auth/signup", "/nowhere", "/api/account/export"])
async def test_nobody_fills_our_memory_with_a_request(database: str, path: str) -> None:
    async with visitor() as client:
        answer = await client.post(path, content=b"", headers={"Content-Length": str(10 * MOST_BYTES)})
        assert answer.status_code == 413
        answer = await client.post(path, content=b"", headers={"Content-Length": "9" * 30})
        assert answer.status_code == 413


async def test_a_body_that_does_not_say_how_long_it_is_is_read_no_further_than_the_bound(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMIN_TOKEN", "a token")
    settings.settings.cache_clear()
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 64 * 1024
        return {"type": "http.request", "body": b" " * 64 * 1024, "more_body": True}

    said: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        said.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/api/auth/token", "raw_path": b"/api/auth/token"}
    scope |= {"query_string": b"", "headers": headers, "client": ("203.0.113.7", 1), "server": ("localhost", 80)}
    scope |= {"http_version": "1.1", "scheme": "http", "root_path": "", "asgi": {"version": "3.0"}}
    async with asyncio.timeout(20):
        await make_api()(scope, receive, send)
    assert said[0]["status"] in (400, 413, 422)
    assert taken <= MOST_BYTES + 2 * 64 * 1024
    settings.settings.cache_clear()


async def test_refusals_of_nobody_do_not_fill_the_audit_log(database: str) -> None:
    async def refused(ip: str) -> None:
        with pytest.raises(SignUpClosed):
            async with transaction() as tx:
                await sign_up.sign_up(tx, Actor(None, ip=ip), username="x", password=PASSWORD)

    for _ in range(70):
        await refused("203.0.113.7")
    await refused("203.0.113.8")
    async with reading() as tx:
        rows = (await tx.exec(select(AuditLog.ip).where(AuditLog.action == "user.sign_up"))).all()
    assert (rows.count("203.0.113.7"), rows.count("203.0.113.8")) == (60, 1)


async def test_refusals_of_a_person_are_kept_however_many(database: str) -> None:
    mallory = await a_user("mallory")
    async with visitor(sid=(await signed_in("mallory"))[1]) as client:
        for _ in range(65):
            assert (await client.get("/api/audit/export/")).status_code == 403
    async with reading() as tx:
        mine = (AuditLog.user_id == mallory.user_id, col(AuditLog.success).is_(False))
        assert len((await tx.exec(select(AuditLog.id).where(*mine))).all()) == 65


async def test_invitations_cannot_be_made_and_taken_back_for_ever(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "_MOST", 5)
    ada = await a_user("ada", is_superuser=True)
    for _ in range(5):
        async with transaction() as tx:
            made = await invitations.invite(tx, ada, email="victim@example.org")
        async with transaction() as tx:
            await invitations.revoke_invitation(tx, ada, made.id)
    with pytest.raises(Conflict, match="within a day"):
        async with transaction() as tx:
            await invitations.invite(tx, ada, email="victim@example.org")
    async with transaction() as tx:
        await invitations.invite(tx, SYSTEM)


@pytest.mark.parametrize(
    "raw",
    [
        "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "javascript:alert(1)",
        "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "", "evil.example",
        "/x\r\nSet-Cookie: a=b",
        "/\u2028/evil.example", "/\x00", "/" + "x" * 600, "/\u202e", "data:text/html,x",
        "/ok\\..\\..", "///evil.example",
    ],
)  # fmt: skip
async def test_signing_in_leads_to_no_other_site(database: str, raw: str) -> None:
    assert same_site_path(raw) == "/"
    await a_user("ana")
    async with visitor() as client:
        answer = await client.post("/auth/login", data={"username": "ana", "password": PASSWORD, "next": raw})
    assert answer.headers["location"] == "/"
    assert "set-cookie" in answer.headers


@pytest.mark.parametrize(
    "origin", [None, "", "null", "http://evil.example", "http://localhost.evil.example", "http://localhost:8000.evil.example",
               "https://localhost", "http://LOCALHOST", "http://localhost/", "http://localhost, http://evil.example"]
)  # fmt: skip
async def test_no_other_sites_page_acts_for_a_person(database: str, origin: str | None) -> None:
    await a_user("ana")
    _, sid = await signed_in("ana")
    app = make_api()
    socket = Socket(app, "/ws/terminals/1/t1", sid=sid, origin=origin)
    assert await socket.closed() == 4403
    async with visitor(sid=sid, origin=origin) as client:
        assert (await client.delete("/api/containers/1/terminals/t1/")).status_code == 403
        assert "set-cookie" not in (await client.post("/auth/logout")).headers
        answer = await client.post("/auth/login", data={"username": "ana", "password": PASSWORD})
        assert "sid=" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    "said",
    [
        "Bearer", "Bearer ", "Bearer pk_", "Bearer pk__", "bearer pk_ａｂｃ_x", "Basic YTpi",
        "Bearer pk_x_" + "z" * 9000,
        "Bearer pk_%_%", "pk_a_b", "Bearer pk_a'--_b", "Bearer  pk_a_b", "Negotiate x",
    ],
)  # fmt: skip
async def test_an_authorization_that_is_none_falls_back_to_no_cookie(database: str, said: str) -> None:
    await a_user("ana")
    _, sid = await signed_in("ana")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make_api()), base_url=ORIGIN) as client:
        headers = [(b"authorization", said.encode()), (b"cookie", f"sid={sid}".encode()), (b"origin", ORIGIN.encode())]
        assert (await client.get("/api/account/export", headers=headers)).status_code == 401


async def test_an_answer_that_is_kept_is_told_to_no_key_that_reaches_less_far(database: str) -> None:
    ana = await a_user("ana")
    async with transaction() as tx:
        container = await a_container(tx, ana, await a_node(tx))
        made = {each: (await keys.create_key(tx, ana, name=each, scope=each))[1] for each in ("admin", "exec", "read")}
        path = f"/api/containers/{container.id}/previews/8000/links/"
    once = {"Idempotency-Key": "nightly"}
    async with visitor(api_key=made["admin"]) as program:
        link = await program.post(path, json={"hours": 2}, headers=once)
        assert link.status_code == 201
        assert (await program.post(path, json={"hours": 2}, headers=once)).json() == link.json()
    for scope in ("exec", "read"):
        async with visitor(api_key=made[scope]) as program:
            answer = await program.post(path, json={"hours": 2}, headers=once)
            assert (answer.status_code, "url" in answer.text) == (409, False)
