"""The command line against a server of its own: what it prints, and how it ends. Each command against a real machine is
in tests/integration/test_command_line.py.
"""

import json
import signal
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pequeroku import PequerokuError, __version__, cli
from pequeroku.tables import table
from typer.testing import CliRunner, Result

from backend.db import transaction
from backend.services import containers, sharing
from tests.command_line import CommandLine, interrupted
from tests.factories import a_node
from tests.people import a_user
from tests.programs import a_key
from tests.served_api import served_api
from tests.stores import free_port, wait_for


@pytest.fixture
async def signed_in(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Path]:
    """Somebody who did `pequeroku login`; their file."""
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("RUN_TASKS", "false")
    monkeypatch.setenv("SSH_PORT", str(free_port()))
    monkeypatch.setattr(cli, "_HOME", tmp_path / "config" / "pequeroku.json")
    async with transaction() as tx:
        await a_node(tx)
    key = await a_key(await a_user("ana"))
    with served_api() as url:
        said = _do("login", url, "--key", key)
        assert said.exit_code == 0, said.output
        yield tmp_path / "config" / "pequeroku.json"


def _do(*words: str, text: str = "") -> Result:
    return CliRunner().invoke(cli.app, list(words), input=text)


async def test_containers_are_made_listed_and_removed_by_name(signed_in: Path) -> None:
    assert signed_in.stat().st_mode & 0o077 == 0  # noqa: ASYNC240
    made = json.loads(_do("create", "box", "--no-wait", "--json").stdout)
    assert (made[0]["name"], made[0]["type"]) == ("box", "small")
    table = _do("ls").stdout.splitlines()
    assert table[0].split() == ["ID", "NAME", "TYPE", "STATUS", "OWNER", "EXPIRES_AT"]
    assert table[1].split()[1:4] == ["box", "small", "created"]
    assert "small" in _do("types").stdout
    assert "python-api" in _do("templates").stdout
    assert _do("stop", "box").exit_code == 0
    assert _do("rm", "box", text="n\n").exit_code == 1
    assert len(json.loads(_do("ls", "--json").stdout)) == 1
    assert _do("rm", str(made[0]["id"]), "--yes").exit_code == 0
    assert _do("logs", str(made[0]["id"])).exit_code in (0, 1)


async def test_a_name_of_digits_is_a_name_before_it_is_an_id(signed_in: Path, tmp_path: Path) -> None:
    """Whoever calls a machine by a number means that one, by HTTP as by SSH: the gateway looks so, too."""
    said = json.loads(signed_in.read_text())  # noqa: ASYNC240
    shell = CommandLine(tmp_path, PEQUEROKU_URL=said["url"], PEQUEROKU_KEY=said["key"])
    (tmp_path / "bin" / "ssh").write_text(_TELLS)
    (tmp_path / "bin" / "ssh").chmod(0o755)
    web = json.loads(shell.does("create", "web", "--no-wait", "--json"))[0]["id"]
    shell.does("create", str(web), "--no-wait")
    assert "web.ana@localhost" in shell.does("ssh", "web", "ls", code=9).splitlines()
    assert f"{web}.ana@localhost" in shell.does("ssh", str(web), "ls", code=9).splitlines()
    shell.does("rm", str(web), "--yes")
    gone = {each["name"]: each["deleting"] for each in json.loads(shell.does("ls", "--json"))}
    assert gone == {"web": False, str(web): True}
    assert "does not exist" in shell.refuses("rm", "4711", "--yes")


async def test_ones_own_is_meant_before_what_is_shared_and_ssh_is_told_whose_it_is(
    signed_in: Path, tmp_path: Path
) -> None:
    said, bob = json.loads(signed_in.read_text()), await a_user("bob")  # noqa: ASYNC240
    async with transaction() as tx:
        for name in ("box", "theirs"):
            made = await containers.create(tx, bob, container_type="small", name=name)
            await sharing.share(tx, bob, made.id, username="ana", role="operator")
    shell = CommandLine(tmp_path, PEQUEROKU_URL=said["url"], PEQUEROKU_KEY=said["key"])
    (tmp_path / "bin" / "ssh").write_text(_TELLS)
    (tmp_path / "bin" / "ssh").chmod(0o755)
    assert "box.bob@localhost" in shell.does("ssh", "box", "ls", code=9).splitlines()
    shell.does("create", "box", "--no-wait")
    assert "box.ana@localhost" in shell.does("ssh", "box", "ls", code=9).splitlines()
    assert "theirs.bob@localhost" in shell.does("ssh", "theirs", "ls", code=9).splitlines()


