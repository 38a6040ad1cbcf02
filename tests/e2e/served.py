"""The real thing for browser tests: the built front end and the whole back end, in a process of its own."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from tests.e2e import people
from tests.stores import free_port

ROOT = Path(__file__).resolve().parents[2]
_BUILT = ROOT / ".web" / "build" / "client" / "index.html"
_QUIET = {"REFLEX_TELEMETRY_ENABLED": "false", "REFLEX_CHECK_LATEST_VERSION": "false"}
_SERVE_BUILT = {
    "REFLEX_ENV_MODE": "prod",
    "__REFLEX_SKIP_COMPILE": "true",
    "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
}
_START_S = 90
ADMIN_PASSWORD, ADMIN_TOKEN = "an admin for tests", "a token for tests"
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
"""As root in a sandbox, and without a word to anybody else."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: where, and where it writes what it says."""

    url: str
    home: Path
    log: Path
    pid: int


def build() -> None:
    """Build the front end, if a source is newer than what is built."""
    sources = [*(ROOT / "pequeroku_ui").rglob("*"), *(ROOT / "assets").glob("*")]
    newest = max(path.stat().st_mtime for path in sources if path.suffix in (".py", ".jsx", ".js", ".css", ".svg"))
    if _BUILT.exists() and _BUILT.stat().st_mtime > newest:
        return
    command = [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip"]
    done = subprocess.run(command, cwd=ROOT, env=_environment({}), capture_output=True, text=True, check=False)
    if done.returncode or not _BUILT.exists():
        raise RuntimeError(f"the front end could not be built:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")


@contextmanager
def serve(
    home: Path, extra: dict[str, str], *, app: str = "pequeroku_ui.pequeroku_ui:app", users: int = people.COUNT
) -> Generator[Served]:
    """Migrate, seed, make so many people, serve; stop at the end."""
    port = free_port()
    environment = _environment(
        {
            "PEQUEROKU_HOME": str(home),
            "PORT": str(port),
            "PREVIEW_PORT": str(free_port()),
            "SSH_PORT": str(free_port()),
            "SUPERUSER_PASSWORD": ADMIN_PASSWORD,
            "ADMIN_TOKEN": ADMIN_TOKEN,
            **extra,
        }
    )
    for module, *words in (("backend.cli", "migrate"), ("tests.e2e.people", str(users))):
        subprocess.run([sys.executable, "-m", module, *words], cwd=ROOT, env=environment, check=True)
    log = home / "server.log"
    command = [sys.executable, "-m", "backend.serve", app, "--port", str(port)]
    with (
        log.open("w") as sink,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sink, stderr=sink) as process,
    ):
        try:
            served = Served(f"http://localhost:{port}", home, log, process.pid)
            _await_start(served, process)
            yield served
        finally:
            process.terminate()
            process.wait(timeout=20)


def memory_node(home: Path) -> dict[str, str]:
    """A node without machines, and the empty files that stand for the guest image it never boots."""
    folder = home / "image"
    folder.mkdir()
    files = {"base": "base.raw", "kernel": "vmlinuz", "initrd": "initrd.img"}
    for name in files.values():
        (folder / name).touch()
    (folder / "manifest.json").write_text(json.dumps({"version": "none", "cmdline": "", **files}))
    return {"LOCAL_NODE_URI": "memory://local", "IMAGE_DIR": str(folder)}


def _environment(more: dict[str, str]) -> dict[str, str]:
    bins = [str(ROOT / "var" / "js" / "node_modules" / ".bin"), str(Path(sys.executable).parent)]
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DB_NAME", "REDIS_URL")}
    path = os.pathsep.join([*bins, os.environ.get("PATH", "")])
    return {**kept, **_QUIET, **(_SERVE_BUILT if more else {}), **more, "PATH": path}


def _await_start(served: Served, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{served.url}/login", timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise RuntimeError(f"the server did not start:\n{served.log.read_text()[-4000:]}")
