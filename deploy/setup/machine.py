"""What we ask of the machine, and what we know of it."""

import os
import platform
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "var"
"""What setup makes and can make again: logs, stamps, JavaScript tools. The backend keeps its data here as well."""
VENV = ROOT / ".venv"

_DISK_NEEDED_GIB = 6
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class Problem(Exception):
    """Why it cannot go on, in one line for the person who asked."""


def check_system() -> None:
    """Refuse a machine on which the rest could not work.

    Raises:
        Problem: not Debian 12 on x86-64.
    """
    release = _os_release()
    is_debian_12 = release.get("ID") == "debian" and release.get("VERSION_ID") == "12"
    if not shutil.which("apt-get") or not (is_debian_12 or os.environ.get("ALLOW_UNTESTED_OS")):
        name = release.get("PRETTY_NAME") or platform.system()
        raise Problem(
            f"This is {name}; Pequeroku installs itself on Debian 12 only (ALLOW_UNTESTED_OS=1 tries anyway)."
        )
    if platform.machine() != "x86_64":
        raise Problem(f"This machine is {platform.machine()}; Pequeroku needs x86_64.")


def check_disk(*places: Path) -> None:
    """Refuse to begin what would fill a disk.

    Raises:
        Problem: one of the places has too little room.
    """
    for place in places:
        there = next(path for path in (place, *place.parents) if path.exists())
        free_gib = shutil.disk_usage(there).free / 2**30
        if free_gib < _DISK_NEEDED_GIB:
            raise Problem(f"{there} has {free_gib:.1f} GiB of disk left; the setup needs {_DISK_NEEDED_GIB} GiB.")


def check_port(host: str, port: int) -> None:
    """Refuse an address that somebody listens on.

    Raises:
        Problem: it is taken, or not ours to listen on.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Problem(f"Cannot listen on {host}:{port}: {why}. For another: HOST=… PORT=… make run.") from None


def setting(name: str, default: str = "") -> str:
    """Return what the environment says, else `.env`, else the default: the order in which the backend reads them."""
    return os.environ.get(name) or _dotenv().get(name) or default


def cache_folder() -> Path:
    """Return the folder of what takes long to make and may be lost at any time."""
    return Path(setting("PEQUEROKU_CACHE", "~/.cache/pequeroku")).expanduser().absolute()


def as_root(*command: str, environment: dict[str, str] | None = None, secrets: Sequence[str] = ()) -> list[str]:
    """Return the command in the form in which it runs as root. The person's proxies go with it.

    `secrets` are names of variables that go along too, and not on the command line, which everybody can read.
    """
    kept = {name: os.environ[name] for name in _PROXIES if name in os.environ} | (environment or {})
    unseen = [f"--preserve-env={','.join(secrets)}"] if secrets and _sudo() else []
    return [*_sudo(), *unseen, "env", *(f"{name}={value}" for name, value in kept.items()), *command]


def user_name() -> str:
    """Return who runs this, as the system knows them."""
    return pwd.getpwuid(os.geteuid()).pw_name


@cache
def _sudo() -> tuple[str, ...]:
    """How to become root. Where sudo wants a password, it asks for it now and once."""
    if os.geteuid() == 0:
        return ()
    if not shutil.which("sudo"):
        raise Problem("Debian packages and virtual machines need root: install sudo, or run this as root.")
    if subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode:
        if not sys.stdin.isatty():
            raise Problem("sudo wants a password and there is no terminal to ask on: run this in one, or as root.")
        if subprocess.run(["sudo", "-v"], check=False).returncode:
            raise Problem("Debian packages and virtual machines need root, and sudo refused.")
    return ("sudo", "-n")


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


@cache
def _dotenv() -> dict[str, str]:
    path = ROOT / ".env"
    found: dict[str, str] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        name, equals, value = line.removeprefix("export ").partition("=")
        if equals and not name.lstrip().startswith("#"):
            found[name.strip()] = value.split(" #")[0].strip().strip("'\"")
    return found
