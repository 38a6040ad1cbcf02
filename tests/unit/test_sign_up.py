"""Making one's own account, invitations, and the token for automated tools."""

import asyncio
import re
import socket
import threading
from collections.abc import AsyncGenerator, Generator
from datetime import timedelta

import httpx
import pytest
from sqlmodel import col, select

from backend import settings
from backend.db import reading, transaction
from backend.errors import Conflict, Forbidden, Invalid, NotFound, PequerokuError, Unavailable
from backend.models import AuditLog, Invitation, Session, TeamMembership, User
from backend.models.base import now
from backend.rules.policy import SYSTEM, Actor
from backend.services import config, identity, invitations, teams, users
from backend.services.sign_up import sign_up
from tests.factories import a_team
from tests.people import PASSWORD, a_user, signed_in, visitor

VISITOR = Actor(None)


async def _configure(**values: str) -> None:
    async with transaction() as tx:
        for name, value in values.items():
            await config.set_config(tx, SYSTEM, name, value)


async def _invited(by: Actor = SYSTEM, **more: object) -> str:
    async with transaction() as tx:
        return (await invitations.invite(tx, by, **more)).link.rpartition("/")[2]  # type: ignore[arg-type]


async def _sign_up(name: str, invitation: str = "", **more: str) -> Actor:
    async with transaction() as tx:
        sid, _ = await sign_up(
            tx, VISITOR, **{"username": name, "password": PASSWORD, "invitation": invitation, **more}
        )
    actor = await identity.actor_for(sid)
    assert actor is not None
    return actor


async def _members(team_id: int) -> dict[int, str]:
    async with reading() as tx:
        rows = (await tx.exec(select(TeamMembership).where(TeamMembership.team_id == team_id))).all()
    return {row.user_id: row.role for row in rows}


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("mode", "codes"), [("closed", ["sign-up-closed"] * 2), ("invitation", ["sign-up-closed", ""])]
)
async def test_an_account_is_made_where_it_may_be(mode: str, codes: list[str]) -> None:
    await _configure(sign_up=mode)
    said: list[str] = []
    for token in ("", await _invited()):
        try:
            await _sign_up("ana", token)
            said.append("")
        except PequerokuError as refusal:
            said.append(refusal.code)
    assert said == codes


@pytest.mark.usefixtures("database")
async def test_open_means_everybody_and_a_taken_name_is_told() -> None:
    await _configure(sign_up="open")
    ana = await _sign_up("ana", email="ana@example.org")
    assert not ana.is_superuser
    with pytest.raises(Conflict, match="taken"):
        await _sign_up("ANA")
    with pytest.raises(Invalid):
        await _sign_up("bob", password="short")
    await signed_in("ana")


@pytest.mark.usefixtures("database")
async def test_an_invitation_is_good_once_even_at_the_same_moment() -> None:
    await _configure(sign_up="invitation")
    token = await _invited(email="guest@example.org")

    async def use(name: str) -> str:
        try:
            await _sign_up(name, token)
        except Conflict as refusal:
            return refusal.code
        return "done"

    assert sorted(await asyncio.gather(*map(use, ("ana", "bob", "cleo")))) == [
        "done",
        "invitation-spent",
        "invitation-spent",
    ]
    async with reading() as tx:
        made = (await tx.exec(select(User).where(col(User.is_superuser).is_(False)))).one()
    assert made.email == "guest@example.org"


@pytest.mark.usefixtures("database")
async def test_an_invitation_that_is_old_taken_back_or_made_up_is_not_good() -> None:
    await _configure(sign_up="invitation")
    ada = await a_user("ada", is_superuser=True)
    old, back = await _invited(ada), await _invited(ada)
    async with transaction() as tx:
        newest, oldest = await invitations.list_invitations(tx, ada)
        await invitations.revoke_invitation(tx, ada, newest.id)
        (await tx.get_one(Invitation, oldest.id)).expires_at = now() - timedelta(seconds=1)
    for token in (old, back, "x" * 43, "\ud800"):
        with pytest.raises(Conflict, match="not good any more"):
            await _sign_up("ana", token)
        with pytest.raises(Conflict, match="not good any more"):
            async with transaction() as tx:
                await invitations.read_invitation(tx, VISITOR, token)
    async with reading() as tx:
        assert not (await tx.exec(select(User).where(User.username == "ana"))).all()


