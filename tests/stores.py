"""Real PostgreSQL, Redis and NATS for the tests: own processes, own folders, loopback only, gone at the end."""

import asyncio
import atexit
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg


def free_port() -> int:
    """A loopback port that nobody listens on, and that no other process is given while this one lives.

    It stays bound here: whoever is to listen there asks to share it (SO_REUSEADDR), as servers do; who asks for any
    port gets another.
    """
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    atexit.register(kept.close)
    return int(kept.getsockname()[1])


def wait_for(what: str, happened, *, seconds: float = 20.0) -> None:
    """Poll a condition; a wait that is too long fails with what it waited for."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.02)


async def eventually(what: str, happened, *, seconds: float = 20.0, pause_s: float = 0.02):
    """Await a condition (sync or async) and return what it gave. `pause_s`: between looks, which may cost something."""
    end = time.monotonic() + seconds
    while True:
        outcome = happened()
        if asyncio.iscoroutine(outcome):
            outcome = await outcome
        if outcome:
            return outcome
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        await asyncio.sleep(pause_s)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _unprivileged() -> tuple[str, dict[str, int]]:
    """PostgreSQL refuses to be root: then it runs as Debian's user for it."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name, {}
    entry = pwd.getpwnam("postgres")
    return entry.pw_name, {"user": entry.pw_uid, "group": entry.pw_gid}


def _answers(url: str) -> bool:
    """It listens a moment before it lets anybody in."""
    try:
        psycopg.connect(f"{url}/postgres").close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def postgres() -> Generator[str]:
    """A PostgreSQL server; gives the URL of its superuser, without a database."""
    binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not binaries:
        raise RuntimeError("PostgreSQL is not installed: `make test` installs it")
    folder = Path(tempfile.mkdtemp(prefix="pequeroku-pg-"))
    user, identity = _unprivileged()
    shutil.chown(folder, user)
    port, data = free_port(), folder / "data"
    run = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": folder, **identity}
    initdb = [f"{binaries[-1]}/initdb", "-D", str(data), "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(initdb, check=True, **run)
    options = ["-F", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=300"]
    server = subprocess.Popen([f"{binaries[-1]}/postgres", "-D", str(data), "-p", str(port), *options], **run)
    try:
        url = f"postgresql://tests@127.0.0.1:{port}"
        wait_for("PostgreSQL", lambda: _answers(url))
        yield url
    finally:
        server.send_signal(signal.SIGINT)  # whoever is still connected is cut off
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis() -> Generator[str]:
    """A Redis server without persistence; gives its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pequeroku-redis-") as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        try:
            wait_for("Redis", lambda: _listens(port))
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait(10)


def create_database(url: str, name: str) -> str:
    """A database of its own on the server; gives its URL."""
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"{url}/{name}"


class Kept:
    """A database whose rows, and where its sequences stand, are remembered, to begin again with them.

    That takes a tenth of the time of a new database.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("CREATE SCHEMA kept")
        steps = [step for name in self._names("SELECT tablename FROM pg_tables") for step in self._keep(name)]
        places = self._connection.execute("SELECT sequencename, last_value FROM pg_sequences").fetchall()
        steps += [f"PERFORM setval('public.\"{name}\"', {at or 1}, {at is not None})" for name, at in places]
        body = ";\n".join(["SET LOCAL session_replication_role = replica", *steps, ""])
        function = f"CREATE FUNCTION kept.begin_again() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
        self._connection.execute(function.encode())

    def begin_again(self) -> None:
        """Put back what was kept; whoever is still connected is cut off first."""
        self._connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        self._connection.execute("SELECT kept.begin_again()")

    def close(self) -> None:
        self._connection.close()

    def _names(self, query: str) -> list[str]:
        return [row[0] for row in self._connection.execute(f"{query} WHERE schemaname = 'public'".encode()).fetchall()]

    def _keep(self, table: str) -> list[str]:
        """Copy the rows; gives the statements that put them back."""
        self._connection.execute(f'CREATE TABLE kept."{table}" AS TABLE public."{table}"'.encode())
        query = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
        names = self._connection.execute(f"{query} AND is_generated = 'NEVER'".encode(), [table]).fetchall()
        columns = ", ".join(f'"{name}"' for (name,) in names)
        return [
            f'DELETE FROM public."{table}"',
            f'INSERT INTO public."{table}" ({columns}) SELECT {columns} FROM kept."{table}"',
        ]


class Nats:
    """A NATS server with JetStream, whose data outlives a stop."""

    def __init__(self, folder: Path) -> None:
        self._port, self._folder = free_port(), folder
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    def start(self) -> None:
        options = ["-a", "127.0.0.1", "-p", str(self._port), "-js", "-sd", str(self._folder)]
        self._server = subprocess.Popen(["nats-server", *options], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        wait_for("NATS", lambda: _listens(self._port))

    def hang(self) -> None:
        """It listens, and says nothing."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGCONT)
            self._server.terminate()
            self._server.wait(10)
            self._server = None


@contextmanager
def nats() -> Generator[Nats]:
    """A NATS server of its own; it runs."""
    with tempfile.TemporaryDirectory(prefix="pequeroku-nats-") as folder:
        server = Nats(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
