"""What strangers and tenants may try at the doors: each is refused in the ordinary way, and leaves no harm behind."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from backend import settings
from backend.api.app import make_api
from backend.db import reading, transaction
from backend.migrations import migrate
from backend.models import AuditLog, LoginThrottle
from backend.rules.policy import SYSTEM, Actor
from backend.services import identity
from tests.asgi import ORIGIN
from tests.conftest import in_use

PASSWORD = "correct horse battery"


@pytest.fixture
async def browser(database: str) -> AsyncGenerator[httpx.AsyncClient]:
    """Signed in as Mallory."""
    async with transaction() as tx:
        await identity.create_user(tx, SYSTEM, username="mallory", password=PASSWORD)
    async with transaction() as tx:
        sid, _ = await identity.sign_in(tx, Actor(None), "mallory", PASSWORD)
    transport = httpx.ASGITransport(make_api(), client=("203.0.113.7", 1))
    headers = {"Origin": ORIGIN, "Cookie": f"sid={sid}"}
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
        yield client


async def _guess(browser: httpx.AsyncClient, name: str, **headers: str) -> str:
    answer = await browser.post("/auth/login", data={"username": name, "password": "a guess"}, headers=headers)
    return answer.headers["location"]


@pytest.mark.parametrize("name", ["mal\x00lory", "\x00", "\u202emallory", "İ" * 500, "𝓂allory", "mallory' OR 1=1 --"])
async def test_any_name_is_just_a_wrong_one(browser: httpx.AsyncClient, name: str) -> None:
    assert await _guess(browser, name) == "/login?error=bad-credentials"


async def test_a_name_is_slowed_however_it_is_written(browser: httpx.AsyncClient) -> None:
    for name in ("mallory", "MALLORY", " mallory ", "mal\x00lory", "mallory\u200b"):
        await _guess(browser, name)
    async with reading() as tx:
        row = await tx.get(LoginThrottle, "name:mallory")
    assert row is not None
    assert row.failures == 5


@pytest.mark.parametrize("asked", ["9" * 4000, "-1", str(2**63), str(2**31), "0"], ids=len)
async def test_an_id_of_any_size_is_just_not_found(browser: httpx.AsyncClient, asked: str) -> None:
    assert (await browser.get(f"/api/containers/{asked}/terminals/")).status_code == 404
    assert (await browser.delete(f"/api/containers/{asked}/terminals/%00%1b/")).status_code == 404
    async with reading() as tx:
        traces = (await tx.exec(select(AuditLog).where(col(AuditLog.success).is_(False)))).all()
    assert len(traces) == 2
    assert all(len(trace.target_id) <= 64 and trace.message.isprintable() for trace in traces)


async def test_a_forged_address_does_not_make_a_new_guesser(browser: httpx.AsyncClient) -> None:
    for number in range(6):
        said = await _guess(browser, f"victim{number}", **{"X-Forwarded-For": f"198.51.100.{number}"})
    assert "throttled" in said


@pytest.fixture
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    monkeypatch.setenv("TRUSTED_PROXY_HOPS", "1")
    settings.settings.cache_clear()


@pytest.mark.usefixtures("behind_a_proxy")
async def test_behind_a_proxy_one_guesser_does_not_lock_the_others_out(browser: httpx.AsyncClient) -> None:
    for number in range(6):
        said = await _guess(browser, f"victim{number}", **{"X-Forwarded-For": f"192.0.2.{number}, 198.51.100.1"})
    assert "throttled" in said
    assert "bad-credentials" in await _guess(browser, "somebody", **{"X-Forwarded-For": "198.51.100.2"})
    assert "throttled" in await _guess(browser, "else", **{"X-Forwarded-For": "198.51.100.1"})


async def test_a_fault_of_the_database_tells_no_secret(database: str) -> None:
    with pytest.raises(SQLAlchemyError) as fault:
        async with transaction() as tx:
            await (await tx.connection()).execute(text("SELECT :hash FROM nowhere"), {"hash": "a password's hash"})
    assert "a password's hash" not in str(fault.value)


async def test_nobody_else_on_the_machine_reads_the_database(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite3"
    async with in_use(f"sqlite:///{path}"):
        await migrate()
        async with reading() as tx:
            await (await tx.connection()).execute(text("SELECT 1 FROM user_account"))
            assert _modes(tmp_path) == {0o600}
        path.chmod(0o644)
        await migrate()
        assert _modes(tmp_path) == {0o600}


def _modes(folder: Path) -> set[int]:
    return {file.stat().st_mode & 0o777 for file in folder.iterdir()}