async def test_what_is_not_there_is_said_so(signed_in: Path) -> None:
    said = _do("stop", "nobody")
    assert isinstance(said.exception, PequerokuError)
    assert "no container “nobody”" in str(said.exception)
    signed_in.unlink()  # noqa: ASYNC240
    assert "pequeroku login" in str(_do("ls").exception)
    signed_in.write_text("{")  # noqa: ASYNC240
    assert "can't be read" in str(_do("ls").exception)


@pytest.mark.parametrize(
    "words",
    [
        ("cp", "a", "b"),
        ("cp", "box:/a", "other:/b"),
        ("cp", "box:/a", "here", "box:/b"),
        ("port-forward", "box", "80:x"),
        ("port-forward", "box", "0"),
        ("exec", "box"),
        ("exec", "box", "--"),
        ("run", "true", "-f", "/nowhere"),
        ("nonsense",),
        ("ls", "--nonsense"),
    ],
)
def test_what_is_used_wrongly_ends_with_2_and_asks_no_server(words: tuple[str, ...]) -> None:
    said = _do(*words)
    assert said.exit_code == 2, said.output


def test_the_version_is_told() -> None:
    assert _do("--version").stdout == f"pequeroku {__version__}\n"


_ROWS = [{"name": "box", "said": "x" * 50, "owner": None}, {"name": "日本", "said": "a\nb\x1b[31m", "owner": "ana"}]


def test_a_table_is_as_wide_as_it_has_to_be_and_cut_for_a_narrow_terminal() -> None:
    columns = ("name", "said", "owner")
    wide = table(_ROWS, columns)
    assert wide[1] == f"box   {'x' * 50}  -"
    assert wide[2].split() == ["日本", "a", "b", "[31m", "ana"], "nothing that a terminal obeys"
    narrow = table(_ROWS, columns, width=30)
    assert narrow[1] == f"box   {'x' * 16}…  -"
    assert wide == table(_ROWS, columns, width=200)
    assert all(len(line) <= 30 for line in table([{"a": "y" * 90, "b": "z" * 90}], ("a", "b"), width=30))


class _Stub(BaseHTTPRequestHandler):
    """Some other server, or ours with a command that says one thing and goes on for ever."""

    page: tuple[int, str] | None = None
    asked: list[str]

    def _answer(self) -> None:
        self.asked.append(f"{self.command} {self.path.partition('?')[0]}")
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        status, body = self.page or self._of_ours()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body.encode())))
        self.send_header("Location", "https://there.example/")
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - as http.server has it

    def _of_ours(self) -> tuple[int, str]:
        if self.command == "DELETE":
            return 204, ""
        if self.command == "POST":
            return 202, json.dumps({"process_id": "p1"} if "exec" in self.path else _RUN)
        if "/runs/" in self.path:
            return 200, json.dumps(_RUN)
        if "/processes/" in self.path:
            output = "aGVyZQo=" if "offset=0" in self.path else ""
            piece = {"output": output, "state": "running", "exit_code": None, "offset": 0, "next_offset": 5}
            return 200, json.dumps(dict.fromkeys(("process_id", "command", "output_bytes", *_TIMES)) | piece)
        if self.path.partition("?")[0].endswith("/containers/"):
            return 200, json.dumps({"count": 1, "results": [_BOX]})
        return 200, json.dumps(_BOX)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as http.server has it
        """Nothing."""


