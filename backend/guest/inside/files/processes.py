"""Programs of the guest that do in C what would take Python long: run in an open folder, ended with their request."""

import contextlib
import os
import signal
import subprocess
from typing import IO

from backend.guest.inside.files.jail import Trouble
from backend.guest.inside.files.main import Call

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "LANGUAGE": "C",
}
_TOLD_BYTES = 4000


def start(
    call: Call, arguments: list[str], folder: int, *, env: dict[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Begin one, in a session of its own; it is killed with all its children when the request is cancelled."""
    call.check()
    process = subprocess.Popen(
        arguments,
        cwd=f"/proc/self/fd/{folder}",
        env=ENVIRONMENT | (env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    call.on_cancel(lambda: end(process))
    return process


def end(process: "subprocess.Popen[bytes]") -> None:
    """At once."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)


def run(call: Call, arguments: list[str], folder: int) -> None:
    """One that says nothing but why it failed."""
    with start(call, arguments, folder) as process:
        _, errors = process.communicate()
    call.on_cancel(lambda: None)
    call.check()
    if process.returncode:
        raise failure(errors)


def failure(errors: bytes) -> Trouble:
    """What a program's last words mean."""
    words = errors[-_TOLD_BYTES:].decode(errors="replace").strip()
    if "No space left on device" in words or "Disk quota exceeded" in words:
        return Trouble("no_space")
    if "Read-only file system" in words:
        return Trouble("read_only")
    said = [each.strip() for each in words.splitlines() if each.strip()]
    return Trouble("failed", " ".join(said[-6:])[:400])


def last_words(stream: IO[bytes] | None) -> bytes:
    """Of a program that has ended."""
    return stream.read()[-_TOLD_BYTES:] if stream is not None else b""
