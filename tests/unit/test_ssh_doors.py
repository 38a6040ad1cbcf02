"""Where the SSH gateway is, how one knows it, and that its port may be taken."""

import asyncio
import logging

import pytest

from backend import settings
from backend.api.ssh import server
from backend.services import ssh_host_key
from tests.people import a_user, signed_in, visitor
from tests.stores import free_port


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> int:
    port = free_port()
    monkeypatch.setenv("SSH_PORT", str(port))
    settings.settings.cache_clear()
    return port


async def test_a_program_is_told_where_it_is_and_what_its_key_is(database: str, here: int) -> None:
    await a_user("ana")
    _, sid = await signed_in("ana")
    async with visitor(sid=sid) as client:
        told = (await client.get("/api/ssh-gateway/")).json()
    key = ssh_host_key.private_key()
    assert (told["host"], told["port"], told["fingerprint"]) == ("localhost", here, key.get_fingerprint())
    assert told["known_hosts"] == f"[localhost]:{here} {key.export_public_key().decode().strip()}"
    assert ssh_host_key.view().command("box") == f"ssh box@localhost -p {here}"
    async with visitor() as client:
        assert (await client.get("/api/ssh-gateway/")).status_code == 401


def test_another_secret_keeps_the_host_key_as_long_as_the_old_one_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def fingerprint(key: str, before: str = "") -> str:
        monkeypatch.setenv("SECRET_KEY", key)
        monkeypatch.setenv("SECRET_KEYS_BEFORE", before)
        settings.settings.cache_clear()
        return ssh_host_key.view().fingerprint

    first = fingerprint("one")
    assert fingerprint("two", "one") == first
    assert fingerprint("two") != first
    assert fingerprint("one") == first
    settings.settings.cache_clear()


async def test_it_listens_while_it_is_served_and_no_longer(database: str, here: int) -> None:
    async with server.serving():
        reader, writer = await asyncio.open_connection("127.0.0.1", here)
        assert (await reader.readline()).startswith(b"SSH-2.0-")
        writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", here)


async def test_a_port_that_is_taken_is_a_line_in_the_log(
    database: str, here: int, caplog: pytest.LogCaptureFixture
) -> None:
    other = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", here)
    with caplog.at_level(logging.ERROR):
        async with server.serving():
            assert "there is no SSH gateway" in caplog.text
    other.close()


async def test_without_a_port_there_is_none(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_PORT", "0")
    settings.settings.cache_clear()
    async with server.serving():
        assert ssh_host_key.view().command("box") == ""
