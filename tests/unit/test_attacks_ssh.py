"""What a hostile person, a stranger or a hostile guest can try through the SSH gateway."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from backend import settings
from backend.api import limits
from backend.api.ssh import server, visitor
from backend.db import reading, transaction
from backend.errors import NotFound
from backend.models import AuditLog, DesiredState, Status, User
from backend.rules import ssh as rules
from backend.rules.policy import SYSTEM, Actor
from backend.services import containers, sharing, users
from tests.factories import a_container
from tests.people import a_user
from tests.ssh_clients import Key, Scene, a_client, a_gateway, a_key, a_terminal
from tests.stores import eventually


@pytest.fixture
async def scene(database: str, tmp_path: Path) -> AsyncGenerator[Scene]:
    async with a_gateway(tmp_path) as made:
        yield made


@pytest.fixture
async def mallory(scene: Scene, tmp_path: Path) -> tuple[Actor, Key]:
    person = await a_user("mallory")
    return person, await a_key(person, tmp_path)


async def test_anothers_container_is_no_container_by_any_name(scene: Scene, mallory: tuple[Actor, Key]) -> None:
    _, key = mallory
    told: set[tuple[int, bytes, str]] = set()
    for login in (
        "box",
        "box.alice",
        "alice/box",
        str(scene.container.id),
        "none",
        "none.alice",
        "none.nobody",
        "999999",
    ):
        done = await scene.ssh("echo inside", key=key, User=login)
        told.add((done.code, done.out, done.err))
    assert told == {(255, b"", f"pequeroku: {NotFound('That container').message}\n")}
    assert not scene.guest.wires
    done = await scene.ssh(key=key, flags=("-W", "127.0.0.1:22"), User=str(scene.container.id))
    assert (done.code != 0, done.out, bool(scene.guest.wires)) == (True, b"", False)


async def test_who_may_only_look_is_told_so_and_who_may_go_in_gets_in(scene: Scene, mallory: tuple[Actor, Key]) -> None:
    _, key = mallory
    async with transaction() as tx:
        await sharing.share(tx, scene.alice, scene.container.id, role="viewer", username="mallory")
    assert (await scene.ssh("echo inside", key=key, User="box.alice")).out == b""
    assert not scene.guest.wires
    async with transaction() as tx:
        await sharing.share(tx, scene.alice, scene.container.id, role="operator", username="mallory")
    for login in ("box.alice", "alice/box", "Alice/box", str(scene.container.id)):
        assert (await scene.ssh("echo inside", key=key, User=login)).out == b"inside\n"
    assert (await scene.ssh("echo inside", key=key)).out == b""  # `box` alone is one's own
    async with a_terminal(scene, key=key, User="box.alice") as terminal:
        await terminal.shows("guest$ ")
        async with transaction() as tx:
            share = (await sharing.list_shares(tx, scene.alice, scene.container.id))[0]
            await sharing.unshare(tx, scene.alice, scene.container.id, share.id)
        assert await terminal.ended() == 255


async def test_a_container_of_the_same_name_shared_by_somebody_takes_nobody_in(
    scene: Scene, mallory: tuple[Actor, Key]
) -> None:
    person, key = mallory
    async with transaction() as tx:
        theirs = await a_container(tx, person, scene.node, status=Status.STOPPED, name="box")
        theirs.desired_state = DesiredState.STOPPED
    async with transaction() as tx:
        await sharing.share(tx, person, theirs.id, role="operator", username="alice")
    assert (await scene.ssh("echo mine")).out == b"mine\n"
    assert "is stopped" in (await scene.ssh("echo theirs", User="box.mallory")).err
    assert "is stopped" in (await scene.ssh("echo theirs", key=key)).err


async def test_a_stranger_gets_no_further_than_the_door(scene: Scene, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    stranger.chmod(0o600)
    for login in ("box", "root", "alice", "nobody"):
        done = await scene.ssh("echo inside", IdentityFile=str(stranger), User=login)
        assert done.code == 255
        assert "Permission denied (publickey)" in done.err
    for way in ("password", "keyboard-interactive", "none", "hostbased"):
        done = await scene.ssh("echo inside", PreferredAuthentications=way)
        assert "Permission denied (publickey)" in done.err


async def test_guessing_is_slowed_down_and_written_down(scene: Scene, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    stranger.chmod(0o600)

    async def refused() -> list[AuditLog]:
        async with reading() as tx:
            query = select(AuditLog).where(AuditLog.action == "ssh.login", AuditLog.success == False)  # noqa: E712
            return list((await tx.exec(query)).all())

    for count in range(1, 6):
        await scene.ssh("true", IdentityFile=str(stranger))
        rows = await eventually("it to be written down", lambda count=count: _if_as_many(refused, count))
        assert rows[-1].ip == "127.0.0.1"
    done = await scene.ssh("true")  # from the same address, even with a good key
    assert "Too many attempts" in done.err


async def _if_as_many(rows: Any, count: int) -> list[AuditLog] | None:
    found = await rows()
    return found if len(found) >= count else None


async def test_a_disabled_person_is_out_and_does_not_come_in(scene: Scene) -> None:
    async with a_terminal(scene) as terminal:
        await terminal.shows("guest$ ")
        async with transaction() as tx:
            await users.set_user_active(tx, SYSTEM, scene.alice.person_id, False)
        assert await terminal.ended() == 255
    assert (await scene.ssh("echo inside")).out == b""


async def test_who_has_to_choose_a_new_password_does_that_first(scene: Scene) -> None:
    async with transaction() as tx:
        (await tx.get_one(User, scene.alice.user_id)).must_change_password = True
    done = await scene.ssh("echo inside")
    assert (done.code, done.out) == (255, b"")
    assert "Choose a new password first" in done.err


async def test_a_deleted_container_ends_what_goes_on_in_it(scene: Scene) -> None:
    async with a_terminal(scene) as terminal:
        await terminal.shows("guest$ ")
        async with transaction() as tx:
            await containers.delete(tx, scene.alice, scene.container.id)
        assert await terminal.ended() == 255
    assert (await scene.ssh("echo inside")).out == b""


async def test_what_is_forwarded_is_asked_of_the_guest_and_of_nobody_else(database: str, tmp_path: Path) -> None:
    """Its answer comes even for our own loopback and database: our process does not connect."""

    async def hello(reader: Any, writer: Any) -> None:
        writer.write(b"the guest")
        writer.write_eof()
        writer.close()

    asked: list[tuple[str, int]] = []
    ours = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = ours.sockets[0].getsockname()[1]
    async with a_gateway(tmp_path, answers=hello, asked=asked) as scene, a_client(scene) as client:
        places = [("127.0.0.1", port), ("localhost", port), ("::1", port), ("127.0.0.1", scene.port), ("0", 22)]
        for place in places:
            reader, writer = await client.open_connection(*place, encoding=None)
            assert await reader.read() == b"the guest"
            writer.close()
        assert asked == places
        for host, to in (("", 22), ("x" * 300, 22), ("127.0.0.1", 0), ("127.0.0.1", 65536), ("a\0b", 22), ("a b", 22)):
            with pytest.raises(asyncssh.ChannelOpenError, match="no place to connect to"):
                await client.open_connection(host, to)
        assert asked == places
    ours.close()


async def test_thousands_of_channels_are_refused_beyond_the_bound_and_given_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor, "_MOST_SESSIONS", 3)
    async with a_client(scene) as client:
        tried = [client.create_process("sleep 100") for _ in range(1000)]
        outcomes = await asyncio.gather(*tried, return_exceptions=True)
        begun = [each for each in outcomes if isinstance(each, asyncssh.SSHClientProcess)]
        refused = [each for each in outcomes if isinstance(each, asyncssh.ChannelOpenError)]
        assert (len(begun), len(refused)) == (3, 997)
        begun[0].close()
        await begun[0].wait_closed()

        async def another() -> bool:
            try:
                return (await client.run("echo more", check=True)).stdout == "more\n"
            except asyncssh.ChannelOpenError:
                return False

        await eventually("room for another", another)
    assert (await scene.ssh("echo fine")).out == b"fine\n"


async def test_connections_are_counted_by_person_and_before_they_have_proved_anything(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_MOST_OF_ONE", 2)
    monkeypatch.setattr(server, "_MOST_STRANGERS_FROM_ONE", 3)
    async with a_client(scene) as one, a_client(scene) as two:
        await one.run("true")
        await two.run("true")
        assert "2 SSH connections open" in (await scene.ssh("true")).err
    silent = [await asyncio.open_connection("127.0.0.1", scene.port) for _ in range(3)]
    for reader, _ in silent:
        assert (await reader.readline()).startswith(b"SSH-2.0-Pequeroku")
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    with suppress(ConnectionError):
        assert await reader.read() == b""
    for each in (writer, *(writer for _, writer in silent)):
        each.close()

    async def comes_in() -> bool:
        return (await scene.ssh("echo in")).out == b"in\n"

    await eventually("room again", comes_in)


async def test_a_guest_that_floods_is_read_no_faster_than_the_person_reads(database: str, tmp_path: Path) -> None:
    said = 0

    async def flood(process: asyncssh.SSHServerProcess) -> None:
        nonlocal said
        with suppress(OSError, asyncssh.Error):
            while said < 2**30:
                process.stdout.write(bytes(65536))
                said += 65536
                await process.stdout.drain()

    async with a_gateway(tmp_path, handler=flood) as scene, a_client(scene) as client:
        process = await client.create_process("yes", encoding=None, window=2**31 - 1)  # it takes all, and reads none
        channel: Any = process.channel
        channel.pause_reading()
        client._transport.pause_reading()  # type: ignore[union-attr]
        before = -1

        async def is_still() -> bool:
            nonlocal before
            is_same, before = said == before, said
            return is_same and said > 0

        await eventually("the flood to stand still", is_still, pause_s=0.5)
        assert said < 40 * 2**20
        client._transport.resume_reading()  # type: ignore[union-attr]
        process.close()


async def test_what_is_written_down_of_a_person_has_a_rate(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_RATE", "10")
    monkeypatch.setattr(limits, "_people", limits.Gauge())
    settings.settings.cache_clear()

    async def rows(action: str) -> int:
        async with reading() as tx:
            return len((await tx.exec(select(AuditLog).where(AuditLog.action == action))).all())

    await scene.change(status=Status.STOPPED, desired_state=DesiredState.STOPPED)
    async with a_client(scene) as client:
        done = await asyncio.gather(*(client.run("true") for _ in range(15)))
        done += await asyncio.gather(*(client.run("true") for _ in range(15)))
        assert (await rows("ssh.login"), await rows("ssh.session")) == (1, 9)
        told = [str(each.stderr) for each in done]
        assert len([each for each in told if "Too many attempts. Try again in" in each]) == 21
        assert {each.exit_status for each in done} == {75}
        with pytest.raises(asyncssh.ChannelOpenError, match="Too many attempts"):
            await client.open_connection("127.0.0.1", 80)
        assert await rows("ssh.forward") == 0
    assert "Too many attempts" in (await scene.ssh("true")).err
    assert await rows("ssh.login") == 1


async def test_a_person_writes_one_thing_at_a_time_and_holds_up_nobody_else(
    scene: Scene, mallory: tuple[Actor, Key]
) -> None:
    person, key = mallory
    async with transaction() as tx:
        await sharing.share(tx, scene.alice, scene.container.id, role="operator", username="mallory")
    async with a_client(scene, client_keys=[str(key.path)], username="box.alice") as client:
        async with scene.gateway.turn(person.person_id):
            waiting = asyncio.create_task(client.run("true"))
            assert (await scene.ssh("echo fine")).out == b"fine\n"
            assert not waiting.done()
        assert (await waiting).exit_status == 0


async def test_a_huge_environment_is_dropped(scene: Scene) -> None:
    env = {f"PEQUEROKU_{number}": "x" for number in range(5000)} | {"PEQUEROKU_BIG": "x" * 30_000, "LD_PRELOAD": "/x"}
    async with a_client(scene) as client:
        done = await client.run("env", env={"PEQUEROKU_FIRST": "1", **env})
    names = [line.partition("=")[0] for line in str(done.stdout).splitlines()]
    assert "LD_PRELOAD" not in names
    assert len(names) < 200


@pytest.mark.parametrize("size", [(0, 0), (2**32 - 1, 2**32 - 1), (1, 1), (100_000, 3)])
async def test_absurd_sizes_become_sizes(database: str, tmp_path: Path, size: tuple[int, int]) -> None:
    async with a_gateway(tmp_path) as scene, a_client(scene) as client:
        done = await client.run("stty size", term_type="x" * 3000, term_size=size)
        rows, cols = map(int, str(done.stdout).split())
        assert 1 <= cols <= 1000
        assert 1 <= rows <= 1000


async def test_what_is_no_command_is_not_run(scene: Scene) -> None:
    async with a_client(scene) as client:
        for command in ("echo a\0; echo b", "x" * 200_000):
            done = await client.run(command)
            assert (done.exit_status, done.stdout) == (255, "")
            assert "No shell takes that" in str(done.stderr)
        with pytest.raises(asyncssh.ChannelOpenError):
            await client.run(subsystem="netconf")
        assert (await client.run("echo fine")).stdout == "fine\n"


async def test_agents_and_displays_are_not_forwarded(scene: Scene) -> None:
    done = await scene.ssh("echo agent=$SSH_AUTH_SOCK display=$DISPLAY", flags=("-A", "-X"))
    assert done.out.endswith(b"\n")
    async with a_client(scene) as client:
        for listening in (
            client.forward_remote_port("", 0, "127.0.0.1", 1),
            client.start_unix_server(lambda: None, "/x"),
        ):
            with pytest.raises((asyncssh.ChannelListenError, OSError)):
                await listening


async def test_malformed_names_are_nobodys(scene: Scene) -> None:
    for login in (
        "",
        "../box",
        "BOX",
        "box.",
        ".alice",
        "/box",
        "alice/",
        "бокс",
        "b" * 900,
        "0",
        "-1",
        "box;id",
    ):
        with suppress(asyncssh.Error):
            async with a_client(scene, username=login) as client:
                assert (await client.run("echo inside")).stdout == "", login
    assert not scene.guest.wires


async def test_bytes_that_are_no_ssh_hurt_nobody(scene: Scene) -> None:
    for said in (
        b"GET / HTTP/1.1\r\n\r\n",
        os.urandom(100_000),
        b"SSH-2.0-x\r\n" + bytes(500_000),
        b"SSH-2.0-x\r\n" + b"\xff" * 99,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
        with suppress(ConnectionError):
            writer.write(said)
            await writer.drain()
            writer.write_eof()
            await reader.read()
        writer.close()
    assert (await scene.ssh("echo fine")).out == b"fine\n"


@given(st.text(max_size=200))
def test_a_log_in_names_something_that_can_be_or_nothing(login: str) -> None:
    found = rules.named(login)
    if found is not None:
        assert found.name.isascii()
        assert found.name == found.name.lower()
        assert login in {found.name, f"{found.name}.{found.owner}", f"{found.owner}/{found.name}"}


@given(st.binary(max_size=60), st.binary(max_size=2000))
def test_an_environment_holds_nothing_that_moves_a_loader_or_a_shell(name: bytes, value: bytes) -> None:
    found = rules.setting(name, value)
    assert found is None or (found[0].startswith(("PEQUEROKU_", "COLORTERM", "TERM_PROGRAM")) and "\n" not in found[1])
