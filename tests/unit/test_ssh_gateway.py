"""People's own `ssh`, `sftp` and `scp` into a played guest, through the gateway."""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlmodel import col, select

from backend.db import reading, transaction
from backend.models import AuditLog, Container, DesiredState, SshKey, Status
from backend.rules.policy import Via
from tests.ssh_clients import Scene, a_gateway, a_terminal, in_background, run
from tests.stores import eventually, free_port


@pytest.fixture
async def scene(database: str, tmp_path: Path) -> AsyncGenerator[Scene]:
    async with a_gateway(tmp_path) as made:
        yield made


async def _audited(action: str) -> list[AuditLog]:
    async with reading() as tx:
        return list((await tx.exec(select(AuditLog).where(AuditLog.action == action).order_by(col(AuditLog.id)))).all())


async def test_a_command_has_its_streams_apart_and_its_exit_code(scene: Scene) -> None:
    done = await scene.ssh("cat; echo out; echo err >&2; exit 7", stdin=b"in\n")
    assert (done.code, done.out, done.err) == (7, b"in\nout\n", "err\n")


async def test_what_was_done_is_in_the_audit_log_with_the_key(scene: Scene) -> None:
    await scene.ssh("true # once")
    await eventually("it to be noted that they left", lambda: _audited("ssh.logout"))
    (login,), (session,), (gone,) = [await _audited(f"ssh.{each}") for each in ("login", "session", "logout")]
    assert {each.user_id for each in (login, session, gone)} == {scene.alice.user_id}
    assert {each.via for each in (session, gone)} == {Via.SSH}
    assert (session.target_type, session.target_id) == ("container", str(scene.container.id))
    assert session.message == "true # once"
    assert session.details == {"ssh_key": scene.key.fingerprint}
    assert scene.key.fingerprint in login.message
    assert session.ip == "127.0.0.1"
    assert "OpenSSH" in session.user_agent
    async with reading() as tx:
        assert (await tx.get_one(SshKey, scene.key.id)).last_used_at is not None
        assert (await tx.get_one(Container, scene.container.id)).last_active_at is not None


async def test_bytes_go_both_ways_unchanged_and_their_ends_are_heard(scene: Scene) -> None:
    data = os.urandom(3_000_000)
    done = await scene.ssh("cat", stdin=data)
    assert done.out == data
    done = await scene.ssh("head -c 5; cat > /dev/null; echo end", stdin=data)
    assert (done.out, done.code) == (data[:5] + b"end\n", 0)


async def test_a_terminal_has_its_kind_its_size_and_its_keys(scene: Scene) -> None:
    async with a_terminal(scene, cols=101, rows=31) as terminal:
        await terminal.shows("guest$ ")
        terminal.type("stty size; echo $TERM-$((40+2)); echo $LANG\r")
        await terminal.shows("31 101")
        await terminal.shows("screen-256color-42")
        await terminal.shows("C.UTF-8")
        terminal.resize(77, 22)
        terminal.type("stty size\r")
        await eventually("the new size", lambda: b"22 77" in terminal.seen or terminal.type("stty size\r"), pause_s=0.2)
        terminal.type("echo g$((1))o; sleep 100\r")
        await terminal.shows("g1o")
        terminal.type("\x03exit 5\r")
        assert await terminal.ended() == 5


async def test_files_go_in_and_out_by_sftp_and_scp(scene: Scene, tmp_path: Path) -> None:
    data = os.urandom(2_000_000)
    (tmp_path / "there").mkdir()
    (tmp_path / "mine").write_bytes(data)
    options = scene.options()
    script = f"put {tmp_path}/mine {tmp_path}/there/a\nls {tmp_path}/there\nget {tmp_path}/there/a {tmp_path}/back\n"
    done = await run("sftp", *options, "-b", "-", "127.0.0.1", stdin=script.encode())
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "back").read_bytes() == data
    done = await run("scp", *options, str(tmp_path / "mine"), f"127.0.0.1:{tmp_path}/there/b")
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "there" / "b").read_bytes() == data
    assert {each.message for each in await _audited("ssh.session")} == {"SFTP"}


async def test_git_clones_and_pushes(scene: Scene, tmp_path: Path) -> None:
    ssh = " ".join(["ssh", *(f"'{word}'" for word in scene.options())])
    said = (f"core.sshCommand={ssh}", "user.name=A", "user.email=a@b")
    git = ["git", *(word for each in said for word in ("-c", each))]
    there, here = tmp_path / "repo.git", tmp_path / "repo"
    assert (await run("git", "-c", "init.defaultBranch=main", "init", "--bare", str(there))).code == 0
    done = await run(*git, "clone", f"box@127.0.0.1:{there}", str(here))
    assert done.code == 0, done.err
    (here / "file").write_text("content")
    for words in (["add", "."], ["commit", "-m", "One"], ["push", "origin", "HEAD:main"]):
        done = await run(*git, "-C", str(here), *words)
        assert done.code == 0, done.err
    assert (await run("git", "-C", str(there), "log", "--format=%s", "main")).out == b"One\n"


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    writer.close()


