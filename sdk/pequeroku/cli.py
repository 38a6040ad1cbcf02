"""`pequeroku`: machines from a shell. What it prints is a table, or with --json what the server said.

It ends with 0; with 1 after a refusal, which is told in a sentence; with 2 where it was used wrongly; with the exit
code of what it ran for somebody; with 128 + n after signal n.
"""

import json
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn
from urllib.parse import urlsplit

import typer

from pequeroku import openssh
from pequeroku.client import Client
from pequeroku.errors import PequerokuError
from pequeroku.models import Container
from pequeroku.process import INTERRUPTED, OUT_OF_TIME, leave, out_of_time, piped_in
from pequeroku.tables import plain, table
from pequeroku.version import __version__

app = typer.Typer(
    no_args_is_help=True,
    help="Real virtual machines of a Pequeroku server.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_HOME = Path(os.environ.get("XDG_CONFIG_HOME", "") or Path.home() / ".config") / "pequeroku.json"
_PAGE = 200
_LOOK_EVERY_S = 0.3
_AS_TYPED: dict[str, Any] = {"allow_interspersed_args": False}
"""What follows the name is not read for options of ours."""


def _names() -> list[str]:
    """For the shell's completion, which has no use for refusals."""
    with suppress(PequerokuError), _client() as client:
        return [each.name for each in client.containers(limit=_PAGE).results]
    return []


Name = Annotated[str, typer.Argument(metavar="NAME", help="A container's name, or its id.", autocompletion=_names)]
Json = Annotated[bool, typer.Option("--json", help="Print what the server said.")]
Kind = Annotated[str, typer.Option("--type", "-t", help="A size: `pequeroku types` has them.")]
Cwd = Annotated[str, typer.Option(help="The folder to run it in.")]
Wait = Annotated[bool, typer.Option(help="Until it runs.")]


def main() -> None:
    """The program."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, leave)
    try:
        app(prog_name="pequeroku")
    except PequerokuError as refusal:
        print(f"pequeroku: {plain(refusal)}", file=sys.stderr)
        raise SystemExit(1) from None


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pequeroku {__version__}")
        raise typer.Exit


@app.callback()
def every(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    """Real virtual machines of a Pequeroku server."""


def _client() -> Client:
    try:
        said = json.loads(_HOME.read_text()) if _HOME.exists() else {}
        url, key = said.get("url", ""), said.get("key", "")
    except (OSError, ValueError, AttributeError):
        raise PequerokuError(f"{_HOME} can't be read. Do: pequeroku login URL") from None
    url, key = os.environ.get("PEQUEROKU_URL") or url, os.environ.get("PEQUEROKU_KEY") or key
    if not url or not key:
        raise PequerokuError("You are not signed in. Do: pequeroku login URL")
    return Client(url, key)


def _find(client: Client, name: str) -> Container:
    """One's own by its name, or one that is shared; else by its id: as the gateway looks."""
    found = [each for each in _all(client) if each.name == name]
    if found:
        return min(found, key=lambda each: each.role is not None)
    if name.isdecimal():
        return client.get(int(name))
    raise PequerokuError(f"There is no container “{name}”. `pequeroku ls` shows what there is.", "not_found")


def _all(client: Client) -> list[Container]:
    found = list[Container]()
    while True:
        page = client.containers(limit=_PAGE, offset=len(found))
        found += page.results
        if not page.results or len(found) >= page.count:
            return found


def _awake(found: Container) -> Container:
    """The same, if it runs or is about to."""
    if found.desired_state == "stopped":
        raise PequerokuError(f"“{found.name}” is stopped. Start it: pequeroku start {found.name}")
    return found


def _running(client: Client, found: Container) -> Container:
    """The same, when it runs."""
    return found if _awake(found).activity == "running" else client.wait_until_running(found.id, timeout_s=300)


def _print(rows: Iterable[Any], columns: Sequence[str], *, as_json: bool) -> None:
    said = [asdict(each) if is_dataclass(each) and not isinstance(each, type) else dict(each) for each in rows]
    if as_json:
        typer.echo(json.dumps(said, indent=2))
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for line in table(said, columns, width=width):
        typer.echo(line)


def _address(said: str) -> str:
    """Of the server, from what stands in a browser's address bar."""
    url = said if "://" in said else f"{'http' if said.startswith(('localhost', '127.')) else 'https'}://{said}"
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@app.command()
def login(
    url: Annotated[str, typer.Argument(help="As in the browser.")],
    key: Annotated[str, typer.Option(help="Else it is asked for, or read from what is piped in.")] = "",
) -> None:
    """Keep where the server is, and a key of yours (page Account, Keys), in a file that only you can read."""
    if not key:
        key = typer.prompt("API key", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    said = {"url": _address(url), "key": key.strip()}
    with Client(**said) as client:
        client.types()
    _HOME.parent.mkdir(parents=True, exist_ok=True)
    _HOME.unlink(missing_ok=True)
    with os.fdopen(os.open(_HOME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(said, file)
    typer.echo(f"Signed in. The key is in {_HOME}.")


@app.command()
def ls(as_json: Json = False) -> None:
    """Your containers, and those shared with you."""
    with _client() as client:
        found = _all(client)
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
    name: Annotated[str, typer.Argument(help="Else it gets one.")] = "",
    kind: Kind = "small",
    wait: Wait = True,
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
def start(name: Name, wait: Wait = True) -> None:
    """Start a container, and wait until it runs."""
    with _client() as client:
        found = _find(client, name)
        client.start(found.id)
        if wait:
            client.wait_until_running(found.id, timeout_s=300)


@app.command()
def stop(name: Name) -> None:
    """Have a container shut down."""
    with _client() as client:
        client.stop(_find(client, name).id)


@app.command()
def rm(name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False) -> None:
    """Delete a container with its disk."""
    with _client() as client:
        found = _find(client, name)
        if not yes:
            typer.confirm(f"Delete “{found.name}” with its disk, for good?", abort=True)
        client.delete(found.id)


@app.command(context_settings=_AS_TYPED)
def exec(  # noqa: A001 - the command's name
    name: Name,
    command: Annotated[list[str], typer.Argument(help="One word is a line for the shell; more are a program's words.")],
    cwd: Cwd = "",
    timeout: Annotated[
        float, typer.Option(help="Seconds after which it is ended; 0: it may take as long as it takes.")
    ] = 0,
    no_input: Annotated[bool, typer.Option("--no-input", "-n", help="Don't read what is piped in.")] = False,
) -> None:
    """Run a command, and end with its exit code. What it says comes as it is said; what is piped in is its input."""
    words = command[1:] if command[0] == "--" else command
    if not words:
        raise typer.BadParameter("Say what to run.")
    line = words[0] if len(words) == 1 else shlex.join(words)
    stdin = b"" if no_input else piped_in()
    with _client() as client:
        stream = client.stream(_running(client, _find(client, name)).id, line, cwd=cwd, stdin=stdin)
        if timeout > 0:
            signal.signal(signal.SIGALRM, out_of_time)
            signal.setitimer(signal.ITIMER_REAL, timeout)
        try:
            for data in stream.chunks():
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
        except KeyboardInterrupt:
            raise SystemExit(INTERRUPTED) from None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            stream.close()
    if stream.exit_code is None:
        raise PequerokuError("Nobody saw its end: the machine stopped, or was started again.")
    raise SystemExit(stream.exit_code)


@app.command()
def logs(
    name: Name, follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on, until Ctrl-C.")] = False
) -> None:
    """What happened to a container, newest last."""
    with _client() as client, suppress(KeyboardInterrupt):
        found, seen = _find(client, name), 0
        while True:
            items = client.raw("GET", f"/api/containers/{found.id}/logs/?limit=100")["items"]
            for each in reversed([each for each in items if each["id"] > seen]):
                seen = each["id"]
                typer.echo(plain(f"{each['at']}  {each['kind']}  {each['text']}").rstrip())
            if not follow:
                return
            time.sleep(1)
    raise SystemExit(INTERRUPTED)


@app.command()
def run(
    command: Annotated[str, typer.Argument(help="A line for the shell, in /app.")],
    file: Annotated[
        list[Path] | None, typer.Option("--file", "-f", exists=True, dir_okay=False, help="Put into /app before.")
    ] = None,
    kind: Kind = "",
    timeout: Annotated[int, typer.Option(help="Seconds that the command may take.")] = 60,
) -> None:
    """Run a command in a machine of its own, which is gone afterwards; ends with its exit code."""
    files = {each.name: each.read_bytes() for each in file or []}
    with _client() as client:
        done = client.run_once(command, files=files, type=kind or None, timeout_seconds=timeout, waits=False)
        try:
            while not done.is_over:
                time.sleep(_LOOK_EVERY_S)
                done = client.get_run(done.id)
        except BaseException as leaving:
            with suppress(PequerokuError):
                client.cancel_run(done.id)
            if isinstance(leaving, KeyboardInterrupt):
                raise SystemExit(INTERRUPTED) from None
            raise
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    if done.status == "timed_out":
        print("pequeroku: its time was over; it was ended.", file=sys.stderr)
        raise SystemExit(OUT_OF_TIME)
    if done.exit_code is None:
        raise PequerokuError(done.message or "It came to nothing.")
    raise SystemExit(done.exit_code)


@app.command(context_settings=_AS_TYPED)
def ssh(
    name: Name, words: Annotated[list[str] | None, typer.Argument(help="A command; else you get a shell.")] = None
) -> None:
    """Your own ssh, into a container."""
    line = words[1:] if words and words[0] == "--" else words or []
    asks = sys.stdin.isatty() and not line
    how = ["-o", "ClearAllForwardings=yes", *(["-o", "RequestTTY=auto"] if line else [])]
    _over_ssh("ssh", name, lambda at: [*how, "--", at, *line], may_start=asks)


@app.command()
def cp(sources: list[str], target: str) -> None:
    """Copy files or folders by scp: `NAME:/path` is in a container."""
    names = {_place(each)[0] for each in (*sources, target)} - {""}
    there = [each for each in sources if _place(each)[0]]
    if len(names) != 1 or bool(_place(target)[0]) == bool(there) or len(there) not in (0, len(sources)):
        raise typer.BadParameter("Either the sources or the target are NAME:/path, in one container.")

    def words(at: str) -> list[str]:
        said = [f"{at}:{path}" if name else _here(path) for name, path in map(_place, (*sources, target))]
        return ["-r", "--", *said]

    _over_ssh("scp", names.pop(), words)


def _place(said: str) -> tuple[str, str]:
    """The container, or nothing for here, and the path."""
    name, colon, path = said.partition(":")
    return (name, path) if colon and name and "/" not in name else ("", said)


def _here(path: str) -> str:
    """So that scp takes no part of it for a host."""
    return path if path.startswith("/") else f"./{path}"


@app.command("port-forward")
def port_forward(
    name: Name, ports: Annotated[str, typer.Argument(metavar="PORT", help="As `8000`, or as `HERE:THERE`.")]
) -> None:
    """Reach a port of a container from here, until Ctrl-C."""
    here, _, there = ports.partition(":")
    if not all(each.isdecimal() and 0 < int(each) < 2**16 for each in (here, there or here)):
        raise typer.BadParameter("Give a port as 8000, or two as HERE:THERE.")
    to = f"127.0.0.1:{here}:127.0.0.1:{there or here}"
    says = f"http://127.0.0.1:{here} leads to port {there or here} of “{name}”. Ctrl-C ends it."
    _over_ssh("ssh", name, lambda at: ["-o", "ExitOnForwardFailure=yes", "-N", "-L", to, "--", at], says=says)


def _over_ssh(
    program: str, name: str, words: Callable[[str], list[str]], *, may_start: bool = False, says: str = ""
) -> NoReturn:
    """Hand over to OpenSSH, and end as it ends. `may_start`: the gateway asks whether to start what is stopped."""
    path = openssh.program(program)
    with _client() as client:
        found, gateway = _find(client, name), client.raw("GET", "/api/ssh-gateway/")
    if not may_start:
        _awake(found)
    told = openssh.options(gateway, _HOME.parent)
    if says:
        typer.echo(says)
    code = openssh.handed_over([path, *told, *words(f"{found.name}.{found.owner}@{gateway['host']}")])
    if openssh.was_not_let_in(code):
        print("pequeroku: if your key was not let in: is it on the page Account, Keys?", file=sys.stderr)
    raise SystemExit(code)
