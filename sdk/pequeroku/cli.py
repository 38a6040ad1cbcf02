"""`pequeroku`: machines from a shell. What it prints is a table, or with --json what the server said."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from pequeroku.client import Client
from pequeroku.errors import PequerokuError
from pequeroku.models import Container

app = typer.Typer(no_args_is_help=True, help="Real virtual machines of a Pequeroku server.")
_HOME = Path(os.environ.get("XDG_CONFIG_HOME", "") or Path.home() / ".config") / "pequeroku.json"
_PAGE = 200
Json = Annotated[bool, typer.Option("--json", help="Print what the server said.")]


def main() -> None:
    """The program. A refusal is its sentence, and exit code 1."""
    try:
        app()
    except PequerokuError as refusal:
        print(f"pequeroku: {refusal}", file=sys.stderr)
        raise SystemExit(1) from None


def _client() -> Client:
    said: dict[str, str] = json.loads(_HOME.read_text()) if _HOME.exists() else {}
    url = os.environ.get("PEQUEROKU_URL") or said.get("url", "")
    key = os.environ.get("PEQUEROKU_KEY") or said.get("key", "")
    if not url or not key:
        raise PequerokuError("You are not signed in. Do: pequeroku login URL")
    return Client(url, key)


def _find(client: Client, name: str) -> Container:
    """One's own by its name, or any by its id."""
    if name.isdecimal():
        return client.get(int(name))
    offset = 0
    while True:
        page = client.containers(limit=_PAGE, offset=offset)
        found = [each for each in page.results if each.name == name]
        own = [each for each in found if each.role is None]
        if own or found:
            return (own or found)[0]
        offset += _PAGE
        if offset >= page.count:
            raise PequerokuError(f"There is no container “{name}”. `pequeroku ls` shows what there is.", "not_found")


def _print(rows: Iterable[Any], columns: Sequence[str], *, as_json: bool) -> None:
    plain = [asdict(each) if is_dataclass(each) and not isinstance(each, type) else dict(each) for each in rows]
    if as_json:
        typer.echo(json.dumps(plain, indent=2))
        return
    table = [[each.upper() for each in columns], *([_text(row[name]) for name in columns] for row in plain)]
    widths = [max(len(line[place]) for line in table) for place in range(len(columns))]
    for line in table:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _text(value: object) -> str:
    return "-" if value in (None, "") else str(value)


@app.command()
def login(url: str, key: Annotated[str, typer.Option(prompt="API key", hide_input=True)] = "") -> None:
    """Keep where the server is, and a key of yours (page Account, Keys), in a file that only you can read."""
    with Client(url, key) as client:
        client.types()
    _HOME.parent.mkdir(parents=True, exist_ok=True)
    _HOME.unlink(missing_ok=True)
    with os.fdopen(os.open(_HOME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"url": url, "key": key}, file)
    typer.echo(f"Signed in. The key is in {_HOME}.")


@app.command()
def ls(as_json: Json = False) -> None:
    """Your containers, and those shared with you."""
    with _client() as client:
        found, offset = list[Container](), 0
        while True:
            page = client.containers(limit=_PAGE, offset=offset)
            found += page.results
            offset += _PAGE
            if offset >= page.count:
                break
    _print(found, ("id", "name", "type", "status", "owner", "expires_at"), as_json=as_json)


@app.command()
def types(as_json: Json = False) -> None:
    """The sizes that you may have."""
    with _client() as client:
        _print(client.types(), ("name", "vcpus", "memory_mb", "disk_gib", "credits_cost"), as_json=as_json)


@app.command()
def templates(as_json: Json = False) -> None:
    """Sets of files that can be put into a container."""
    with _client() as client:
        found = client.raw("GET", "/api/templates/?limit=200")["items"]
    _print(found, ("slug", "name", "description"), as_json=as_json)


@app.command()
def create(
    name: Annotated[str, typer.Argument()] = "",
    kind: Annotated[str, typer.Option("--type", "-t")] = "small",
    wait: bool = True,
    ttl: Annotated[int | None, typer.Option(help="Seconds after which it is deleted.")] = None,
    as_json: Json = False,
) -> None:
    """Make a container, and wait until it runs."""
    with _client() as client:
        made = client.create(kind, name, ttl_seconds=ttl)
        if wait:
            made = client.wait_until_running(made.id, timeout_s=300)
    _print([made], ("id", "name", "type", "status"), as_json=as_json)


@app.command()
def start(name: str, wait: bool = True) -> None:
    """Start a container."""
    with _client() as client:
        found = _find(client, name)
        client.start(found.id)
        if wait:
            client.wait_until_running(found.id, timeout_s=300)


@app.command()
def stop(name: str) -> None:
    """Shut a container down."""
    with _client() as client:
        client.stop(_find(client, name).id)


