"""What a person's things give to whom: numbers that come again, names of programs in guests, and lookups that hang."""

import asyncio
import socket
import threading
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from sqlmodel import select

from backend import outward
from backend.db import reading, transaction
from backend.errors import Invalid
from backend.guest import folders
from backend.guest.shell import guests
from backend.models import AuditLog, User
from backend.rules.policy import SYSTEM, Actor
from backend.rules.templates import File, Mode
from backend.services import farewell, identity, users
from backend.tasks import farewells
from backend.tasks.posting import post
from tests.guests import local_guest
from tests.people import PASSWORD, a_user


@pytest.mark.usefixtures("database")
async def test_who_gets_the_number_of_somebody_who_left_reads_nothing_of_them() -> None:
    ana = await a_user("ana")
    async with transaction() as tx:
        await users.reset_password(tx, SYSTEM, ana.user_id or 0)
    async with transaction() as tx:
        await farewell.delete_user(tx, SYSTEM, ana.user_id or 0)
    await farewells.sweep()
    async with transaction() as tx:
        assert await tx.get(User, ana.user_id) is None
        tx.add(User(id=ana.user_id, username="bea", password_hash="!"))
    async with transaction() as tx:
        bea = await tx.get_one(User, ana.user_id)
        found = await farewell.export_my_data(tx, identity_of(bea))
    told = [row for row in found["audit_log"] if row["action"] in ("user.reset_password", "user.delete")]
    assert not told
    async with reading() as tx:
        kept = (await tx.exec(select(AuditLog.action).where(AuditLog.target_id == str(ana.user_id)))).all()
    assert "user.reset_password" in kept, "the log itself has it still"


def identity_of(user: User) -> Actor:
    return Actor(user.id, user.username)


@pytest.mark.parametrize("real", ["/srv/\udcff", "/srv/\x1b[2J", "/srv/\u202egpj", "/srv/a\nb"])
async def test_a_guests_path_that_cannot_be_shown_is_refused(real: str, tmp_path: Path) -> None:
    said = '{"real": %s, "exists": true, "found": ["same"], "extras": [], "is_cut": false, "token": ""}'
    quoted = "".join(f"\\u{ord(each):04x}" for each in real)

    async def liar(process: asyncssh.SSHServerProcess) -> None:
        process.stdout.write((said % f'"{quoted}"').encode())
        process.exit(0)

    async with local_guest(tmp_path, liar) as (_, address):
        with pytest.raises(Invalid, match="can't be shown"):
            await folders.look(address, "/srv", [File("a", "")], Mode.MERGE)
        await guests().drop(address.domain_name)


async def test_name_servers_that_never_answer_hold_up_nothing_but_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    real, gates = socket.getaddrinfo, threading.Event()

    def tarpit(host: Any, *rest: Any, **named: Any) -> Any:
        if str(host).endswith("tarpit.example"):
            gates.wait(20)
            raise OSError("no answer")
        return real(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", tarpit)
    outward._threads.cache_clear()
    stuck = [
        asyncio.create_task(post(f"http://{n}.tarpit.example/", b"", {}, to_private=False, deadline_s=0.2))
        for n in range(64)
    ]
    try:
        assert {answer.status for answer in await asyncio.gather(*stuck)} == {None}
        async with asyncio.timeout(5):  # the event loop's own threads are free
            assert await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)
    finally:
        gates.set()
        outward._threads.cache_clear()


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "name", ["admin\u200b", "\u0430dmin", "admin\u202e", "\uff41dmin", "admin\x00", "\u212aate", "ad min", "-admin"]
)
async def test_no_name_looks_like_another(name: str) -> None:
    with pytest.raises(Invalid):
        async with transaction() as tx:
            await identity.create_user(tx, SYSTEM, username=name, password=PASSWORD)
