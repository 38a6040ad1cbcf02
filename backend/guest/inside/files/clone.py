"""`git clone`, with a secret that exists nowhere but in this process's memory while it lasts."""

import contextlib
import os
import re
from collections.abc import Generator, Iterator
from typing import Any

from backend.guest.inside.files import processes, renaming
from backend.guest.inside.files.jail import FOLDER, OURS, Place, Trouble
from backend.guest.inside.files.main import Call, Program

_PERCENT = re.compile(r"(\d{1,3})%")


def do_clone(
    program: Program, call: Call, *, url: str, path: str, host: str, token: str, username: str, key: str
) -> dict[str, Any]:
    """Beside first, then in place: one that fails or is cancelled leaves nothing. `host`: `https://name:port`."""
    with program.jail.place(path, make=True) as place:
        was_there = place.status() is not None
        if was_there and not _is_empty(place):
            raise Trouble("exists")
        shop = program.workshop.beside(place)
        name = f"{OURS}{os.urandom(8).hex()}"
        try:
            with _memory(key) as key_fd, _memory(f"username={username}\npassword={token}\n") as token_fd:
                _git(call, shop, url, name, _options(host if token else "", token_fd), _environment(key, key_fd))
            with program.workshop.lock:
                if was_there:
                    os.rmdir(place.name, dir_fd=place.folder)
                renaming.into_free(shop, name, place)
        finally:
            program.workshop.remove_in(shop, name)
            os.close(shop)
    return {}


def _is_empty(place: Place) -> bool:
    try:
        fd = os.open(place.name, FOLDER, dir_fd=place.folder)
    except NotADirectoryError:
        return False
    try:
        return place.name != "." and not os.listdir(fd)
    finally:
        os.close(fd)


def _options(host: str, token_fd: int) -> list[str]:
    """git asks a program of the shell for the token, and only for this host: a redirect elsewhere gets none."""
    nobody = ["-c", "credential.helper=", "-c", "core.askPass=true"]
    if not host:
        return nobody
    given = f'!f() {{ test "$1" = get && cat /proc/{os.getpid()}/fd/{token_fd}; }}; f'
    return [*nobody, "-c", f"credential.{host}.helper={given}"]


def _environment(key: str, key_fd: int) -> dict[str, str]:
    ssh = "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=20"
    if key:
        ssh += f" -o IdentitiesOnly=yes -o IdentityAgent=none -i /proc/{os.getpid()}/fd/{key_fd}"
    return {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:http:ssh", "GIT_SSH_COMMAND": ssh}


@contextlib.contextmanager
def _memory(text: str) -> Generator[int]:
    """A file without a name, on no disk; gone with us, however we go."""
    fd = os.memfd_create("pequeroku", os.MFD_CLOEXEC)
    try:
        os.fchmod(fd, 0o600)
        os.write(fd, text.encode())
        yield fd
    finally:
        os.close(fd)


def _git(call: Call, shop: int, url: str, name: str, options: list[str], environment: dict[str, str]) -> None:
    arguments = ["git", *options, "clone", "--progress", "--", url, name]
    words: list[str] = []
    try:
        started = processes.start(call, arguments, shop, env=environment)
    except FileNotFoundError:
        raise Trouble("failed", "the machine has no git: apt install git") from None
    with started as process:
        for line in _lines(process.stderr):
            found = _PERCENT.search(line)
            if found is None and OURS not in line:
                words = [*words, line][-20:]
            call.tell(event="progress", text=line[:300], percent=int(found[1]) if found else None)
    call.on_cancel(lambda: None)
    call.check()
    if process.returncode:
        raise processes.failure("\n".join(words).encode())


def _lines(stream: Any) -> Iterator[str]:
    """What git draws over and over is ended by carriage returns; a word of it now and then is enough."""
    rest = b""
    while piece := os.read(stream.fileno(), 4096):
        *whole, rest = re.split(rb"[\r\n]+", rest + piece)
        rest = rest[-4096:]
        kept = [each for number, each in enumerate(whole) if number == len(whole) - 1 or b"%" not in each]
        yield from (each.decode(errors="replace") for each in kept if each.strip())
    if rest.strip():
        yield rest.decode(errors="replace")