_TIMES = ("created_at", "started_at", "finished_at", "ended_at")
_SIZE = ("memory_mb", "vcpus", "disk_gib", "credits_cost", "expires_at", "deleting", "reason", "owner", "role", "type")
_BOX = dict.fromkeys((*_SIZE, *_TIMES)) | {"id": 7, "name": "box", "status": "running", "activity": "running"}
_BOX |= {"desired_state": "running"}
_RUN = dict.fromkeys(("command", "exit_code", "truncated", "duration_ms", "error_code", "timeout_seconds", *_TIMES))
_RUN |= {"id": 3, "status": "running", "message": ""}


@contextmanager
def _stub(page: tuple[int, str] | None = None) -> Generator[tuple[str, list[str]]]:
    """Its address, and what it is asked."""
    handler = type("Handler", (_Stub,), {"page": page, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler.asked  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ((200, "<h1>Welcome</h1>"), "Is the address right?"),
        ((200, "[{}]"), "Is the address right?"),
        ((404, "nothing"), "Is the address right?"),
        ((308, ""), "sends one on to https://there.example/"),
        ((502, "bad gateway"), "Try again later"),
    ],
)
def test_a_login_at_what_is_no_server_of_ours_is_refused_in_a_sentence(
    page: tuple[int, str], words: str, tmp_path: Path
) -> None:
    with _stub(page) as (url, _):
        assert words in CommandLine(tmp_path).refuses("login", url, "--key", "pk_a_b")
    assert not (tmp_path / "a config").exists()


@pytest.mark.parametrize(
    ("url", "key", "words"),
    [
        ("https://", "pk_a_b", "is no address of a server"),
        ("http://127.0.0.1:{port}", "hunter2", "That is no API key"),
        ("http://127.0.0.1:{port}", "pk_a_b", "can't be reached"),
    ],
)
def test_a_login_that_reaches_nobody_is_refused_in_a_sentence(url: str, key: str, words: str, tmp_path: Path) -> None:
    said = CommandLine(tmp_path).refuses("login", url.format(port=free_port()), stdin=f"{key}\n".encode())
    assert words in said


async def test_a_wrong_key_is_refused_and_an_address_may_be_as_in_the_browser(signed_in: Path, tmp_path: Path) -> None:
    said = json.loads(signed_in.read_text())  # noqa: ASYNC240
    shell = CommandLine(tmp_path)
    assert "key" in shell.refuses("login", said["url"], "--key", said["key"] + "x").lower()
    shell.does("login", said["url"].removeprefix("http://") + "/containers?q=1", stdin=said["key"].encode())
    kept = tmp_path / "a config" / "pequeroku.json"
    assert (json.loads(kept.read_text()), kept.stat().st_mode & 0o777) == (said, 0o600)
    assert shell.does("ls", "--json") == "[]\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_command_does_not_outlive_who_waited_for_it(number: int, code: int, tmp_path: Path) -> None:
    with _stub() as (url, asked):
        shell = CommandLine(tmp_path, PEQUEROKU_URL=url, PEQUEROKU_KEY="pk_a_b")
        for words in (("exec", "7", "yes"), ("run", "yes")):
            asked.clear()
            with shell.goes_on(*words) as process:
                wait_for("it to go on", lambda: sum(each.startswith("GET") for each in asked) > 2)
                assert interrupted(process, number) == code
                assert b"Traceback" not in process.stderr.read()  # type: ignore[union-attr]
            there = "containers/7/processes/p1" if words[0] == "exec" else "runs/3"
            assert f"DELETE /api/v1/{there}/" in asked


def test_a_command_whose_time_is_over_or_whose_reader_is_gone_is_ended(tmp_path: Path) -> None:
    with _stub() as (url, asked):
        shell = CommandLine(tmp_path, PEQUEROKU_URL=url, PEQUEROKU_KEY="pk_a_b")
        done = shell.run("exec", "--timeout", "1.5", "7", "yes")
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (124, b"here\n", 1)
        assert asked[-1] == "DELETE /api/v1/containers/7/processes/p1/"


