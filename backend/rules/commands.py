"""What may be asked of a shell in a machine, and the script that it becomes."""

import re
from collections.abc import Mapping
from shlex import quote

from backend.errors import Invalid

MAX_COMMAND = 32 * 1024
MAX_STDIN = 512 * 1024
MAX_TIMEOUT_S = 600
_MAX_PATH = 4096
_MAX_VARIABLES = 100
_MAX_ENVIRONMENT = 32 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_PROCESS_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_SHOWN = 300


def command(raw: str) -> str:
    """What a shell is to run.

    Raises:
        Invalid: it is nothing, too long, or can't be handed to a shell.
    """
    _refuse_odd(raw, "command")
    if not raw.strip():
        raise Invalid("Say what to run.", field="command")
    if len(raw.encode()) > MAX_COMMAND:
        raise Invalid(
            f"A command has {MAX_COMMAND:,} bytes at most. Put more into a file, and run that.", field="command"
        )
    return raw


def folder(raw: str) -> str:
    """Where to run it: an absolute path, or nothing for the home folder.

    Raises:
        Invalid: it is no such path.
    """
    _refuse_odd(raw, "cwd")
    if raw and (not raw.startswith("/") or len(raw.encode()) > _MAX_PATH):
        raise Invalid("Give the folder as a path from /, such as /app.", field="cwd")
    return raw


def environment(raw: Mapping[str, str]) -> dict[str, str]:
    """What to add to its environment.

    Raises:
        Invalid: a name can't be one, or there is too much of it.
    """
    for name, value in raw.items():
        if not _NAME.fullmatch(name):
            raise Invalid(f"“{name[:50]}” can't be the name of a variable: use letters, digits and _.", field="env")
        _refuse_odd(value, "env")
    if len(raw) > _MAX_VARIABLES or sum(len(each.encode()) for each in raw.values()) > _MAX_ENVIRONMENT:
        raise Invalid(f"Give {_MAX_VARIABLES} variables and {_MAX_ENVIRONMENT:,} bytes at most.", field="env")
    return dict(raw)


def process_id(raw: str) -> str:
    """The name of a process that goes on by itself.

    Raises:
        Invalid: it can't be one.
    """
    if not _PROCESS_ID.fullmatch(raw):
        raise Invalid("A process is named by up to 32 small letters, digits and -.", field="process_id")
    return raw


def script(said: str, *, cwd: str, env: Mapping[str, str]) -> str:
    """What the shell is given: the folder and the variables first. A folder that is not there ends it with 126."""
    lines = [f"export {name}={quote(value)}" for name, value in env.items()]
    lines += [f"cd -- {quote(cwd)} || exit 126"] if cwd else []
    return "\n".join([*lines, said])


def shown(said: str) -> str:
    """The command as the audit log keeps it: on one line, and not all of a long one."""
    line = " ".join(said.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def _refuse_odd(text: str, field: str) -> None:
    if "\0" in text or any("\ud800" <= each <= "\udfff" for each in text):
        raise Invalid("There is a character in it that no shell takes.", field=field)