async def _digest_through(port: int, data: bytes, *, first: bytes = b"", skip: int = 0) -> str:
    """What comes back of the data through a forwarded port."""

    async def connected() -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return None

    reader, writer = await eventually("the port", connected)
    if first:
        for piece in (first[:3], first[3:]):
            writer.write(piece)
            await reader.readexactly(2 if piece == first[:3] else skip - 2)
    writer.write(data)
    writer.write_eof()
    came = await reader.read(-1)
    writer.close()
    return hashlib.sha256(came).hexdigest()


async def test_ports_are_forwarded_from_the_guest_one_by_one_and_dynamically(scene: Scene) -> None:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    there, here, socks = server.sockets[0].getsockname()[1], free_port(), free_port()
    data = os.urandom(1_000_000)
    wanted = hashlib.sha256(data).hexdigest()
    async with in_background(scene, "-L", f"{here}:127.0.0.1:{there}", "-D", str(socks)):
        assert await _digest_through(here, data) == wanted
        hello = b"\x05\x01\x00" + b"\x05\x01\x00\x01" + bytes([127, 0, 0, 1]) + there.to_bytes(2, "big")
        assert await _digest_through(socks, data, first=hello, skip=12) == wanted
        assert await _digest_through(here, data) == wanted
    server.close()
    rows = await _audited("ssh.forward")
    assert [each.message for each in rows] == [f"127.0.0.1:{there}"]


async def test_listening_in_the_guest_for_the_person_is_refused_with_words(scene: Scene) -> None:
    done = await scene.ssh("echo fine", flags=("-R", "9000:127.0.0.1:22"), LogLevel="INFO")
    assert done.out == b"fine\n"
    assert "use -L or -D" in done.err


async def test_a_stopped_machine_is_started_for_who_has_a_terminal_and_says_yes(scene: Scene) -> None:
    await scene.change(status=Status.STOPPED, desired_state=DesiredState.STOPPED)
    async with a_terminal(scene, "echo it-$((1+1))") as terminal:
        await terminal.shows("“box” is stopped. Start it? [Y/n]")
        terminal.type("\r")

        async def is_wanted() -> bool:
            async with reading() as tx:
                return (await tx.get_one(Container, scene.container.id)).desired_state is DesiredState.RUNNING

        await eventually("the wish", is_wanted)
        assert b"it-2" not in terminal.seen
        await scene.change(status=Status.RUNNING)
        await terminal.shows("it-2")
        assert await terminal.ended() == 0
    (row,) = await _audited("container.power_on")
    assert (row.user_id, row.via, row.details) == (scene.alice.user_id, Via.SSH, {"ssh_key": scene.key.fingerprint})


@pytest.mark.parametrize("key", ["n", "\x03"])
async def test_a_stopped_machine_stays_so_for_who_says_no(scene: Scene, key: str) -> None:
    await scene.change(status=Status.STOPPED, desired_state=DesiredState.STOPPED)
    async with a_terminal(scene) as terminal:
        await terminal.shows("Start it?")
        terminal.type(key)
        await terminal.shows("stays as it is")
        assert await terminal.ended() == 75
    assert await _audited("container.power_on") == []


async def test_without_a_terminal_a_stopped_machine_is_told_of(scene: Scene) -> None:
    await scene.change(status=Status.STOPPED, desired_state=DesiredState.STOPPED)
    done = await scene.ssh("true")
    assert (done.code, done.out) == (75, b"")
    assert "“box” is stopped. Start it on its page" in done.err
    await scene.change(desired_state=DesiredState.RUNNING)
    waiting = asyncio.create_task(scene.ssh("echo up"))
    await eventually("it to be asked for", lambda: _audited("ssh.session"))
    await scene.change(status=Status.RUNNING)
    assert (await waiting).out == b"up\n"


async def test_a_machine_that_does_not_answer_is_a_sentence(scene: Scene) -> None:
    scene.guest.switch_off()
    done = await scene.ssh("true")
    assert (done.code, done.err) == (75, "pequeroku: The machine is not running.\n")


async def test_a_machine_that_goes_is_a_sentence_too(scene: Scene) -> None:
    running = asyncio.create_task(scene.ssh("echo begun; sleep 100"))
    await eventually("it to have begun", lambda: scene.guest.wires)
    await eventually("it to be noted", lambda: _audited("ssh.session"))
    await asyncio.sleep(0)
    scene.guest.switch_off()
    done = await running
    assert done.code in (75, 255)
    assert "pequeroku: The " in done.err


async def test_the_same_key_is_the_gateways_after_a_restart(scene: Scene, tmp_path: Path) -> None:
    found = await run("ssh-keyscan", "-p", str(scene.port), "-t", "ed25519", "127.0.0.1")
    assert found.out.strip() in (tmp_path / "known_hosts").read_bytes()


async def test_a_removed_key_ends_what_goes_on_by_it(scene: Scene) -> None:
    from backend.services import keys

    async with a_terminal(scene) as terminal:
        await terminal.shows("guest$ ")
        async with transaction() as tx:
            await keys.remove_ssh_key(tx, scene.alice, scene.key.id)
        assert await terminal.ended() == 255
    await eventually("it to be noted that they left", lambda: _audited("ssh.logout"))
    assert (await scene.ssh("true")).code == 255