@app.command()
def rm(name: str, yes: Annotated[bool, typer.Option("--yes", "-y")] = False) -> None:
    """Delete a container with its disk."""
    with _client() as client:
        found = _find(client, name)
        if not yes:
            typer.confirm(f"Delete “{found.name}” with its disk, for good?", abort=True)
        client.delete(found.id)


@app.command(context_settings={"allow_interspersed_args": False})
def exec(  # noqa: A001 - the command's name
    name: str,
    command: list[str],
    cwd: str = "",
    timeout: float = 600,
) -> None:
    """Run a command, and end with its exit code. Its output comes as it is said; its input is ours."""
    words = command[0] if len(command) == 1 else " ".join(_quoted(each) for each in command)
    with _client() as client:
        found = _find(client, name)
        stdin = "" if sys.stdin.isatty() else sys.stdin.read()
        if stdin:
            done = client.exec(found.id, words, cwd=cwd, stdin=stdin, timeout=timeout)
            sys.stdout.write(done.stdout)
            sys.stderr.write(done.stderr)
            raise SystemExit(done.exit_code if done.exit_code is not None else 1)
        stream = client.stream(found.id, words, cwd=cwd)
        raise SystemExit(_said(stream))


def _said(stream: Any) -> int:
    """Write what comes; gives the exit code."""
    try:
        while True:
            sys.stdout.write(next(stream))
            sys.stdout.flush()
    except StopIteration as end:
        return end.value if end.value is not None else 1
    except KeyboardInterrupt:
        stream.close()
        return 130


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


@app.command()
def logs(name: str, follow: Annotated[bool, typer.Option("--follow", "-f")] = False) -> None:
    """What happened to a container, newest last."""
    with _client() as client:
        found, seen = _find(client, name), 0
        while True:
            items = client.raw("GET", f"/api/containers/{found.id}/logs/?limit=100")["items"]
            for each in reversed([each for each in items if each["id"] > seen]):
                seen = each["id"]
                typer.echo(f"{each['at']}  {each['kind']}  {each['text']}".rstrip())
            if not follow:
                return
            time.sleep(1)


@app.command()
def run(
    command: str,
    file: Annotated[list[Path] | None, typer.Option("--file", "-f", help="Put into /app before.")] = None,
    kind: Annotated[str, typer.Option("--type", "-t")] = "",
    timeout: int = 60,
) -> None:
    """Run a command in a machine of its own, which is gone afterwards; ends with its exit code."""
    with _client() as client:
        files = {each.name: each.read_bytes() for each in file or []}
        done = client.run_once(command, files=files, type=kind or None, timeout_seconds=timeout)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    if done.message:
        print(f"pequeroku: {done.message}", file=sys.stderr)
    raise SystemExit(done.exit_code if done.exit_code is not None else 1)


@app.command(context_settings={"allow_interspersed_args": False})
def ssh(name: str, words: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Your own ssh, into a container."""
    _over_ssh("ssh", name, lambda at, port: ["-p", port, at, *(words or [])])


@app.command()
def cp(source: str, target: str) -> None:
    """Copy files or folders by scp: `NAME:/path` is in a container."""
    name = next((each.partition(":")[0] for each in (source, target) if ":" in each), "")
    if not name:
        raise PequerokuError("One of the two has to be NAME:/path.")

    def words(at: str, port: str) -> list[str]:
        said = [f"{at}:{each.partition(':')[2]}" if each.startswith(f"{name}:") else each for each in (source, target)]
        return ["-r", "-P", port, *said]

    _over_ssh("scp", name, words)


@app.command("port-forward")
def port_forward(name: str, ports: str) -> None:
    """Reach a port of a container from here: `8000`, or `HERE:THERE`. Until Ctrl-C."""
    here, _, there = ports.partition(":")
    typer.echo(f"http://127.0.0.1:{here} is port {there or here} of “{name}”. Ctrl-C ends it.")
    to = f"127.0.0.1:{here}:127.0.0.1:{there or here}"
    _over_ssh("ssh", name, lambda at, port: ["-N", "-L", to, "-p", port, at])


def _over_ssh(program: str, name: str, words: Callable[[str, str], list[str]]) -> None:
    """Hand over to OpenSSH, which knows the gateway's key from us."""
    path = shutil.which(program)
    if path is None:
        raise PequerokuError(f"There is no {program} here. Install OpenSSH.")
    with _client() as client:
        found, gateway = _find(client, name), client.raw("GET", "/api/ssh-gateway/")
    if not gateway.get("port"):
        raise PequerokuError("This server has no SSH gateway.")
    known = _HOME.with_name("pequeroku-known-hosts")
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_text(gateway["known_hosts"] + "\n")
    said = words(f"{found.id}@{gateway['host']}", str(gateway["port"]))
    done = subprocess.run([path, "-o", f"UserKnownHostsFile={known}", *said], check=False)
    raise SystemExit(done.returncode)