async def test_a_stopped_container_is_not_entered_and_it_is_said_what_to_do(signed_in: Path, tmp_path: Path) -> None:
    said = json.loads(signed_in.read_text())  # noqa: ASYNC240
    shell = CommandLine(tmp_path, PEQUEROKU_URL=said["url"], PEQUEROKU_KEY=said["key"])
    shell.does("create", "box", "--no-wait")
    shell.does("stop", "box")
    for words in (("exec", "box", "true"), ("ssh", "box"), ("cp", "box:a", "b"), ("port-forward", "box", "80")):
        assert "pequeroku start box" in shell.refuses(*words)


_TELLS = '#!/bin/sh\nfor each in "$@"; do echo "$each"; done\nexit 9\n'


async def test_openssh_is_told_which_key_the_gateway_has_and_where_it_is(signed_in: Path, tmp_path: Path) -> None:
    said = json.loads(signed_in.read_text())  # noqa: ASYNC240
    shell = CommandLine(tmp_path, PEQUEROKU_URL=said["url"], PEQUEROKU_KEY=said["key"])
    shell.does("create", "box", "--no-wait")
    for name in ("ssh", "scp"):
        (tmp_path / "bin" / name).write_text(_TELLS)
        (tmp_path / "bin" / name).chmod(0o755)
    told = shell.does("ssh", "box", "ls", "-la", code=9).splitlines()
    rest = ["--", "box.ana@localhost", "ls", "-la"]
    assert told[-8:] == ["-o", "ClearAllForwardings=yes", "-o", "RequestTTY=auto", *rest]
    assert {"StrictHostKeyChecking=yes", "HostKeyAlias=pequeroku", "RemoteCommand=none"} <= set(told)
    known = next(each.partition("=")[2].strip('"') for each in told if each.startswith("UserKnownHostsFile="))
    assert Path(known).read_text().startswith("pequeroku ssh-ed25519 AAAA")  # noqa: ASYNC240
    told = shell.does("cp", "a file", "box:/app/", code=9).splitlines()
    assert told[-4:] == ["-r", "--", "./a file", "box.ana@localhost:/app/"]
    told = shell.does("port-forward", "box", "81:80", code=9).splitlines()
    assert told[-5:] == ["-N", "-L", "127.0.0.1:81:127.0.0.1:80", "--", "box.ana@localhost"]


async def test_a_shell_is_taught_to_complete_commands_and_names(signed_in: Path, tmp_path: Path) -> None:
    said = json.loads(signed_in.read_text())  # noqa: ASYNC240
    shell = CommandLine(tmp_path, PEQUEROKU_URL=said["url"], PEQUEROKU_KEY=said["key"])
    assert "_PEQUEROKU_COMPLETE=complete_bash" in shell.script("bash", "pequeroku --show-completion; true")
    shell.does("create", "box", "--no-wait")
    for line, word in (("pequeroku port", "port-forward"), ("pequeroku stop b", "box")):
        shell.environment |= {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        assert word in shell.script("bash", "_PEQUEROKU_COMPLETE=complete_bash pequeroku")


@pytest.mark.parametrize(
    "words", [("ssh", "box", "uptime"), ("port-forward", "box", "8000"), ("cp", "box:/app/a", "here")]
)
def test_what_a_server_says_is_never_read_as_an_option_of_openssh(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Liar:
        def __enter__(self) -> "Liar":
            return self

        def __exit__(self, *_fault: object) -> None: ...

        def raw(self, _method: str, _path: str) -> dict[str, object]:
            return {"host": "host", "port": 2222, "known_hosts": "host ssh-ed25519 A"}

    told: list[str] = []
    box = SimpleNamespace(
        name="-oProxyCommand=touch broken #", owner="ana", status="running", desired_state="running", activity="running"
    )
    monkeypatch.setattr(cli, "_HOME", tmp_path / "pequeroku.json")
    monkeypatch.setattr(cli, "_client", Liar)
    monkeypatch.setattr(cli, "_find", lambda _client, _name: box)
    monkeypatch.setattr(cli.openssh, "handed_over", lambda said: told.extend(said) or 0)
    assert _do(*words).exit_code == 0
    (place,) = [number for number, each in enumerate(told) if each.startswith(box.name)]
    assert told.index("--") < place