@pytest.mark.usefixtures("database")
async def test_a_token_stands_nowhere_but_in_its_link() -> None:
    token = await _invited()
    async with reading() as tx:
        kept = str((await tx.exec(select(Invitation))).all()) + str((await tx.exec(select(AuditLog))).all())
    assert token not in kept


@pytest.mark.usefixtures("database")
async def test_a_teams_admin_invites_into_the_team_and_nobody_else_does() -> None:
    owner, member, guest = await a_user("owner"), await a_user("member"), await a_user("guest")
    async with transaction() as tx:
        team_id = await a_team(tx, owner, member)
    with pytest.raises(Forbidden):
        await _invited(member, team_id=team_id)
    for stranger, of_what in ((guest, {"team_id": team_id}), (owner, {})):
        with pytest.raises(NotFound):
            await _invited(stranger, **of_what)
    token = await _invited(owner, team_id=team_id, role="admin")
    async with transaction() as tx:
        assert await invitations.accept(tx, guest, token) == team_id
    assert (await _members(team_id))[guest.person_id] == "admin"


@pytest.mark.usefixtures("database")
async def test_who_is_invited_into_a_team_may_make_an_account_for_it() -> None:
    await _configure(sign_up="invitation")
    owner = await a_user("owner")
    async with transaction() as tx:
        team_id = await a_team(tx, owner)
    ana = await _sign_up("ana", await _invited(owner, team_id=team_id))
    assert (await _members(team_id))[ana.person_id] == "member"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("end", ["removed", "demoted", "disabled"])
async def test_who_may_not_invite_any_more_left_no_doors_open(end: str) -> None:
    owner, admin, guest = await a_user("owner"), await a_user("admin2"), await a_user("guest")
    async with transaction() as tx:
        team_id = await a_team(tx, owner, admins=(admin,))
    token = await _invited(admin, team_id=team_id)
    async with transaction() as tx:
        if end == "removed":
            await teams.remove_member(tx, owner, team_id, admin.person_id)
        elif end == "demoted":
            await teams.change_member(tx, owner, team_id, admin.person_id, role="member")
        else:
            await users.set_user_active(tx, SYSTEM, admin.person_id, False)
    with pytest.raises(Conflict, match="not good any more"):
        async with transaction() as tx:
            await invitations.accept(tx, guest, token)
    assert guest.user_id not in await _members(team_id)


@pytest.mark.usefixtures("database")
async def test_somebody_elses_invitation_is_neither_seen_nor_taken_back() -> None:
    ada, bea = await a_user("ada", is_superuser=True), await a_user("bea")
    await _invited(ada)
    async with transaction() as tx:
        (mine,) = await invitations.list_invitations(tx, ada)
        assert await invitations.list_invitations(tx, bea) == []
    with pytest.raises(NotFound):
        async with transaction() as tx:
            await invitations.revoke_invitation(tx, bea, mine.id)


@pytest.mark.usefixtures("database")
async def test_signing_up_is_slowed_by_address_good_tries_too() -> None:
    await _configure(sign_up="open")
    async with visitor() as browser:
        ends = [
            (await browser.post("/auth/signup", data={"username": f"bot{number}", "password": PASSWORD})).headers[
                "location"
            ]
            for number in range(7)
        ]
    assert ends[:5] == ["/"] * 5
    assert all("error=throttled" in each for each in ends[5:])


@pytest.mark.usefixtures("database")
async def test_the_form_says_what_is_wrong_and_keeps_what_was_filled_in_but_not_the_password() -> None:
    await _configure(sign_up="open")
    async with visitor() as browser:
        answer = await browser.post("/auth/signup", data={"username": "a b", "email": "a@b", "password": PASSWORD})
    assert answer.headers["location"] == "/signup?error=invalid-username&username=a+b&email=a%40b"
    async with visitor(origin="https://evil.example") as elsewhere:
        answer = await elsewhere.post("/auth/signup", data={"username": "ana", "password": PASSWORD})
    assert "error=forbidden" in answer.headers["location"]
    assert "set-cookie" not in answer.headers


