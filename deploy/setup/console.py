"""What the person sees while we work: one line for a step that begins, one for how long it took."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from deploy.setup.machine import HOME, ROOT, VENV, Problem

_LINES_SHOWN = 12
_WIDTH_SHOWN = 160
_STAMPS = HOME / "stamps"
_lock = threading.Lock()


def say(line: str = "", *, err: bool = False) -> None:
    """Print one line whole, though steps run side by side."""
    with _lock:
        print(line, file=sys.stderr if err else sys.stdout, flush=True)


class Step:
    """A piece of work with a title. What its commands print goes to `var/log/<name>.log`."""

    def __init__(self, name: str, title: str) -> None:
        self.log = HOME / "log" / f"{name}.log"
        self._title = title

    def __enter__(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(b"")
        self._started = time.monotonic()
        say(f"  … {self._title}")
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        took_s = time.monotonic() - self._started
        say(f"  {'✗' if error else '✓'} {self._title.partition(':')[0]}  ({took_s:.1f} s)")

    def run(self, *command: str | Path, env: dict[str, str] | None = None, secret: bool = False) -> str:
        """Run a command and return what it printed on stdout, which is kept out of the log where it is secret.

        Raises:
            Problem: it failed; with its last lines.
        """
        words = [str(word) for word in command]
        with self.log.open("ab") as log:
            log.write(f"$ {' '.join(words)}\n".encode())
            log.flush()
            result = subprocess.run(
                words,
                cwd=ROOT,
                env=env or environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if secret else log,
                stderr=log,
                check=False,
            )
        if result.returncode:
            raise Problem(f"{self._title.partition(':')[0]}: failed.\n{self._last_lines()}\nAll of it: {self.log}")
        return result.stdout.decode() if secret else self.printed()

    def printed(self) -> str:
        """Return the log."""
        return self.log.read_text(errors="replace")

    def _last_lines(self) -> str:
        return "\n".join(f"    {line[:_WIDTH_SHOWN]}" for line in self.printed().splitlines()[-_LINES_SHOWN:])


class Stamp:
    """Remembers from which inputs something was made, so that it is made again only when they change."""

    def __init__(self, name: str, *inputs: str | Path) -> None:
        self._path = _STAMPS / name
        self._inputs = inputs

    def is_fresh(self) -> bool:
        """Say whether it was made from the inputs as they are now."""
        return self._path.exists() and self._path.read_text() == _digest(self._inputs)

    def clear(self) -> None:
        """Forget, before it is made anew: half of it must not pass for the whole."""
        self._path.unlink(missing_ok=True)

    def write(self) -> None:
        """Remember the inputs as they are now."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(_digest(self._inputs))


def environment(**more: str) -> dict[str, str]:
    """Return the environment of all that we start: our tools first on PATH, nothing that calls home."""
    from_us = [HOME / "js/node_modules/.bin", VENV / "bin"]
    path = os.pathsep.join([*map(str, from_us), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    quiet = {
        "PATH": path,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
    }
    return os.environ | quiet | more


def _digest(inputs: Iterable[str | Path]) -> str:
    digest = hashlib.sha256()
    for each in inputs:
        for path in _files(each) if isinstance(each, Path) else ():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
        if isinstance(each, str):
            digest.update(f"{each}\n".encode())
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    found = [path] if path.is_file() else sorted(path.rglob("*"))
    made = {"__pycache__", "external"}
    return [each for each in found if each.is_file() and not made.intersection(each.relative_to(ROOT).parts)]
