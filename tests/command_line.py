"""The command line as a person has it: a program of its own, with a home of its own, and their own OpenSSH."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pequeroku.cli import app
from typer.main import get_command

_ROOT = Path(__file__).resolve().parents[1]
_TROUBLE = """\
Host *
  IdentityFile {key}
  IdentitiesOnly yes
  IdentityAgent none
  StrictHostKeyChecking ask
  UserKnownHostsFile {folder}/known
  HostKeyAlias elsewhere
  HostKeyAlgorithms ecdsa-sha2-nistp256
  User nobody
  Port 9
  ControlMaster auto
  ControlPath {folder}/%C
  RequestTTY force
  RemoteCommand false
  PreferredAuthentications password
"""
"""What may stand in somebody's `~/.ssh/config` for other machines."""


def commands() -> set[str]:
    """All that `pequeroku --help` shows."""
    return set(getattr(get_command(app), "commands"))  # noqa: B009 - a group has them


class CommandLine:
    """Runs `pequeroku`; `asked` are the commands that were run and ended well."""

    def __init__(self, folder: Path, key: Path | None = None, **environment: str) -> None:
        self.folder, self.asked = folder, set[str]()
        programs = folder / "bin"
        programs.mkdir()
        own = programs / "pequeroku"
        own.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pequeroku "$@"\n')
        own.chmod(0o755)
        if key is not None:
            self._has_openssh(programs, key)
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "a config"),
            "PYTHONPATH": str(_ROOT / "sdk"),
            "LANG": "C.UTF-8",
        } | environment

    def _has_openssh(self, programs: Path, key: Path) -> None:
        """OpenSSH looks for a configuration in the account's home folder, whatever HOME says."""
        config = self.folder / "ssh_config"
        config.write_text(_TROUBLE.format(key=key, folder=self.folder))
        for name in ("ssh", "scp"):
            here = programs / name
            here.write_text(f'#!/bin/sh\nexec /usr/bin/{name} -F "{config}" "$@"\n')
            here.chmod(0o755)

    def does(self, *words: str, stdin: bytes = b"", code: int = 0, within_s: float = 300) -> str:
        """Run it; what it printed. It has to end with that code."""
        done = self.run(*words, stdin=stdin, within_s=within_s)
        assert done.returncode == code, (words, done.returncode, done.stdout[-2000:], done.stderr.decode()[-2000:])
        return done.stdout.decode()

    def refuses(self, *words: str, code: int = 1, stdin: bytes = b"") -> str:
        """Run it; what it said was wrong, in one line."""
        done = self.run(*words, stdin=stdin)
        said = done.stderr.decode()
        assert (done.returncode, done.stdout) == (code, b""), (words, done)
        if code == 1:
            assert said.startswith("pequeroku: "), said
            assert said.count("\n") == 1, said
        return said

    def run(self, *words: str, stdin: bytes = b"", within_s: float = 300) -> "subprocess.CompletedProcess[bytes]":
        """Run it to its end."""
        self.asked.add(words[0])
        command = [sys.executable, "-m", "pequeroku", *words]
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            env=self.environment,
            cwd=self.folder,
            timeout=within_s,
            check=False,
        )

    def script(self, program: str, text: str, within_s: float = 600) -> str:
        """Run an example, with `pequeroku` at hand; what it printed."""
        done = subprocess.run(
            [program, "-e", "-c", text] if program == "bash" else [program, "-c", text],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=self.environment,
            cwd=self.folder,
            timeout=within_s,
            check=False,
        )
        assert done.returncode == 0, (text, done.stdout.decode(), done.stderr.decode())
        return done.stdout.decode()

    @contextmanager
    def goes_on(self, *words: str) -> Generator["subprocess.Popen[Any]"]:
        """It, while it runs; whatever is left of it is ended."""
        self.asked.add(words[0])
        command = [sys.executable, "-m", "pequeroku", *words]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            cwd=self.folder,
            bufsize=0,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()


def interrupted(process: "subprocess.Popen[Any]", number: int = signal.SIGINT, within_s: float = 60) -> int:
    """As by Ctrl-C; the exit code."""
    process.send_signal(number)
    return process.wait(within_s)
