"""Every command of `pequeroku`, as a program of its own, against a whole server with a real machine: over HTTP, and by
the person's own OpenSSH through the gateway. The examples of the client's README too.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.command_line import CommandLine, commands, interrupted
from tests.integration.world import BOOT_S, SERVER, TaskProcess, World
from tests.programs import a_key
from tests.ssh_clients import a_key as an_ssh_key
from tests.stores import eventually, free_port, wait_for

pytestmark = [pytest.mark.vm]
_README = (Path(__file__).resolve().parents[2] / "sdk" / "README.md").read_text()


@pytest.fixture
def server(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """All of it in one process: pages, API, SSH gateway, tasks. Its address."""
    monkeypatch.setenv("SSH_PORT", str(free_port()))
    monkeypatch.setenv("PREVIEW_PORT", "0")
    process = TaskProcess(tmp_path / "server.log", SERVER)
    process.start()
    yield process.url
    process.kill()
    print(process.said())  # pytest shows it beside a failure


@pytest.fixture
async def key(world: World, server: str) -> str:
    await world.until_healthy()
    return await a_key(world.actor)


@pytest.fixture
async def shell(world: World, key: str, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, (await an_ssh_key(world.actor, tmp_path)).path)


async def test_every_command_does_what_it_says(shell: CommandLine, key: str, server: str, world: World) -> None:
    def day() -> None:
        _signs_in(shell, server, key)
        _makes_a_machine(shell)
        _runs_commands(shell)
        _breaks_off(shell)
        _gets_in_by_ssh(shell)
        _copies(shell)
        _reaches_a_port(shell)
        _is_told_what_happens(shell)
        _starts_what_was_stopped(shell)
        _runs_once(shell)
        shell.does("rm", "box", "--yes")

    await asyncio.to_thread(day)
    assert shell.asked == commands()
    await _until_nothing_is_left(shell)


async def _until_nothing_is_left(shell: CommandLine) -> None:
    async def is_so() -> bool:
        return json.loads(await asyncio.to_thread(shell.does, "ls", "--json")) == []

    await eventually("the machines to be gone", is_so, seconds=BOOT_S, pause_s=1)


def _signs_in(shell: CommandLine, server: str, key: str) -> None:
    assert "pequeroku login" in shell.refuses("ls")
    assert "key" in shell.refuses("login", server, "--key", "pk_aaaaaaaa_" + "a" * 32).lower()
    shell.does("login", server, stdin=f"{key}\n".encode())
    assert "small" in [each["name"] for each in json.loads(shell.does("types", "--json"))]
    assert "python-api" in shell.does("templates")
    assert json.loads(shell.does("ls", "--json")) == []


def _makes_a_machine(shell: CommandLine) -> None:
    made = json.loads(shell.does("create", "box", "-t", "small", "--json"))[0]
    assert (made["name"], made["status"]) == ("box", "running")
    table = shell.does("ls").splitlines()
    assert table[1].split()[:4] == [str(made["id"]), "box", "small", "running"]


def _runs_commands(shell: CommandLine) -> None:
    assert shell.does("exec", "box", "--", "sh", "-c", 'echo "$1"; exit 3', "-", "it's $HOME", code=3) == "it's $HOME\n"
    assert shell.does("exec", "--cwd", "/tmp", "box", "pwd; echo $HOME") == "/tmp\n/root\n"
    assert shell.does("exec", "box", "hostname") == "box\n"
    with shell.goes_on("exec", "box", "echo one; sleep 8; echo two") as process:
        assert process.stdout.readline() == b"one\n"  # type: ignore[union-attr]
        assert process.poll() is None
        assert process.stdout.read() == b"two\n"  # type: ignore[union-attr]
        assert process.wait(60) == 0
    data = os.urandom(200_000)
    assert shell.run("exec", "box", "cat", stdin=data).stdout == data
    odd = shell.run("exec", "box", r"printf '\303'; sleep 1; printf '\251\377\000'; kill -TERM $$")
    assert (odd.stdout, odd.returncode) == (b"\xc3\xa9\xff\x00", 143)
    assert shell.does("exec", "--timeout", "3", "box", "sleep 4320", code=124) == ""


def _breaks_off(shell: CommandLine) -> None:
    """Whoever leaves takes along what they began."""
    for words in (("exec", "box", "sleep 4321"), ("exec", "box", "--", "sh", "-c", "sleep 4321 & wait")):
        with shell.goes_on(*words) as process:
            wait_for(
                "it runs there",
                lambda: shell.run("exec", "box", "pgrep -f 'sleep 432[1]'").returncode == 0,
                seconds=BOOT_S,
            )
            assert interrupted(process) == 130
        assert shell.run("exec", "box", "pgrep -f 'sleep 432[01]'").returncode == 1
    assert shell.does("exec", "box", "ls /var/lib/pequeroku/runs | wc -l") == "1\n", "only this one"


def _gets_in_by_ssh(shell: CommandLine) -> None:
    done = shell.run("ssh", "box", "cat; hostname; exit 7", stdin=b"in\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"in\nbox\n", b"")
    assert shell.does("ssh", "box", "--", "echo", "a   b") == "a b\n"


def _copies(shell: CommandLine) -> None:
    data, here = os.urandom(100_000), shell.folder / "with a space"
    (here / "deep").mkdir(parents=True)
    (here / "deep" / "raw").write_bytes(data)
    (shell.folder / "a:b").write_bytes(b"colon")
    shell.does("cp", "with a space", "./a:b", "box:/app/")
    assert shell.does("exec", "box", "cat '/app/a:b'; ls '/app/with a space/deep'") == "colonraw\n"
    shell.does("cp", "box:/app/with a space", "back")
    assert (shell.folder / "back" / "deep" / "raw").read_bytes() == data
    assert shell.run("cp", "box:/app/nothing", "here").returncode == 1


def _reaches_a_port(shell: CommandLine) -> None:
    shell.does(
        "exec", "box", "echo hello > /srv/page; systemd-run -q -u web --working-directory=/srv python3 -m http.server"
    )
    port = free_port()

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/page").text == "hello\n"
        except httpx.TransportError:
            return False

    with shell.goes_on("port-forward", "box", f"{port}:8000") as process:
        wait_for("the page", answers, seconds=BOOT_S)
        taken = shell.run("port-forward", "box", f"{port}:8000")
        assert (taken.returncode, b"in use" in taken.stderr) == (255, True)
        assert interrupted(process) == 130
    assert not answers()


def _is_told_what_happens(shell: CommandLine) -> None:
    assert "running" in shell.does("logs", "box")
    with shell.goes_on("logs", "-f", "box") as process:
        assert process.stdout.readline()  # type: ignore[union-attr]
        shell.does("stop", "box")
        while b"stopped" not in process.stdout.readline():  # type: ignore[union-attr]
            assert process.poll() is None
        assert interrupted(process) == 130


def _starts_what_was_stopped(shell: CommandLine) -> None:
    for words in (
        ("exec", "box", "true"),
        ("ssh", "box", "true"),
        ("cp", "box:/app/a", "a"),
        ("port-forward", "box", "80"),
    ):
        assert "pequeroku start box" in shell.refuses(*words)
    shell.does("start", "box")
    assert shell.does("exec", "box", "cat /srv/page") == "hello\n"


def _runs_once(shell: CommandLine) -> None:
    (shell.folder / "main.py").write_text("import sys\nprint(6 * 7)\nsys.exit('no')")
    done = shell.run("run", "python3 main.py; exit 4", "-f", "main.py")
    assert (done.returncode, done.stdout, done.stderr) == (4, b"42\n", b"no\n")
    assert "nowhere" in shell.refuses("run", "true", "-f", "nowhere", code=2)

    def is_alone() -> bool:
        return [each["name"] for each in json.loads(shell.does("ls", "--json"))] == ["box"]

    wait_for("its machine to be gone", is_alone, seconds=BOOT_S)


async def test_the_examples_of_the_clients_readme_do_what_they_say(
    shell: CommandLine, key: str, server: str, world: World
) -> None:
    shell.environment |= {"PEQUEROKU_URL": server, "PEQUEROKU_KEY": key}
    said = list[str]()
    for kind, text in re.findall(r"^```(python|sh)\n(.*?)^```$", _README, re.M | re.S):
        said.append(await asyncio.to_thread(shell.script, sys.executable if kind == "python" else "bash", text))
    await _until_nothing_is_left(shell)
    assert len(said) == 3
    assert "succeeded 42\n" in said[0]
    assert said[0].endswith("1\n2\n3\nexit code 5\n")
    assert "Linux" in said[1]
    assert "\n/tmp\n42\n42\nmain.py\n" in said[2]