class _MailServer:
    """Takes letters as SMTP servers do, on loopback."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard = ""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rw", newline="") as stream:
                self._talk(stream)

    def _talk(self, stream) -> None:
        def say(line: str) -> None:
            stream.write(line + "\r\n")
            stream.flush()

        say("220 here")
        for line in stream:
            word = line[:4].upper().strip()
            if word == "DATA":
                say("354 go on")
                for text in stream:
                    if text == ".\r\n":
                        break
                    self.heard += text
            say("221 bye" if word == "QUIT" else "250 fine")
            if word == "QUIT":
                return


@pytest.fixture
def mail_server() -> Generator[_MailServer]:
    server = _MailServer()
    yield server
    server.listener.close()


@pytest.mark.usefixtures("database")
async def test_an_invitation_is_mailed_if_there_is_a_server_and_else_is_not(mail_server: _MailServer) -> None:
    ada = await a_user("ada", is_superuser=True)
    async with transaction() as tx:
        invited = await invitations.invite(tx, ada, email="guest@example.org")
    assert not await invitations.deliver(invited)
    await _configure(smtp_host="127.0.0.1", smtp_port=str(mail_server.port), smtp_security="none")
    assert await invitations.deliver(invited)
    letter = mail_server.heard.replace("=\r\n", "").replace("=3D", "=")
    assert "To: guest@example.org" in letter
    assert invited.link in letter
    await _configure(smtp_port="1")
    with pytest.raises(Unavailable, match="Send the link yourself"):
        await invitations.deliver(invited)


TOKEN = "a token that is long and random"


@pytest.fixture
async def tool(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[httpx.AsyncClient]:
    monkeypatch.setenv("ADMIN_TOKEN", TOKEN)
    settings.settings.cache_clear()
    await a_user("ada", is_superuser=True)
    async with visitor(origin=None) as client:
        yield client


async def test_the_token_is_a_session_of_the_first_active_administrator_for_a_day(tool: httpx.AsyncClient) -> None:
    async with transaction() as tx:
        first, *_ = (await tx.exec(select(User).where(col(User.is_superuser)).order_by(col(User.id)))).all()
    answer = await tool.post("/api/auth/token", json={"token": TOKEN})
    assert answer.status_code == 204
    assert re.search(r"sid=\S+; HttpOnly; Max-Age=863\d\d; Path=/; SameSite=lax", answer.headers["set-cookie"])
    actor = await identity.actor_for(tool.cookies["sid"])
    assert actor is not None
    assert actor.user_id == first.id
    async with reading() as tx:
        trace = (await tx.exec(select(AuditLog).where(AuditLog.action == "user.token_login"))).one()
    assert (trace.user_id, trace.ip, trace.success) == (first.id, "203.0.113.7", True)
    assert TOKEN not in str(trace)


async def test_a_wrong_token_is_slowed_down_audited_and_opens_nothing(tool: httpx.AsyncClient) -> None:
    codes = [(await tool.post("/api/auth/token", json={"token": f"guess {number}"})).status_code for number in range(6)]
    assert codes == [401] * 5 + [429]
    async with reading() as tx:
        assert (await tx.exec(select(Session))).all() == []
        traces = (await tx.exec(select(AuditLog).where(AuditLog.action == "user.token_login"))).all()
    assert [trace.success for trace in traces] == [False] * 6


async def test_the_tokens_form_is_a_form_of_our_own_pages(tool: httpx.AsyncClient) -> None:
    for origin, ends in (("https://evil.example", "/admin/login?error=forbidden"), ("http://localhost", "/admin/")):
        answer = await tool.post("/auth/token", data={"token": TOKEN}, headers={"Origin": origin})
        assert answer.headers["location"] == ends
    answer = await tool.post("/api/auth/token", json={"token": TOKEN}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("path", ["/api/auth/token", "/auth/token"])
async def test_without_a_token_there_is_no_such_door(path: str) -> None:
    async with visitor() as browser:
        for token in ("", "x"):
            assert (await browser.post(path, json={"token": token})).status_code == 404


async def test_a_guess_is_compared_in_constant_time(tool: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides are digests of one length, whatever is sent: there is nothing to measure."""
    from backend.services import admin_token

    seen: list[tuple[bytes, bytes]] = []
    compare = admin_token.hmac.compare_digest
    monkeypatch.setattr(admin_token.hmac, "compare_digest", lambda a, b: (seen.append((a, b)), compare(a, b))[1])
    for guess in ("", "x", "x" * 1000):
        await tool.post("/api/auth/token", json={"token": guess})
    assert {(len(a), len(b)) for a, b in seen} == {(32, 32)}
